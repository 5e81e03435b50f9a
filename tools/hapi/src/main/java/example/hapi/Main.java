package example.hapi;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.openapi.OpenApiInterceptor;
import ca.uhn.fhir.rest.server.RestfulServer;
import ca.uhn.fhir.rest.server.provider.HashMapResourceProvider;
import java.net.InetSocketAddress;
import java.util.List;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.hl7.fhir.r4.model.AuditEvent;
import org.hl7.fhir.r4.model.ContactPoint;
import org.hl7.fhir.r4.model.Observation;
import org.hl7.fhir.r4.model.Patient;
import org.hl7.fhir.r4.model.Quantity;

/** A FHIR R4 server on this machine, in memory: {@code Main PORT}. It asks nobody for a token. */
public final class Main {
  private Main() {}

  public static void main(String[] args) throws Exception {
    FhirContext r4 = FhirContext.forR4();
    HashMapResourceProvider<Patient> patients = new HashMapResourceProvider<>(r4, Patient.class);
    HashMapResourceProvider<Observation> observations = new HashMapResourceProvider<>(r4, Observation.class);
    for (String name : List.of("Alpha", "Beta")) {
      Patient p = new Patient();
      p.setId("HTEST-" + name);
      p.getMeta().addSecurity("http://terminology.hl7.org/CodeSystem/v3-ActReason", "HTEST", null);
      p.addName().setFamily(name).addGiven("Testa");
      p.addTelecom().setSystem(ContactPoint.ContactPointSystem.PHONE).setValue("555-0100");
      patients.store(p);
      Observation o = new Observation();
      o.setId("rate-" + name);
      o.getSubject().setReference("Patient/HTEST-" + name);
      o.setValue(new Quantity(61).setUnit("/min"));
      observations.store(o);
    }
    RestfulServer fhir = new RestfulServer(r4);
    fhir.setResourceProviders(patients, observations, new HashMapResourceProvider<>(r4, AuditEvent.class));
    fhir.registerInterceptor(new OpenApiInterceptor()); // at /fhir/api-docs

    Server server = new Server(new InetSocketAddress("127.0.0.1", Integer.parseInt(args[0])));
    ServletContextHandler context = new ServletContextHandler("/");
    context.addServlet(new ServletHolder(fhir), "/fhir/*");
    server.setHandler(context);
    server.start();
    System.out.println("ready");
    server.join();
  }
}
