package chain

// Advice says what to do about a link of that name that does not
// hold, "" where there is no link of that name.
func Advice(link string) string {
	words := map[string]string{
		LinkPolicy:     "use the policy that is in force; vitalsign policy show says what it holds",
		LinkArtifact:   "name a file, a directory, an image or a digest",
		LinkProvenance: "build with vitalsign build --sign, or bring the provenance that the build service made, by somebody whose role may speak it",
		LinkSource:     "bring a provenance that names one commit",
		LinkBill:       "run vitalsign scan --sign at that commit, with a key whose role may sign a bill of health",
		LinkTime:       "sign with --timestamp-url, and name the authority's root in the policy",
		LinkFreshness:  "scan and sign again: advisories have changed since",
		LinkComplete:   "make every required check run to its end; vitalsign doctor says what is missing",
		LinkFindings:   "bring the findings document that the bill names (DIGEST.findings.json beside it)",
		LinkPrevious:   "bring the bills of the parent commits",
		LinkConditions: "see the policy's own words",
		LinkGate:       "correct the findings, or have them waived by somebody who may (vitalsign waive)",
	}
	return words[link]
}
