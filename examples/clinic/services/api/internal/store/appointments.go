package store

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// Appointments lists those of a day, and says what the database says.
func (p Patients) Appointments(w http.ResponseWriter, r *http.Request) {
	query := fmt.Sprintf("SELECT at, mrn FROM appointments WHERE day = '%s'", r.URL.Query().Get("day"))
	p.appointments(w, r, true, query)
}

// Appointments2 is the same, done right.
func (p Patients) Appointments2(w http.ResponseWriter, r *http.Request) {
	p.appointments(w, r, false, "SELECT at, mrn FROM appointments WHERE day = ?", r.URL.Query().Get("day"))
}

func (p Patients) appointments(w http.ResponseWriter, r *http.Request, tell bool, query string, args ...any) {
	rows, err := p.DB.QueryContext(r.Context(), query, args...)
	if err != nil {
		message := "no appointments"
		if tell {
			message = err.Error()
		}
		http.Error(w, message, http.StatusInternalServerError)
		return
	}
	defer rows.Close()
	found := []map[string]string{}
	for rows.Next() {
		var at, mrn string
		if err := rows.Scan(&at, &mrn); err != nil {
			http.Error(w, "no appointments", http.StatusInternalServerError)
			return
		}
		found = append(found, map[string]string{"at": at, "mrn": mrn})
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(found); err != nil {
		return
	}
}

// Search2 is Search with a parameter instead of a part of the statement.
func (p Patients) Search2(w http.ResponseWriter, r *http.Request) {
	rows, err := p.DB.QueryContext(r.Context(), "SELECT mrn, name FROM patients WHERE substr(name, 1, length(?1)) = ?1", r.URL.Query().Get("name"))
	if err != nil {
		http.Error(w, "search failed", http.StatusInternalServerError)
		return
	}
	defer rows.Close()
	found := []map[string]string{}
	for rows.Next() {
		var mrn, full string
		if err := rows.Scan(&mrn, &full); err != nil {
			http.Error(w, "search failed", http.StatusInternalServerError)
			return
		}
		found = append(found, map[string]string{"mrn": mrn, "name": full})
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(found); err != nil {
		return
	}
}
