package store

import "database/sql"

// Fill makes the tables and puts patients into them that nobody is.
func Fill(db *sql.DB) error {
	for _, s := range []string{
		`CREATE TABLE patients (mrn TEXT PRIMARY KEY, name TEXT, phone TEXT)`,
		`CREATE TABLE appointments (day TEXT, at TEXT, mrn TEXT)`,
		`CREATE TABLE documents (id INTEGER PRIMARY KEY, owner TEXT, title TEXT, body TEXT)`,
		`CREATE TABLE notes (id INTEGER PRIMARY KEY, kind TEXT, body TEXT)`,
		`INSERT INTO patients VALUES ('HTEST-0001', 'Testa Alpha', '555-0101'), ('HTEST-0002', 'Testa Beta', '555-0102'),
			('HTEST-0003', 'Testo Gamma', '555-0103'), ('HTEST-0004', 'Sample Delta', '555-0104')`,
		`INSERT INTO appointments VALUES ('2026-03-02', '09:00', 'HTEST-0001'), ('2026-03-02', '09:30', 'HTEST-0002'), ('2026-03-03', '10:00', 'HTEST-0003')`,
		`INSERT INTO documents VALUES (1, 'alice', 'Discharge letter', 'Testa Alpha went home well.'), (2, 'bob', 'Laboratory report', 'The values of Testa Beta are those of a test.')`,
		`INSERT INTO notes (kind, body) VALUES ('note', 'The lift is out of order.'), ('remark', 'The waiting room is cold.')`,
	} {
		if _, err := db.Exec(s); err != nil {
			return err
		}
	}
	return nil
}
