// Command api serves the patient portal.
package main

import (
	"crypto/tls"
	"database/sql"
	"log"
	"net/http"

	"clinic.example/portal/api/internal/auth"
	"clinic.example/portal/api/internal/export"
	"clinic.example/portal/api/internal/store"
)

func main() {
	db, err := sql.Open("postgres", "host=db dbname=portal sslmode=disable")
	if err != nil {
		log.Fatal(err)
	}
	patients := store.Patients{DB: db}
	mux := http.NewServeMux()
	mux.Handle("/patients", auth.Require(patients.Search))
	mux.Handle("/export", auth.Require(export.Handler("/var/lib/portal")))

	// The laboratory's certificate expired and nobody renewed it.
	lab := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	mux.Handle("/lab", auth.Require(export.Laboratory(lab)))

	log.Fatal(http.ListenAndServe(":8080", mux))
}
