package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks"
	"github.com/vitalsign-dev/vitalsign/internal/chain"
	"github.com/vitalsign-dev/vitalsign/internal/safetext"
)

// DecisionSchemaID names the format of Decision.
const DecisionSchemaID = "https://github.com/vitalsign-dev/vitalsign/schema/decision/v1"

// Decision is what verify says: an answer a subject, and one over all of them.
type Decision struct {
	Schema string `json:"schema"`
	// ID is what explain takes.
	ID      string         `json:"id"`
	Answers []Answer       `json:"answers"`
	Verdict checks.Verdict `json:"verdict"`
}

// Answer is about one subject.
type Answer struct {
	chain.Result
	// Today is the answer at the time of asking, where another time was asked
	// about: valid when released is not valid today.
	Today *chain.Result `json:"today,omitempty"`
}

// DecisionJSON writes it for machines.
func DecisionJSON(w io.Writer, d Decision) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(d)
}

// DecisionTable writes it for people: every link with its mark, then the
// verdict as the last line.
func DecisionTable(w io.Writer, d Decision, style Style) error {
	b := bufio.NewWriter(w)
	for _, a := range d.Answers {
		fmt.Fprintf(b, "%s\n\n", style.bold.Render(safetext.Line(a.Subject.Name)))
		for _, l := range a.Links {
			writeLink(b, l, style)
		}
		fmt.Fprintln(b)
		if a.Today != nil {
			fmt.Fprintf(b, "  at %s: %s\n", a.At.Format("2006-01-02 15:04:05Z"), outcome(a.Verdict, style))
			fmt.Fprintf(b, "  today: %s\n\n", outcome(a.Today.Verdict, style))
			for _, r := range a.Today.Verdict.Reasons {
				fmt.Fprintf(b, "    today: %s\n", safetext.Line(r))
			}
		}
	}
	fmt.Fprintf(b, "%s", outcome(d.Verdict, style))
	if len(d.Verdict.Reasons) > 0 {
		fmt.Fprintf(b, ": %s", safetext.Line(strings.Join(d.Verdict.Reasons, "; ")))
	}
	if d.ID != "" {
		fmt.Fprintf(b, "\n%s", style.dim.Render("decision "+d.ID+"; vitalsign explain "+d.ID+" says why, with the exact inputs"))
	}
	fmt.Fprintln(b)
	return b.Flush()
}

func writeLink(b *bufio.Writer, l chain.Link, style Style) {
	mark := map[chain.State]string{chain.OK: "ok", chain.Unknown: "??", chain.Failed: "no", chain.Info: "  "}[l.State]
	switch {
	case l.State == chain.OK:
		mark = style.good.Render("ok")
	case l.State == chain.Info:
	case mark == "":
		mark = style.bad.Render("NO")
	default:
		mark = style.bad.Render(mark)
	}
	for i, line := range wrap(safetext.Line(l.Detail), 92) {
		name := l.Name
		if i > 0 {
			mark, name = "  ", ""
		}
		fmt.Fprintf(b, "  %s  %-15s %s\n", mark, name, line)
	}
	if l.By != nil {
		by := "by " + l.By.String()
		for _, p := range l.Proven {
			by += ", " + p.By + " " + p.Time.Format("2006-01-02 15:04:05Z")
		}
		fmt.Fprintf(b, "      %-15s %s\n", "", style.dim.Render(safetext.Line(by)))
	}
}

// outcome is a verdict in two words.
func outcome(v checks.Verdict, style Style) string {
	switch {
	case v.Exit == 0 && v.Verified && v.Findings == checks.Pass:
		return style.good.Render("VERIFIED")
	case v.Exit == 1:
		return style.bad.Render("VERIFIED, and the gate failed")
	case v.Exit == 3:
		return style.bad.Render("CANNOT TELL")
	}
	return style.bad.Render("NOT VERIFIED")
}
