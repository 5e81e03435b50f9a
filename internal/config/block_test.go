package config

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// everyPart adds the blocks of the document everything to settings.
func everyPart(s *Settings) {
	at := func(line, column int) Origin {
		return Origin{Kind: Repository, Name: "vitalsign.yaml", Line: line, Column: column}
	}
	off, report := false, false
	s.External = []External{
		{Name: "bandit", Preset: "bandit", Origin: at(23, 3)},
		{Name: "house-lint", Command: "/opt/lint/bin/lint", Image: "docker.io/x/lint@sha256:" + digits,
			Args: []string{"--sarif", "{report}", "{target}"}, Stdout: &report, Timeout: 10 * time.Minute,
			FindingsExit: []int{1, 3}, Files: []string{"**/*.py"}, Origin: at(25, 3)},
		{Name: "semgrep", Preset: "semgrep", Timeout: 5 * time.Minute, Network: &off, Origin: at(24, 3)},
	}
	s.Images, s.ImageOrigins = map[string]string{"semgrep": "file:semgrep.tar"}, map[string]Origin{"semgrep": at(34, 3)}
	s.Artifacts = []Artifact{
		{Name: "cli", Files: []string{"a/*", "dist/*"}, Origin: at(42, 5)},
		{Name: "report", Container: &Container{Image: "dir:rootfs", Commands: [][]string{{"go", "build", "-o", "out/app", "."}},
			Workdir: "/src", Output: []string{"out/*"}, Env: map[string]string{"CGO_ENABLED": "0"}}, Origin: at(36, 5)},
		{Name: "server", Dockerfile: "services/Dockerfile", Context: ".", Origin: at(43, 5)},
	}
	s.Projects = []Project{
		{Path: "services/api", Name: "api", Owner: "@team/api", Uses: []string{"go.mod", "libs/**"}, Origin: at(47, 5)},
		{Path: "services/web", Name: "services/web", Origin: at(46, 5)},
	}
}

// forgetPlaces takes out where entries stand, which writing them changes.
func forgetPlaces(s *Settings) {
	for i := range s.External {
		s.External[i].Origin = Origin{}
	}
	for i := range s.Artifacts {
		s.Artifacts[i].Origin = Origin{}
	}
	for i := range s.Projects {
		s.Projects[i].Origin = Origin{}
	}
	s.Dast.Origin = Origin{}
	for name := range s.ImageOrigins {
		s.ImageOrigins[name] = Origin{}
	}
}

func goodParts() []string {
	return []string{
		"projects:", "projects: []", "projects: [{path: a}]", "projects: [{path: a/b}, {path: a/c, name: x/y@1}]", "projects: [{path: .github}, {path: github}]",
		"projects: [{path: 'with space/é', name: spaced}]", "projects: [{path: a, owner: 'Team A', uses: ['libs/**', go.mod], fail_on: info, unrated_as: low, skip: []}]",
		"external:", "external: {}", "external: {bandit: {}}", "external: {bandit: }", "external:\n  bandit:\n  semgrep:\n    timeout: 5m",
		"external: {a: {preset: semgrep, image: 'docker.io/x/y:1.2'}}", "external: {a: {image: x}}", "external: {a: {image: 'localhost:5000/x/y_z'}}",
		`external: {a: {command: lint, args: ["{report}"]}}`, `external: {a: {command: 'C:\lint.exe', output: stdout}}`,
		"external: {a: {args: [], findings_exit: [], env: {}}}", "external: {a: {env: {A_1: '', b: \"x\\ty\"}}}", `external: {"true": {}, 'null': {}, y: {}}`,
		"external: {a: {args: [\"a b\", '', \"two\\nlines\", \"\U0001F600 é\"]}}", "external: {a: {args: [" + strings.Repeat("x,", 200) + "]}}",
		"external: {a: {args: [" + strings.Repeat("x", 4096) + "]}}", "external: {a: {findings_exit: [255, 1]}}", "external: {a: {files: ['**', 'é/*.go']}}",
		"images:", "images: {}", "images: {semgrep: file:a.tar, b: dir:/x, c: 'file:/with space/é'}", "images: {a: ghcr.io/x/y@sha256:" + digits + "}",
		"artifacts:", "artifacts: []", "artifacts: [{name: a, files: [dist/*]}]", "artifacts:\n- name: a\n  image: file:x\n- name: b\n  image: x/y",
		"artifacts: [{name: a, dockerfile: Dockerfile}]", "artifacts: [{name: a, context: ., dockerfile: a..b/Dockerfile}]",
		"artifacts: [{name: a, container: {image: dir:x, commands: [[make]], output: ['Out/*'], workdir: /, network: true}}]",
		"dast:", "dast: {}", "dast: {url: 'http://127.0.0.1:8080'}", "dast: {dockerfile: Dockerfile, context: ., port: 80}", "dast: {image: 'x/y'}",
		`dast: {url: 'https://localhost/app', command: [./server], env: {A: b}, ready: {http: /up, log: listening, timeout: 5s}, seed: [[./seed, all]], active: true,
  allow: ['127.0.0.1:9'], specifications: [{kind: openapi, file: api.yaml}, {kind: graphql, path: /graphql}], fhir: /fhir, templates: ['dast/*.yaml'],
  exclude: ['/admin/**'], requests: 10, rate: 5, concurrency: 2, timeout: 1m, request_timeout: 5s, require_tls13: true, callback: false, trust: ca.pem,
  identities: [{name: nurse, kind: header, header: Authorization, prefix: 'Bearer ', credential: TOKEN, owns: [/patients/1]},
    {name: desk, kind: form, username: U, credential: P, login: /login, username_field: user, password_field: pass}, {name: kiosk, kind: cookie, cookie: sid, credential: C},
    {name: job, kind: smart, username: ID, credential: KEY, token: /token, scopes: [system/*.read], key_id: k1, algorithm: ES384}]}`,
	}
}

func badParts() map[string]string {
	c := func(rest string) string { return "artifacts: [{name: a, container: {" + rest + "}}]" }
	return map[string]string{
		"projects: {a: {}}":                                      `1:11: projects: a mapping is not allowed; allowed: a list of settings with a path`,
		"projects: [a]":                                          `1:12: projects: expected settings (path, name, owner, uses, fail_on, unrated_as, skip), found "a"`,
		"projects: [{name: a}]":                                  `1:12: projects: path is missing; allowed: a directory of the repository`,
		"projects: [{path: a, failon: low}]":                     `1:22: unknown setting "projects.a.failon"; did you mean "projects.a.fail_on"?`,
		"projects: [{path: a, parallel: 2}]":                     `1:22: unknown setting "projects.a.parallel"; known here: path, name, owner, uses, fail_on, unrated_as, skip`,
		"projects:\n- path: a\n  fail_on: urgent":                `3:12: projects.a.fail_on: "urgent" is not allowed; allowed: critical, high,`,
		"projects: [{path: a, skip: deps}]":                      `1:28: projects.a.skip: "deps" is not allowed; allowed: a list`,
		"projects: [{path: a, skip: [D]}]":                       `1:29: projects.a.skip: "D" is not the name of a check`,
		"projects: [{path: /a}]":                                 `1:19: projects.path: "/a" is not allowed; allowed: a directory of the repository`,
		"projects: [{path: ../a}]":                               `1:19: projects.path: "../a" is not allowed`,
		"projects: [{path: a/../b}]":                             `1:19: projects.a/../b.path: "a/../b" is not allowed`,
		"projects: [{path: .}]":                                  `1:19: projects.path: "." is not allowed`,
		"projects: [{path: ./a}]":                                `1:19: projects.path: "./a" is not allowed`,
		"projects: [{path: a/}]":                                 `1:19: projects.a/.path: "a/" is not allowed`,
		"projects: [{path: a//b}]":                               `1:19: projects.a//b.path: "a//b" is not allowed`,
		`projects: [{path: 'C:\\a'}]`:                            `1:19: projects.path: "C:\\\\a" is not allowed`,
		"projects: [{path: a, name: 'x y'}]":                     `1:28: projects.a.name: "x y" is not allowed; allowed: a name of at most 128`,
		"projects: [{path: a, name: .}]":                         `1:28: projects.a.name: "." is not allowed`,
		"projects: [{path: 'a b'}]":                              `1:12: projects: its path cannot be its name, so it needs one`,
		"projects: [{path: a, owner: ' '}]":                      `1:29: projects.a.owner: " " is empty`,
		"projects: [{path: a, uses: []}]":                        `1:28: projects.a.uses: 0 entries; allowed: a list of 1 to 200`,
		"projects: [{path: a, uses: [/x]}]":                      `1:29: projects.a.uses: "/x" starts with /`,
		"dast: {port: 80}":                                       `1:7: dast: url is missing`,
		"dast: {url: 'ftp://x'}":                                 `1:13: dast.url: "ftp://x" is not allowed`,
		"dast: {url: 'http://a:b@x'}":                            `1:13: dast.url: `,
		"dast: {image: x, dockerfile: y}":                        `1:7: dast: has image and dockerfile`,
		"dast: {url: 'http://x', allow: [x]}":                    `1:33: dast.allow: "x" is not allowed`,
		"dast: {url: 'http://x', specifications: [{kind: har}]}": `1:42: dast.specifications: has to have exactly one of file and path`,
		"dast: {url: 'http://x', identities: [{name: a, kind: form, credential: P}]}":                 `1:38: dast.identities: kind form needs username`,
		"dast: {url: 'http://x', identities: [{name: a, kind: header, header: X, credential: path}]}": `1:85: dast.identities.credential: "path" is not allowed`,
		"external: [bandit]":                                                           `1:11: external: a list is not allowed; allowed: names with`,
		"external: bandit":                                                             `1:11: external: "bandit" is not allowed`,
		"external: {Bandit: {}}":                                                       `1:12: external: "Bandit" is not allowed; allowed: a name of at most 40`,
		"external: {true: {}}":                                                         `1:12: external: "true" is not allowed; allowed: a name`,
		"external: {a: {env: {null: x}}}":                                              `1:22: external.a.env: "null" is not allowed`,
		"external: {bandit: true}":                                                     `1:20: external.bandit: expected settings (preset, image, command, args, output, timeout, network, findings_exit, files, env), found "true"`,
		"external:\n  house-lint:\n    comand: x":                                      `3:5: unknown setting "external.house-lint.comand"; did you mean "external.house-lint.command"?`,
		"external: {a: {findings-exit: [1]}}":                                          `1:16: unknown setting "external.a.findings-exit"; did you mean "external.a.findings_exit"?`,
		"external: {a: {zebra: 1}}":                                                    `1:16: unknown setting "external.a.zebra"; known here: preset, image,`,
		"external: {a: {preset: }}":                                                    `1:24: external.a.preset: nothing is not allowed; allowed: a name`,
		"external: {a: {preset: A}}":                                                   `1:24: external.a.preset: "A" is not allowed; allowed: a name`,
		"external: {a: {image: 'file:'}}":                                              `1:23: external.a.image: "file:" is not allowed; allowed: an image by digest`,
		"external: {a: {image: 'docker://x'}}":                                         `1:23: external.a.image: "docker://x" is not allowed`,
		"external: {a: {image: 'x@sha256:12'}}":                                        `1:23: external.a.image: "x@sha256:12" is not allowed`,
		"external: {a: {image: X/Y}}":                                                  `1:23: external.a.image: "X/Y" is not allowed`,
		"external: {a: {image: -x}}":                                                   `1:23: external.a.image: "-x" is not allowed`,
		"external: {a: {command: bin/lint}}":                                           `1:25: external.a.command: "bin/lint" is not allowed; allowed: the name of a program in the PATH, or its absolute path`,
		"external: {a: {command: ./lint}}":                                             `1:25: external.a.command: "./lint"`,
		"external: {a: {command: ''}}":                                                 `1:25: external.a.command: ""`,
		"external: {a: {args: --x}}":                                                   `1:22: external.a.args: "--x" is not allowed; allowed: a list of 0 to 200 words`,
		"external: {a: {args: [x, 1]}}":                                                `1:26: external.a.args: "1" is not text; allowed: text of at most 4096 characters, in quotes`,
		"external: {a: {args: [[x]]}}":                                                 `1:23: external.a.args: a list is not allowed`,
		"external: {a: {output: file}}":                                                `1:24: external.a.output: "file" is not allowed; allowed: report or stdout`,
		"external: {a: {timeout: 5}}":                                                  `1:25: external.a.timeout: "5" is not allowed; allowed: a duration`,
		"external: {a: {timeout: 0s}}":                                                 `1:25: external.a.timeout: "0s"`,
		"external: {a: {network: 'true'}}":                                             `1:25: external.a.network: "true" is not allowed; allowed: true or false, without quotes`,
		"external: {a: {network: yes}}":                                                `1:25: external.a.network: "yes" is not allowed; allowed: true or false`,
		"external: {a: {findings_exit: [0]}}":                                          `1:32: external.a.findings_exit: "0" is not allowed; allowed: a whole number from 1 to 255`,
		"external: {a: {findings_exit: [1, 1]}}":                                       `1:35: external.a.findings_exit: "1" is listed twice`,
		"external: {a: {findings_exit: 1}}":                                            `1:31: external.a.findings_exit: "1" is not allowed; allowed: a list of exit codes`,
		"external: {a: {files: []}}":                                                   `1:23: external.a.files: 0 entries; allowed: a list of 1 to 200 patterns in lower case`,
		"external: {a: {files: ['*.PY']}}":                                             `1:24: external.a.files: "*.PY" is not in lower case`,
		"external: {a: {files: [/x]}}":                                                 `1:24: external.a.files: "/x" starts with /`,
		"external: {a: {env: [A]}}":                                                    `1:21: external.a.env: a list is not allowed`,
		"external: {a: {env: {1A: x}}}":                                                `1:22: external.a.env: "1A" is not allowed; allowed: at most 50 names of variables`,
		"external: {a: {env: {A: 0}}}":                                                 `1:25: external.a.env.A: "0" is not text`,
		"images: {semgrep: }":                                                          `1:19: images.semgrep: nothing is not allowed; allowed: an image by digest`,
		"images: {semgrep: [x]}":                                                       `1:19: images.semgrep: a list is not allowed`,
		"images: [x]":                                                                  `1:9: images: a list is not allowed`,
		"artifacts: {a: {}}":                                                           `1:12: artifacts: a mapping is not allowed; allowed: a list of settings with a name`,
		"artifacts: [a]":                                                               `1:13: artifacts: expected settings (name, files, image, dockerfile, context, container), found "a"`,
		"artifacts: [ ]\nartifact: []":                                                 `2:1: unknown setting "artifact"; did you mean "artifacts"?`,
		"artifacts: [{files: [x]}]":                                                    `1:13: artifacts: name is missing; allowed: a name`,
		"artifacts:\n- name: a":                                                        `2:3: artifacts.a: has none of them; allowed: exactly one of files, image, dockerfile, container`,
		"artifacts: [{name: a, files: [x], image: x}]":                                 `1:13: artifacts.a: has files and image; allowed: exactly one of`,
		"artifacts: [{name: a, files: [x], context: x}]":                               `1:13: artifacts.a: context is for a dockerfile, and it has files`,
		"artifacts: [{name: a, file: [x]}]":                                            `1:23: unknown setting "artifacts.a.file"; did you mean "artifacts.a.files"?`,
		"artifacts: [{name: a, dockerfile: /etc/x}]":                                   `1:35: artifacts.a.dockerfile: "/etc/x" is not allowed; allowed: a path inside`,
		"artifacts: [{name: a, dockerfile: 'c:\\x'}]":                                  `1:35: artifacts.a.dockerfile:`,
		c("commands: [[x]], output: [x]"):                                              `1:34: artifacts.a.container: image is missing; allowed: an image by digest`,
		c("image: dir:x, output: [x]"):                                                 `1:34: artifacts.a.container: commands is missing`,
		c("image: dir:x, commands: [[x]]"):                                             `1:34: artifacts.a.container: output is missing`,
		c("image: dir:x, commands: [make], output: [x]"):                               `1:60: artifacts.a.container.commands: "make" is not allowed; allowed: a list of 1 to 200 words`,
		c("image: dir:x, commands: [[]], output: [x]"):                                 `1:60: artifacts.a.container.commands: 0 entries`,
		c("image: dir:x, commands: [], output: [x]"):                                   `1:59: artifacts.a.container.commands: 0 entries; allowed: a list of 1 to 50 commands`,
		c("image: dir:x, commands: [[x]], output: [x], workdir: src"):                  `1:88: artifacts.a.container.workdir: "src" is not allowed; allowed: an absolute path`,
		c("image: dir:x, commands: [[x]], output: [x], privileged: true"):              `1:79: unknown setting "artifacts.a.container.privileged"; known here: image,`,
		"artifacts: [{name: a, container: }]":                                          `1:34: artifacts.a.container: expected settings`,
		"external: {" + manyNames(51) + "}":                                            `1:11: external: 51 entries; allowed: 50`,
		"external: {a: {args: [" + strings.Repeat("x,", 201) + "]}}":                   `1:22: external.a.args: 201 entries`,
		"external: {a: {args: [" + strings.Repeat("x", 4097) + "]}}":                   `1:23: external.a.args: "xxx`,
		"artifacts: [" + strings.Repeat("{name: a, image: x},", 51) + "]":              `1:12: artifacts: 51 entries; allowed: 50`,
		c("image: dir:x, output: [x], commands: [" + strings.Repeat("[x],", 51) + "]"): `1:72: artifacts.a.container.commands: 51 entries`,
	}
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a%d: {}, ", i)
	}
	return b.String()
}

// What the schema has no words for, and what would not end well in a program.
func TestPartsHostile(t *testing.T) {
	for text, want := range map[string]string{
		"external: {a: {command: x}}":                                                      `1:15: external.a: no argument has {report}`,
		"external: {a: {command: x, args: ['{target}']}}":                                  `1:15: external.a: no argument has {report}`,
		"external: {a: {args: [\"a\\0b\"]}}":                                               `1:23: external.a.args: "a\x00b" has a character that does not print`,
		"external: {a: {args: [\"a\\u202eb\"]}}":                                           `does not print`,
		"external: {a: {env: {A: \"\\0\"}}}":                                               `does not print`,
		"external: {a: {command: \"x\\ty\"}}":                                              `does not print`,
		"external: {a: {image: \"file:x\\ny\"}}":                                           `does not print`,
		"external: {a: {}, a: {}}":                                                         `1:19: "a" is set twice, first on line 1`,
		"external: {a: {args: [x], args: [y]}}":                                            `1:27: "args" is set twice`,
		"external: {a: {env: {A: x, A: y}}}":                                               `"A" is set twice`,
		"external: {a: &x {}, b: *x}":                                                      `anchors`,
		"external: {[a]: {}}":                                                              `a setting's name is a word`,
		"artifacts:\n- {name: a, files: [x]}\n- {name: a, image: x}":                       `3:3: artifacts: "a" is listed twice, first on line 2`,
		"artifacts: [{name: a, files: [x, x]}]":                                            `"x" is listed twice`,
		"artifacts: [{name: a, files: [../x]}]":                                            `has a directory ..`,
		"artifacts: [{name: a, dockerfile: a/../../x}]":                                    `is not allowed; allowed: a path inside`,
		"artifacts: [{name: a, dockerfile: x, context: ..}]":                               `artifacts.a.context: ".." is not allowed`,
		"external: {a: {args: " + strings.Repeat("[", 40) + strings.Repeat("]", 40) + "}}": `nested deeper than 16`,
	} {
		_, err := parseText(t, text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

// A repository may not give leave to itself, nor say where its files are sent.
func TestOutsideKeys(t *testing.T) {
	s := compiledSchema(t)
	for _, k := range Keys() {
		if !k.Outside {
			continue
		}
		doc := "parallel: 1\n" + k.Name + ": " + triples()[k.Name][2]
		_, err := parseText(t, doc)
		want := fmt.Sprintf("vitalsign.yaml:2:1: %s cannot be said in a repository; say it with --%s, %s or the user's file", k.Name, k.Flag, k.Env)
		if err == nil || err.Error() != want {
			t.Errorf("%s: %v", k.Name, err)
		}
		l, err := Parse(Source{Name: "user.yaml", Data: []byte(doc)}, User)
		if err != nil || schemaError(t, s, doc) != nil {
			t.Errorf("%s: %v %v", k.Name, err, schemaError(t, s, doc))
		}
		if again, err := Parse(Source{Data: []byte(Template("", l))}, User); err != nil || len(again.values) != 2 {
			t.Errorf("%s is not written to the template of a user: %v", k.Name, err)
		}
		if strings.Contains(Template("", Layer{}), "\n# "+k.Name) {
			t.Errorf("%s is offered to a repository", k.Name)
		}
	}
}

func TestEngine(t *testing.T) {
	for text, want := range map[string]Engine{
		"auto": {Kind: "auto"}, "local": {Kind: "local"}, "dagger": {Kind: "dagger"},
		"dagger=unix:///run/A.sock":                  {"dagger", []string{"unix:///run/A.sock"}},
		"dagger=tcp://a:1,tcp://[::1]:22":            {"dagger", []string{"tcp://a:1", "tcp://[::1]:22"}},
		"dagger=kube-pod://p?namespace=n&context=c":  {"dagger", []string{"kube-pod://p?namespace=n&context=c"}},
		"dagger=ssh://me@host,docker-container://x":  {"dagger", []string{"ssh://me@host", "docker-container://x"}},
		"dagger=docker-image://r/x@sha256:" + digits: {"dagger", []string{"docker-image://r/x@sha256:" + digits}},
	} {
		l, err := FromEnviron(func(name string) string { return map[string]string{"VITALSIGN_ENGINE": text}[name] })
		if err != nil {
			t.Error(err)
			continue
		}
		if s, r := Resolve(l); !reflect.DeepEqual(s.Engine, want) || entryFor(r, "engine").Value != text {
			t.Errorf("%s: %+v, %+v", text, s.Engine, entryFor(r, "engine"))
		}
	}
	for _, text := range []string{"docker", "dagger=", "dagger=host", "dagger=http://x", "dagger=tcp://x", "dagger=unix://x", "dagger=ssh://me:secret@x",
		"dagger=tcp://a:1,", "dagger=tcp://a b:1", "local=unix:///x", "auto\n", "dagger=unix:///" + strings.Repeat("x", 5000)} {
		var ps Problems
		if _, err := FromFlags(map[string]string{"engine": text}); text != "auto\n" && !errors.As(err, &ps) {
			t.Errorf("%q is accepted", text)
		}
		if _, ok := parseEngine(text); ok {
			t.Errorf("%q is accepted", text)
		}
	}
}

func TestLoadCrowded(t *testing.T) {
	tr, _ := tree(t, map[string]string{
		"vitalsign.yaml":   "external: {" + manyNames(50) + "}",
		"a/vitalsign.yaml": "external: {b: {}}",
	})
	if _, err := Load(tr, "."); err != nil {
		t.Error(err)
	}
	if l, err := Load(tr, "a"); err == nil || !l.Empty() || err.Error() != "external: 51 entries in all files of the repository; allowed: 50" {
		t.Error(err)
	}
}

// The nearest file counts for each name.
func TestLoadNearestPart(t *testing.T) {
	tr, _ := tree(t, map[string]string{
		"vitalsign.yaml":   "external: {a: {timeout: 1m}, b: {}}",
		"x/vitalsign.yaml": "external: {a: {timeout: 2m}}",
	})
	l, err := Load(tr, "x")
	s, r := Resolve(l)
	if err != nil || len(s.External) != 2 || s.External[0].Timeout != 2*time.Minute || r.Origin("external.b").String() != "vitalsign.yaml:1" {
		t.Errorf("%v %+v", err, s.External)
	}
}

// Every field has a help, and every field of a record is one that a good
// document above sets.
func TestFieldsAreExplained(t *testing.T) {
	good := strings.Join(goodParts(), "\n")
	var walk func(at string, s shape)
	walk = func(at string, s shape) {
		for _, f := range s.fields {
			if f.help == "" || !strings.Contains(good, f.name+":") {
				t.Errorf("%s.%s has no help, or no document above", at, f.name)
			}
			walk(at+"."+f.name, f.shape)
		}
	}
	for _, b := range blocks() {
		walk(b.name, b.item)
	}
	if !slices.ContainsFunc(blocks(), func(b block) bool { return b.list }) {
		t.Error("no list")
	}
}
