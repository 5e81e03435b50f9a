package surface

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestSitemap(t *testing.T) {
	for doc, want := range map[string][]string{
		`<?xml version="1.0" encoding="ISO-8859-1"?><urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc> https://clinic.example.org/a?b=1&amp;c </loc></url><url><lastmod>2020-01-31</lastmod><loc>https://clinic.example.org/b</loc></url></urlset>`: {"https://clinic.example.org/a?b=1&c", "https://clinic.example.org/b"},
		`<sitemapindex><sitemap><loc>https://clinic.example.org/s.xml</loc></sitemap></sitemapindex>`:                                   {"https://clinic.example.org/s.xml"},
		`<urlset><url><loc>/whole</loc></url><url><loc>/cut`:                                                                            {"/whole"},
		`<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><urlset><url><loc>/before</loc></url><url><loc>&e;</loc></url></urlset>`: {"/before"},
		"": nil, "not XML": nil, "<loc></loc>": nil,
	} {
		if got := Sitemap([]byte(doc)); !slices.Equal(got, want) {
			t.Errorf("%s: %q", doc, got)
		}
	}
}

func TestSitemapBombs(t *testing.T) {
	laughs := `<!DOCTYPE x [<!ENTITY e0 "lol">`
	for i := 1; i < 10; i++ {
		laughs += fmt.Sprintf(`<!ENTITY e%d "%s">`, i, strings.Repeat(fmt.Sprintf("&e%d;", i-1), 10))
	}
	for name, doc := range map[string]string{
		"laughs": laughs + `]><urlset><url><loc>&e9;</loc></url></urlset>`,
		"many":   "<urlset>" + strings.Repeat("<url><loc>/a</loc></url>", 300_000),
		"deep":   strings.Repeat("<url>", 500_000),
		"long":   "<loc>" + strings.Repeat("<![CDATA[aaaaaaaa]]>", 300_000) + "</loc>",
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func() {
				got := Sitemap([]byte(doc))
				if len(got) > maxLocations || slices.ContainsFunc(got, func(s string) bool { return len(s) > maxPath || strings.Contains(s, "lol") }) {
					t.Errorf("%d locations", len(got))
				}
			})
		})
	}
}

func TestRobots(t *testing.T) {
	paths, sitemaps := Robots([]byte("\ufeffUser-agent: *\r\nDisallow: /admin # not this\nallow:/public/*.html\nDISALLOW : /x$\nDisallow:\nDisallow: /admin\nDisallow: *\nSitemap: https://clinic.example.org/s.xml\n<html>"))
	if !slices.Equal(paths, []string{"/admin", "/public/", "/x"}) || !slices.Equal(sitemaps, []string{"https://clinic.example.org/s.xml"}) {
		t.Errorf("%q %q", paths, sitemaps)
	}
	within(t, func() { Robots([]byte(strings.Repeat("Disallow: /a\n", 3_000_000))) })
}

func TestLinkHeader(t *testing.T) {
	got := LinkHeader([]string{
		`<https://clinic.example.org/?page=2,3>; rel="next Last"; title="a \"b\", c" ; rel=prev, </fhir/.well-known/smart-configuration>;rel=describedby`,
		`nonsense`, `<unclosed`, `<>; REL=self; =x; ;`, `<a>, <b>`,
	})
	var all []string
	for _, l := range got {
		all = append(all, fmt.Sprintf("%s %q %q", l.Target, l.Rel, l.Parameters["title"]))
	}
	want := []string{
		`https://clinic.example.org/?page=2,3 ["next" "last"] "a \"b\", c"`, `/fhir/.well-known/smart-configuration ["describedby"] ""`, ` ["self"] ""`, `a [] ""`, `b [] ""`,
	}
	if !slices.Equal(all, want) {
		t.Errorf("got\n%s", strings.Join(all, "\n"))
	}
	within(t, func() {
		for _, s := range []string{"<a>;", "<", `<a>;b="`, "<a>,;=", `<a>;=`} {
			LinkHeader([]string{strings.Repeat(s, 500_000)})
		}
	})
}
