package template

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// answer gives the parts of a response by name.
type answer struct {
	head, body string
	values     map[string]value
}

// answerOf reads a response. Cookies and headers are names as well, in lower
// case with underscores; a header wins over a cookie, and what this package
// names over both.
func answerOf(r web.Response) answer {
	a := answer{head: head(r), body: string(r.Body), values: map[string]value{}}
	for _, c := range (&http.Response{Header: r.Header}).Cookies() {
		a.values[strings.ToLower(c.Name)] = c.Value
	}
	for k, v := range r.Header {
		a.values[strings.ReplaceAll(strings.ToLower(k), "-", "_")] = strings.Join(v, " ")
	}
	length, err := strconv.Atoi(r.Header.Get("Content-Length"))
	if err != nil {
		length = len(r.Body)
	}
	a.values["content_length"] = float64(length)
	a.values["status_code"] = float64(r.Status)
	a.values["duration"] = r.Elapsed.Seconds()
	return a
}

// head writes the status line and the headers as HTTP/1.1 has them, by name.
func head(r web.Response) string {
	proto := r.Proto
	if proto == "" {
		proto = "HTTP/1.1"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d %s\r\n", proto, r.Status, http.StatusText(r.Status))
	for _, k := range slices.Sorted(maps.Keys(r.Header)) {
		for _, v := range r.Header[k] {
			fmt.Fprintf(&b, "%s: %s\r\n", k, v)
		}
	}
	return b.String()
}

func (a answer) lookup(name string) (value, bool) {
	switch name {
	case "body":
		return a.body, true
	case "header", "all_headers":
		return a.head, true
	case "all":
		return a.body + a.head, true
	case "response", "raw":
		return a.head + "\r\n" + a.body, true
	}
	v, ok := a.values[name]
	return v, ok
}
