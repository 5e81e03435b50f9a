// Package exposed asks for what should not be there for everybody: version
// control, backups, listings, maps of sources, doors for operators; and
// whether other sites may read the answers (CORS).
//
// A status alone says nothing: each thing is known by its own content, and a
// server that answers so for a name that nobody has is not believed.
package exposed

import (
	"bytes"
	"context"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// A door is a path and how its content is known.
type door struct {
	rule, path, what string
	is               *regexp.Regexp
}

func doors() []door {
	git := "the repository of version control"
	return []door{
		{"web-exposed-vcs", "/.git/HEAD", git, regexp.MustCompile(`\A(?:ref: refs/|[0-9a-f]{40}\s*\z)`)},
		{"web-exposed-vcs", "/.git/config", git, regexp.MustCompile(`(?m)^\[core\]\s*$`)},
		{"web-exposed-vcs", "/.svn/wc.db", git, regexp.MustCompile(`\ASQLite format 3\x00`)},
		{"web-exposed-vcs", "/.hg/requires", git, regexp.MustCompile(`(?m)^(?:revlogv1|dotencode|share-safe)$`)},
		{"web-exposed-configuration", "/.env", "a file of settings", regexp.MustCompile(`(?m)\A(?:#.*\n|\s*\n)*(?:export )?[A-Z][A-Z0-9_]{2,60}=`)},
		{"web-exposed-configuration", "/config.json", "a file of settings", regexp.MustCompile(`(?i)"(?:password|secret|api_?key|private_?key|connection_?string)"\s*:`)},
		{"web-exposed-configuration", "/.aws/credentials", "a file of credentials", regexp.MustCompile(`(?m)^aws_access_key_id\s*=`)},
		{"web-exposed-configuration", "/web.config", "a file of settings", regexp.MustCompile(`<configuration[\s>]`)},
		{"web-exposed-configuration", "/.htpasswd", "a file of passwords", regexp.MustCompile(`(?m)\A[\w.-]{1,64}:(?:\$apr1\$|\$2[aby]\$|\{SHA\})`)},
		{"web-exposed-configuration", "/docker-compose.yml", "a file of settings", regexp.MustCompile(`(?m)^services:\s*$`)},
		{"web-exposed-configuration", "/.DS_Store", "a list of files", regexp.MustCompile(`\A\x00\x00\x00\x01Bud1`)},
		{"web-exposed-backup", "/backup.zip", "a backup", regexp.MustCompile(`\APK\x03\x04`)},
		{"web-exposed-backup", "/backup.tar.gz", "a backup", regexp.MustCompile(`\A\x1f\x8b\x08`)},
		{"web-exposed-backup", "/backup.sql", "a dump of a database", dump()},
		{"web-exposed-backup", "/dump.sql", "a dump of a database", dump()},
		{"web-exposed-backup", "/db.sqlite3", "a database", regexp.MustCompile(`\ASQLite format 3\x00`)},
		{"web-exposed-operations", "/actuator/env", "the environment (Spring Boot actuator)", regexp.MustCompile(`"propertySources"\s*:`)},
		{"web-exposed-operations", "/actuator", "doors for operators (Spring Boot actuator)", regexp.MustCompile(`"(?:heapdump|env|beans|configprops|threaddump|loggers)"\s*:\s*\{`)},
		{"web-exposed-operations", "/env", "the environment (Spring Boot)", regexp.MustCompile(`"systemProperties"\s*:`)},
		{"web-exposed-operations", "/debug/pprof/", "the profiler of Go (net/http/pprof)", regexp.MustCompile(`(?s)/debug/pprof/.*full goroutine stack dump`)},
		{"web-exposed-operations", "/debug/vars", "variables of the process (Go's expvar)", regexp.MustCompile(`"memstats"\s*:\s*\{`)},
		{"web-exposed-operations", "/server-status", "the status of the server (Apache)", regexp.MustCompile(`Apache Server Status for`)},
		{"web-exposed-operations", "/nginx_status", "the status of the server (nginx)", regexp.MustCompile(`Active connections: \d+`)},
		{"web-exposed-operations", "/phpinfo.php", "the settings of PHP", regexp.MustCompile(`<title>(?:PHP [\d.]+ - )?phpinfo\(\)</title>`)},
		{"web-exposed-operations", "/h2-console/", "the console of a database (H2)", regexp.MustCompile(`<title>H2 Console</title>`)},
		{"web-exposed-operations", "/console/", "a console of the debugger (Werkzeug)", regexp.MustCompile(`Werkzeug|__debugger__`)},
		{"web-exposed-operations", "/jolokia/version", "a door for operators (Jolokia)", regexp.MustCompile(`"agent"\s*:\s*"[\d.]+"`)},
		{"web-exposed-operations", "/_profiler/phpinfo", "the profiler of Symfony", regexp.MustCompile(`phpinfo\(\)`)},
		{"web-exposed-operations", "/elmah.axd", "the error log of .NET", regexp.MustCompile(`Error Log for`)},
		{"web-exposed-operations", "/trace.axd", "the traces of .NET", regexp.MustCompile(`Application Trace`)},
	}
}

func dump() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^(?:-- (?:MySQL dump|MariaDB dump|PostgreSQL database dump)|CREATE TABLE |INSERT INTO )`)
}

// asked is how an anonymous request is made: what is open to everybody counts.
func asked(t probe.Target, p string) web.Request {
	return web.Request{Method: http.MethodGet, URL: t.At(p)}
}

// Doors asks for what only operators should see. An error says that no more can
// be asked.
func Doors(ctx context.Context, t probe.Target) error {
	for _, d := range doors() {
		e, err := t.Ask(ctx, asked(t, d.path), "without credentials")
		if err != nil {
			if err = probe.Ended(ctx, err); err != nil {
				return err
			}
			continue
		}
		if e.Response.Status != http.StatusOK || !d.is.Match(e.Response.Body) {
			continue
		}
		none, err := t.Ask(ctx, asked(t, path.Dir(strings.TrimSuffix(d.path, "/"))+"/"+t.Marks.Word()+path.Ext(d.path)), "a name that nobody has")
		if err != nil {
			return probe.Ended(ctx, err)
		}
		if none.Response.Status == http.StatusOK && d.is.Match(none.Response.Body) {
			continue
		}
		t.Report(issue.Issue{Rule: d.rule, Route: "GET " + d.path, Confidence: "high", Message: "anybody can read " + d.what, Exchanges: []web.Exchange{e}})
	}
	return nil
}

// Backups asks for copies that editors and people leave beside files: paths are
// those of files that the application has.
func Backups(ctx context.Context, t probe.Target, paths []string) error {
	for _, p := range paths {
		if path.Ext(p) == "" || strings.HasSuffix(p, "/") || strings.Contains(p, "{") {
			continue
		}
		for _, name := range []string{p + ".bak", p + "~", p + ".old", p + ".orig", path.Dir(p) + "/." + path.Base(p) + ".swp"} {
			if err := backup(ctx, t, p, strings.Replace(name, "//", "/", 1)); err != nil {
				return err
			}
		}
	}
	return nil
}

// backup reports a copy: one that is there while a name that nobody has is
// not, and that is not the page that is answered for everything.
func backup(ctx context.Context, t probe.Target, of, name string) error {
	e, err := t.Ask(ctx, asked(t, name), "a copy beside "+of)
	if err != nil || e.Response.Status != http.StatusOK || len(e.Response.Body) == 0 {
		return probe.Ended(ctx, err)
	}
	none, err := t.Ask(ctx, asked(t, path.Dir(name)+"/"+t.Marks.Word()+path.Ext(name)), "a name that nobody has")
	if err != nil || none.Response.Status == http.StatusOK {
		return probe.Ended(ctx, err)
	}
	t.Report(issue.Issue{Rule: "web-exposed-backup", Route: "GET " + name, Confidence: "medium", Message: "a copy of a file of the application lies beside it", Exchanges: []web.Exchange{e}})
	return nil
}

// listing is how servers write the list of a directory (nginx, Apache, Go,
// Python, Tomcat).
var listing = regexp.MustCompile(`(?i)<title>Index of /|<h1>Index of /|<title>Directory listing for /|\A(?:<!doctype html>\s*<meta name="viewport"[^>]*>\s*)?<pre>\s*<a href="[^"]*">|Directory Listing For \[?/`)

// Listings asks for the directories of paths.
func Listings(ctx context.Context, t probe.Target, paths []string) error {
	for _, dir := range parents(paths) {
		e, err := t.Ask(ctx, asked(t, dir), "the directory itself")
		if err != nil {
			if err = probe.Ended(ctx, err); err != nil {
				return err
			}
			continue
		}
		if probe.OK(e.Response) && probe.HTML(e.Response) && listing.Match(e.Response.Body) {
			t.Report(issue.Issue{Rule: "web-directory-listing", Route: "GET " + dir, Confidence: "high", Message: "the server lists the files of a directory", Exchanges: []web.Exchange{e}})
		}
	}
	return nil
}

// maxParents bounds how many directories are asked for.
const maxParents = 200

// parents are the directories above paths, each once, the root included.
func parents(paths []string) []string {
	seen := map[string]bool{"/": true}
	for _, p := range paths {
		for dir := path.Dir(p); dir != "/" && dir != "."; dir = path.Dir(dir) {
			if !strings.Contains(dir, "{") {
				seen[dir+"/"] = true
			}
		}
	}
	var out []string
	for d := range seen {
		out = append(out, d)
	}
	slices.Sort(out)
	return out[:min(len(out), maxParents)]
}

// SourceMaps follows the map that a script names (Source Map specification,
// ECMA-426, 10.2).
func SourceMaps(ctx context.Context, t probe.Target, script web.Exchange) error {
	i := bytes.LastIndex(script.Response.Body, []byte("sourceMappingURL="))
	if i < 0 {
		return nil
	}
	name, _, _ := strings.Cut(string(script.Response.Body[i+len("sourceMappingURL="):min(len(script.Response.Body), i+300)]), "\n")
	u, err := script.Request.URL.Parse(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(name), "*/")))
	if err != nil || u.Host != t.Base.Host || u.Scheme != t.Base.Scheme {
		return nil
	}
	e, err := t.Ask(ctx, web.Request{Method: http.MethodGet, URL: u}, "the map of a script")
	if err != nil || !probe.OK(e.Response) || !bytes.Contains(e.Response.Body, []byte(`"sourcesContent"`)) {
		return probe.Ended(ctx, err)
	}
	t.Report(issue.Issue{Rule: "web-source-map", Route: "GET " + u.Path, Confidence: "high", Message: "the sources of a script are there for everybody, in its map", Exchanges: []web.Exchange{e}})
	return nil
}
