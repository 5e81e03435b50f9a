package fhir

import (
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
)

// scope is a resource scope of SMART (SMART App Launch 2.2.0, "Scopes for
// requesting FHIR Resources"): who for, which type, and which of c, r, u, d and s.
type scope struct{ context, kind, actions string }

// parse reads version 2 (patient/Observation.rs) and version 1
// (patient/Observation.read); what narrows a scope down (?category=...) is left
// out. Other scopes (openid, launch) are none.
func parse(s string) (scope, bool) {
	s, _, _ = strings.Cut(s, "?")
	context, rest, ok := strings.Cut(s, "/")
	kind, actions, dotted := strings.Cut(rest, ".")
	if !ok || !dotted || kind == "" || context != "patient" && context != "user" && context != "system" {
		return scope{}, false
	}
	switch actions {
	case "read":
		actions = "rs"
	case "write":
		actions = "cud"
	case "*":
		actions = "cruds"
	}
	if actions == "" || strings.Trim(actions, "cruds") != "" {
		return scope{}, false
	}
	return scope{context, kind, actions}, true
}

// covers says whether one of scopes allows any of the actions on a type.
func covers(scopes []string, kind, actions string) bool {
	for _, s := range scopes {
		if p, ok := parse(s); ok && (p.kind == "*" || p.kind == kind) && strings.ContainsAny(p.actions, actions) {
			return true
		}
	}
	return false
}

// exports says whether scopes let somebody export (Bulk Data Access 2.0,
// "Scopes"): those of a system.
func exports(scopes []string) bool {
	for _, s := range scopes {
		if p, ok := parse(s); ok && p.context == "system" && strings.ContainsAny(p.actions, "rs") {
			return true
		}
	}
	return false
}

// beyondPatient says whether scopes reach other patients by themselves.
func beyondPatient(scopes []string) bool {
	for _, s := range scopes {
		if p, ok := parse(s); ok && p.context != "patient" {
			return true
		}
	}
	return false
}

// Wide says whether somebody's token reads resources of all patients by its
// scopes, so that nothing of a patient is kept from them.
func Wide(r *login.Result) bool {
	granted, ok := r.Granted()
	return ok && beyondPatient(granted)
}

// widened says whether something was granted that nobody asked for. Versions 1
// and 2 may be mixed.
func widened(asked, granted []string) bool {
	for _, g := range granted {
		p, ok := parse(g)
		if !ok {
			continue
		}
		for _, action := range p.actions {
			if !askedFor(asked, scope{p.context, p.kind, string(action)}) {
				return true
			}
		}
	}
	return false
}

func askedFor(asked []string, want scope) bool {
	for _, s := range asked {
		p, ok := parse(s)
		if ok && p.context == want.context && (p.kind == "*" || p.kind == want.kind) && strings.Contains(p.actions, want.actions) {
			return true
		}
	}
	return false
}
