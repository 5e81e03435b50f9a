package inject

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/vitalsign-dev/vitalsign/checks/dast/issue"
	"github.com/vitalsign-dev/vitalsign/checks/dast/probe"
	"github.com/vitalsign-dev/vitalsign/checks/dast/surface"
	"github.com/vitalsign-dev/vitalsign/checks/dast/web"
)

// sqlWords are how databases and their drivers complain of a statement. Each
// is a product's own message, so that no page about SQL is taken for one.
var sqlWords = map[string]*regexp.Regexp{
	"PostgreSQL": regexp.MustCompile(`(?i)pg_query\(\)|PSQLException|syntax error at or near "|unterminated quoted string at or near|pq: |SQLSTATE\[?\s?:?\(?42601|org\.postgresql\.util|invalid input syntax for (?:type )?(?:integer|uuid|numeric)`),
	"MySQL":      regexp.MustCompile(`(?i)You have an error in your SQL syntax|MySqlException|mysql_fetch_|com\.mysql\.(?:cj\.)?jdbc|Error 1064 \(42000\)|MariaDB server version for the right syntax`),
	"SQLite":     regexp.MustCompile(`(?i)SQLITE_ERROR|sqlite3\.OperationalError|SQLite3::|SQL logic error|unrecognized token: "|near "[^"]{0,40}": syntax error|System\.Data\.SQLite`),
	"SQL Server": regexp.MustCompile(`(?i)Unclosed quotation mark after the character string|Microsoft SQL Server|Incorrect syntax near '|System\.Data\.SqlClient|com\.microsoft\.sqlserver`),
	"Oracle":     regexp.MustCompile(`\bORA-(?:00933|00936|01756|00921|01722|00907)\b|oracle\.jdbc|quoted string not properly terminated`),
	"H2":         regexp.MustCompile(`org\.h2\.(?:jdbc|message)|Syntax error in SQL statement`),
	"HSQLDB":     regexp.MustCompile(`org\.hsqldb|unexpected token: `),
	"Hibernate":  regexp.MustCompile(`org\.hibernate\.(?:QueryException|exception)|antlr\.NoViableAltException|QuerySyntaxException`),
	"SQLAlchemy": regexp.MustCompile(`sqlalchemy\.exc\.|psycopg2?\.errors\.`),
	"JDBC":       regexp.MustCompile(`java\.sql\.SQL(?:Syntax)?(?:Error)?Exception|SQLSyntaxErrorException|BadSqlGrammarException`),
}

// complains names the database whose words are in an answer, "" for none.
func complains(r web.Response) string {
	body := probe.Window(r.Body)
	for name, words := range sqlWords {
		if words.Match(body) {
			return name
		}
	}
	return ""
}

// sqlError looks for SQL injection (CWE-89) by a quote that breaks the
// statement and two that do not.
func sqlError(ctx context.Context, s spot) (*issue.Issue, error) {
	if complains(s.plain.Response) != "" || complains(s.word.Response) == "" {
		return nil, nil // it complains anyway, or not even of all quotes at once
	}
	var database string
	q, proof, ok, err := either(ctx, []string{"'", `"`, "`", `\`, "')"}, func(ctx context.Context, q string) (web.Exchange, bool, error) {
		mark := s.Marks.Word()
		e, err := s.send(ctx, mark+q, "a word and "+q)
		if err != nil {
			return e, false, err
		}
		if database = complains(e.Response); database == "" {
			return e, false, nil
		}
		whole, err := s.send(ctx, mark+q+q, "the same, balanced")
		return e, err == nil && (q == `\` || q == "')" || complains(whole.Response) == ""), err
	})
	if !ok || err != nil {
		return nil, err
	}
	return s.found("web-sql-injection", "high", seen("%s breaks the statement and %s complains of its syntax", q, database), proof...), nil
}

// A logic pair is a condition that is true and one that is false, in one
// syntax; %d and %d are two numbers.
type logic struct{ where, yes, no string }

func logics() []logic {
	return []logic{
		{"in quotes", "' AND %d=%d AND 'a'='a", "' AND %d=%d AND 'a'='a"},
		{"in quotes, as a pattern", "%%' AND %d=%d AND '%%'='", "%%' AND %d=%d AND '%%'='"},
		{"as a number", " AND %d=%d", " AND %d=%d"},
		{"in quotes and brackets", "') AND %d=%d AND ('a'='a", "') AND %d=%d AND ('a'='a"},
		{"in quotes, with a comment", "' OR %d=%d -- ", "' OR %d=%d -- "},
	}
}

// Alike answers have more in common than near, others less than far.
const (
	near = 0.98
	far  = 0.9
)

// sqlBoolean looks for SQL injection by conditions that are true or false: the
// true ones must answer alike and the false ones alike, the two unlike each
// other, two times with other numbers. What answers unlike itself cannot be
// told.
func sqlBoolean(ctx context.Context, s spot) (*issue.Issue, error) {
	if s.steady < steadyEnough || s.p.In == surface.InXML {
		return nil, nil
	}
	for _, l := range logics() {
		proof, ok, err := s.differs(ctx, l)
		if err != nil {
			return nil, err
		}
		if ok {
			return s.found("web-sql-injection", "medium", seen("a condition %s decides what is answered", l.where), proof...), nil
		}
	}
	return nil, nil
}

func (s spot) differs(ctx context.Context, l logic) (proof []web.Exchange, ok bool, err error) {
	var yes, no []web.Exchange
	for range 3 {
		a, b := s.Marks.Numbers()
		if a == b {
			b += 2
		}
		t, err := s.send(ctx, s.value+fmt.Sprintf(l.yes, a, a), "a condition that is true")
		if err != nil {
			return nil, false, err
		}
		// With "and" the true one must be as usual, with "or" anything but: most
		// inputs are done with here.
		if usual := probe.Alike(s.plain.Response, t.Response, s.value+fmt.Sprintf(l.yes, a, a)) >= near; usual == strings.Contains(l.yes, " OR ") {
			return nil, false, nil
		}
		f, err := s.send(ctx, s.value+fmt.Sprintf(l.no, a, b), "a condition that is false")
		if err != nil {
			return nil, false, err
		}
		yes, no = append(yes, t), append(no, f)
		sent := []string{s.value + fmt.Sprintf(l.yes, a, a), s.value + fmt.Sprintf(l.no, a, b)}
		same := probe.Alike(yes[0].Response, t.Response, sent...)
		if same < near || probe.Alike(no[0].Response, f.Response, sent...) < near || probe.Alike(t.Response, f.Response, sent...) > far {
			return nil, false, nil
		}
		if t.Response.Status >= 500 || f.Response.Status >= 500 || t.Response.Status == 403 || f.Response.Status == 403 {
			return nil, false, nil // a fence in front of it, or a crash: no logic
		}
	}
	return []web.Exchange{yes[1], no[1], yes[2], no[2]}, true, nil
}

// delay is how long a database or a shell is asked to wait, in seconds, first
// and the second time.
const (
	delay     = 2
	delayMore = 4
)

// sqlTime looks for SQL injection by having the database wait.
func sqlTime(ctx context.Context, s spot) (*issue.Issue, error) {
	payloads := []string{
		"'||(SELECT CASE WHEN 1=1 THEN (SELECT 'a' FROM pg_sleep(%d)) END)||'",
		" OR (SELECT 1 FROM pg_sleep(%d)) IS NOT NULL",
		// One for MySQL that fits without quotes and within either kind.
		"SLEEP(%d)/*' or SLEEP(%d) or '\" or SLEEP(%d) or \"*/",
		"'; WAITFOR DELAY '0:0:%d'-- ",
	}
	return s.waits(ctx, payloads, "web-sql-injection", "a statement that has the database wait")
}

// waits reports a payload that makes the answer come later by as long as it
// asks: by two seconds, then by four, and not at all when it asks for none.
func (s spot) waits(ctx context.Context, payloads []string, rule, what string) (*issue.Issue, error) {
	usual := s.plain.Response.Elapsed
	if usual > time.Second {
		return nil, nil // too slow to tell
	}
	for _, p := range payloads {
		first, ok, err := s.late(ctx, p, delay, usual)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		none, err := s.send(ctx, s.value+filled(p, 0), what+", for 0 s")
		if err != nil || none.Response.Elapsed > time.Second {
			return nil, err
		}
		second, ok, err := s.late(ctx, p, delayMore, usual)
		if err != nil {
			return nil, err
		}
		if ok && second.Response.Elapsed > first.Response.Elapsed+time.Second {
			return s.found(rule, "medium", fmt.Sprintf("%s makes the answer come %d and %d seconds later, and not at all for 0", what, delay, delayMore), none, first, second), nil
		}
	}
	return nil, nil
}

func (s spot) late(ctx context.Context, payload string, seconds int, usual time.Duration) (web.Exchange, bool, error) {
	e, err := s.send(ctx, s.value+filled(payload, seconds), fmt.Sprintf("to wait %d s", seconds))
	took := e.Response.Elapsed
	least := time.Duration(seconds) * time.Second
	return e, err == nil && took >= least && took < least+usual+3*time.Second, err
}

func filled(payload string, seconds int) string {
	return strings.ReplaceAll(payload, "%d", fmt.Sprint(seconds))
}
