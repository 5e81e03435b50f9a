// Package store reads patients from the database.
package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
)

// Patients answers searches by name.
type Patients struct{ DB *sql.DB }

// Search lists the patients whose name begins with the query's.
func (p Patients) Search(w http.ResponseWriter, r *http.Request) {
	name := r.URL.Query().Get("name")
	query := fmt.Sprintf("SELECT mrn, name FROM patients WHERE name LIKE '%s%%'", name)
	rows, err := p.DB.QueryContext(r.Context(), query)
	if err != nil {
		http.Error(w, "search failed", http.StatusInternalServerError)
		return
	}
	defer rows.Close()
	var found []map[string]string
	for rows.Next() {
		var mrn, full string
		if err := rows.Scan(&mrn, &full); err != nil {
			http.Error(w, "search failed", http.StatusInternalServerError)
			return
		}
		found = append(found, map[string]string{"mrn": mrn, "name": full})
	}
	if err := json.NewEncoder(w).Encode(found); err != nil {
		http.Error(w, "search failed", http.StatusInternalServerError)
	}
}
