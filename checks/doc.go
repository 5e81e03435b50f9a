// Package checks is the vocabulary of vitalsign: what a check reads (Target),
// what it says (Rule, Finding, Coverage), how one check's part of a run ended
// (Step), and the whole (Run), together with the two things that must be the
// same wherever they are computed: a finding's identity (Fingerprint) and the
// protocol between vitalsign and vitalsign-check (Job, Record).
//
// The package holds no scanner, opens no file and reads no clock. Its zero
// values never mean "good": a zero Status is not a finished step, a zero
// Severity is unrated and blocks, a zero Run is not complete.
package checks
