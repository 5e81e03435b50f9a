// Command api serves the patient portal. Its flaws are there on purpose: it is
// what vitalsign is shown and tested with, and belongs on no network. Everything
// is in memory; every patient, number and credential is made up.
package main

import (
	"context"
	"crypto/tls"
	"database/sql"
	"embed"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	_ "modernc.org/sqlite"

	"clinic.example/portal/api/internal/auth"
	"clinic.example/portal/api/internal/export"
	"clinic.example/portal/api/internal/fhir"
	"clinic.example/portal/api/internal/portal"
	"clinic.example/portal/api/internal/store"
)

//go:embed openapi.yaml static assets
var files embed.FS

// hardened serves every route as it should be.
var hardened = flag.Bool("hardened", false, "serve the same routes done right")

func main() {
	addr := flag.String("addr", "127.0.0.1:8080", "where the portal answers")
	tlsAddr := flag.String("tls-addr", "", "where it answers over TLS, too (old versions, a certificate that has expired)")
	flag.Parse()

	db, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection would have a database of its own
	if err := store.Fill(db); err != nil {
		log.Fatal(err)
	}
	dir, err := export.Fill()
	if err != nil {
		log.Fatal(err)
	}
	mux := routes(db, dir)

	over, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	go func() {
		<-over.Done()
		if err := os.RemoveAll(dir); err != nil {
			log.Print(err)
		}
		os.Exit(0)
	}()
	if *tlsAddr != "" {
		go serveTLS(*tlsAddr, mux)
	}
	log.Printf("the portal answers at http://%s/", *addr)
	log.Fatal(http.ListenAndServe(*addr, mux))
}

// pick gives the handler with the flaw, or the one without.
func pick(flawed, right http.HandlerFunc) http.HandlerFunc {
	if *hardened {
		return right
	}
	return flawed
}

func routes(db *sql.DB, dir string) http.Handler {
	patients := store.Patients{DB: db}
	people := auth.New(*hardened)
	pages := portal.Pages{DB: db, Files: files, People: people, Hardened: *hardened}
	api := fhir.Server{Hardened: *hardened, People: people}
	mux := http.NewServeMux()

	// The kiosk in the waiting room searches without a login.
	mux.Handle("/patients", pick(patients.Search, patients.Search2))
	mux.Handle("GET /patients/search2", http.HandlerFunc(patients.Search2))
	mux.Handle("GET /appointments", pick(patients.Appointments, patients.Appointments2))
	mux.Handle("GET /appointments2", http.HandlerFunc(patients.Appointments2))
	mux.Handle("/export", pick(export.Handler(dir), people.Require(export.Handler2(dir))))
	mux.Handle("GET /leaflets", export.Handler2(dir))

	// The laboratory's certificate expired and nobody renewed it.
	lab := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	mux.Handle("/lab", pick(export.Laboratory(lab), export.Laboratory2))
	mux.Handle("GET /lab2", http.HandlerFunc(export.Laboratory2))
	mux.Handle("GET /preview", pick(export.Preview(lab), export.Preview2))
	mux.Handle("GET /preview2", http.HandlerFunc(export.Preview2))
	mux.Handle("POST /import", pick(export.Import(lab), export.Import2))
	mux.Handle("POST /import2", http.HandlerFunc(export.Import2))

	// Pages.
	mux.Handle("GET /{$}", http.HandlerFunc(pages.Index))
	mux.Handle("GET /hello", pick(pages.Hello, pages.HelloSafe))
	mux.Handle("GET /hello-safe", http.HandlerFunc(pages.HelloSafe))
	mux.Handle("GET /field", pick(pages.Field, pages.FieldSafe))
	mux.Handle("GET /field-safe", http.HandlerFunc(pages.FieldSafe))
	mux.Handle("GET /greet", pick(pages.Greet, pages.GreetSafe))
	mux.Handle("GET /greet-safe", http.HandlerFunc(pages.GreetSafe))
	mux.Handle("GET /echo", http.HandlerFunc(pages.Echo))
	mux.Handle("GET /notes", pick(pages.Notes, pages.NotesSafe))
	mux.Handle("POST /notes", http.HandlerFunc(pages.AddNote))
	mux.Handle("GET /remarks", http.HandlerFunc(pages.RemarksSafe))
	mux.Handle("POST /remarks", http.HandlerFunc(pages.AddRemark))
	mux.Handle("GET /go", pick(pages.Go, pages.Go2))
	mux.Handle("GET /go2", http.HandlerFunc(pages.Go2))
	mux.Handle("GET /language", pick(pages.Language, pages.Language2))
	mux.Handle("GET /language2", http.HandlerFunc(pages.Language2))
	mux.Handle("GET /letter", pick(pages.Letter, pages.Letter2))
	mux.Handle("GET /letter2", http.HandlerFunc(pages.Letter2))
	mux.Handle("GET /visits/{id}", pick(pages.Visit, pages.Visit2))
	mux.Handle("GET /visits2/{id}", http.HandlerFunc(pages.Visit2))

	// Who is logged in.
	mux.Handle("GET /login", http.HandlerFunc(pages.LoginPage))
	mux.Handle("POST /login", pick(people.Login, people.Login2))
	mux.Handle("POST /login2", http.HandlerFunc(people.Login2))
	mux.Handle("/logout", pick(people.Logout, people.Logout2))
	mux.Handle("/logout2", http.HandlerFunc(people.Logout2))
	mux.Handle("POST /token", http.HandlerFunc(people.Token))
	mux.Handle("POST /reset", http.HandlerFunc(people.Reset))
	mux.Handle("GET /profile", people.Require(pick(pages.Profile, pages.Profile2)))
	mux.Handle("GET /profile2", people.Require2(pages.Profile2))
	mux.Handle("GET /documents/{id}", people.Require(pick(pages.Document, pages.Document2)))
	mux.Handle("GET /documents2/{id}", people.Require2(pages.Document2))
	mux.Handle("GET /staff/report", auth.Require(pages.Report))

	api.Routes(mux)
	pages.Routes(mux)
	return pages.Around(mux)
}
