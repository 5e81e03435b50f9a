package dast

import (
	"context"
	"fmt"
	"slices"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/checks/dast/access"
	"github.com/vitalsign-dev/vitalsign/checks/dast/fhir"
	"github.com/vitalsign-dev/vitalsign/checks/dast/login"
	"github.com/vitalsign-dev/vitalsign/checks/dast/session"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
)

// login logs all identities in. Without the first one nothing is asked: a scan
// as nobody would find little, and look like a good one.
func (s *scan) login(ctx context.Context) error {
	o := login.Options{Credentials: s.in.Credentials, FHIR: s.live.FHIR}
	for i, id := range s.live.Identities {
		r, err := login.In(ctx, s.target, o, id)
		if err != nil && (i == 0 || over(ctx, err)) {
			return fmt.Errorf("nobody is logged in: %w", err)
		}
		if err != nil {
			s.out.Skip("/", checks.SkipUnreadable, plainly(err))
			continue
		}
		s.who = append(s.who, r)
		if r.Form != nil && r.Form.Proof() == nil {
			s.note("whether the session of "+id.Name+" lasts", "no page tells whether somebody is logged in")
		}
		if i == 0 {
			s.target.As = id.Name
		} else {
			s.target.Others = append(s.target.Others, id.Name)
		}
	}
	return nil
}

// alive asks whether the sessions last, between one phase and the next. What was
// asked after the end of one was asked as nobody: that is told, and the login
// done again.
func (s *scan) alive(ctx context.Context) error {
	for _, r := range s.who {
		alive, asked, err := r.Alive(ctx)
		if err != nil && over(ctx, err) {
			return err
		}
		if alive || !asked {
			continue
		}
		s.out.Skip("/", checks.SkipUnreadable, "identity "+r.Identity.Name+": its session ended in the course of the scan, and what was asked until the next login was asked as nobody")
		if err := r.Again(ctx); err != nil {
			return err
		}
	}
	return nil
}

// endpoint reads what a FHIR server declares.
func (s *scan) endpoint(ctx context.Context) error {
	if s.canary != "" {
		return nil
	}
	found, err := fhir.Find(ctx, s.target, s.live.FHIR)
	if err != nil && over(ctx, err) {
		return err
	}
	if err != nil {
		s.out.Skip("/", checks.SkipUnreadable, "FHIR: "+plainly(err))
	}
	if found != nil {
		s.fhir = found
		s.set.Add(found.Operations()...)
	}
	return nil
}

// asked are the operations that may be.
func (s *scan) asked() []surface.Operation {
	var out []surface.Operation
	for _, o := range s.set.Operations() {
		if !s.excluded(o) && s.target.May(o) {
			out = append(out, o)
		}
	}
	return out
}

// access compares what nobody, the first identity and the others get.
func (s *scan) access(ctx context.Context) error {
	if s.canary != "" {
		return nil
	}
	var ids []checks.Identity
	for _, r := range s.who {
		ids = append(ids, r.Identity)
	}
	proved, err := access.Run(ctx, s.target, access.Plan{
		Operations: s.asked(), Identities: ids, FHIR: s.fhir.Has, Note: s.note,
		Wide: func(name string) bool {
			return slices.ContainsFunc(s.who, func(r *login.Result) bool { return r.Identity.Name == name && fhir.Wide(r) })
		},
	})
	if err != nil {
		return err
	}
	for _, r := range s.who {
		if !proved[r.Identity.Name] && (r.Form == nil || r.Form.Proof() == nil) {
			s.out.Skip("/", checks.SkipUnreadable, "identity "+r.Identity.Name+": it gets nothing that nobody gets, so it may have been nobody (name something that it owns, or mend its credentials)")
		}
	}
	return nil
}

// clinical tests the FHIR endpoint.
func (s *scan) clinical(ctx context.Context) error {
	if s.fhir == nil {
		return nil
	}
	return fhir.Run(ctx, s.target, s.fhir, s.who, s.set.Operations(), s.note)
}

// sessions tests what keeps somebody logged in, last of all.
func (s *scan) sessions(ctx context.Context) error {
	var logouts []surface.Operation
	for _, o := range s.set.Operations() {
		if leaves(o.Path) && !s.leftOut(o.Path) {
			logouts = append(logouts, o)
		}
	}
	return session.Run(ctx, s.target, session.Plan{
		Operations: s.asked(), Logouts: logouts, Note: s.note,
		Leaves: func(path string) bool { return leaves(path) && !s.leftOut(path) },
	}, s.who)
}
