package fhir

import "slices"

// Compartment says whether resources of a type belong to a patient: those of
// the CompartmentDefinition of Patient in FHIR R4
// (hl7.org/fhir/R4/compartmentdefinition-patient.html), and Patient itself. Left
// out are Group and Person, and those that are as often about no patient: Basic,
// List, Provenance, AuditEvent, Schedule and Appointment's open slots.
func Compartment(kind string) bool { return slices.Contains(compartment(), kind) }

func compartment() []string {
	return []string{
		"Patient",
		"Account", "AdverseEvent", "AllergyIntolerance", "Appointment", "AppointmentResponse", "BodyStructure", "CarePlan",
		"CareTeam", "ChargeItem", "Claim", "ClaimResponse", "ClinicalImpression", "Communication", "CommunicationRequest",
		"Composition", "Condition", "Consent", "Coverage", "CoverageEligibilityRequest", "CoverageEligibilityResponse",
		"DetectedIssue", "DeviceRequest", "DeviceUseStatement", "DiagnosticReport", "DocumentManifest", "DocumentReference",
		"Encounter", "EnrollmentRequest", "EpisodeOfCare", "ExplanationOfBenefit", "FamilyMemberHistory", "Flag", "Goal",
		"ImagingStudy", "Immunization", "ImmunizationEvaluation", "ImmunizationRecommendation", "Invoice",
		"MeasureReport", "Media", "MedicationAdministration", "MedicationDispense", "MedicationRequest", "MedicationStatement",
		"MolecularSequence", "NutritionOrder", "Observation", "Procedure", "QuestionnaireResponse", "RelatedPerson",
		"RequestGroup", "ResearchSubject", "RiskAssessment", "ServiceRequest", "Specimen", "SupplyDelivery", "SupplyRequest",
		"VisionPrescription",
	}
}
