package build

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/vitalsign-dev/vitalsign/internal/gather"
	"github.com/vitalsign-dev/vitalsign/internal/inventory"
)

var update = flag.Bool("update", false, "write the golden file")

func TestStatement(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678, time.FixedZone("", 3600))
	source := Source{Commit: "1111111111111111111111111111111111111111", Tree: "2222222222222222222222222222222222222222",
		Remote: "https://forge.example/clinic/portal", Clean: true}
	got, err := NewStatement("tool", []gather.File{{Path: "out/a<b", SHA256: "aa", Size: 3}}, Provenance{
		BuildDefinition: BuildDefinition{
			BuildType:          BuildType,
			ExternalParameters: External{Artifact: "tool", Kind: "container", Image: "file:go.tar", Commands: [][]string{{"go", "build"}}, Workdir: "/src", Output: []string{"out/*"}, Env: []string{"CGO_ENABLED"}},
			InternalParameters: Internal{Made: MadeBuilt, Engine: "dagger", EngineVersion: "v0.16.0", SourceRun: "s", ResultRun: "r"},
			ResolvedDependencies: append([]Resource{source.Resource(), ImageResource("file:go.tar", "bb")},
				BaseImages([]byte("FROM docker.io/library/alpine:3 AS base\n"))...),
		},
		RunDetails: RunDetails{
			Builder:  BuilderRun{ID: BuilderID, Version: map[string]string{"vitalsign": "b"}},
			Metadata: Metadata{InvocationID: "i/tool", StartedOn: Time(at), FinishedOn: Time(at.Add(time.Minute))},
		},
	}).JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden := filepath.Join("testdata", "statement.json")
	if *update {
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("not as in %s (%v):\n%s", golden, err, got)
	}
}

// A commit is claimed only where every file is the commit's.
func TestSourceClaimsNoCommitThatItIsNot(t *testing.T) {
	inv := &inventory.Inventory{Files: []inventory.File{{Path: "a", SHA256: "aa"}, {Path: "b\n", SHA256: "bb"}}}
	for _, s := range []Source{
		{Commit: "c", Tree: "t", Remote: "https://x.example/y", Inventory: inv},
		{Clean: true, Inventory: inv},
	} {
		r := s.Resource()
		if r.Digest["gitCommit"] != "" || r.URI != "" || len(r.Digest["sha256"]) != 64 || r.Annotations["noCommit"] == "" {
			t.Errorf("%+v gives %+v", s, r)
		}
	}
	for remote, want := range map[string]string{
		"https://x.example/y.git": "git+https://x.example/y.git", "x.example:y/z.git": "git+ssh://x.example/y/z.git",
		"ssh://x.example/y": "git+ssh://x.example/y", "/srv/git/y": "", "../y": "", "": "", "file:///srv/y": "",
	} {
		if got := GitURI(remote); got != want {
			t.Errorf("GitURI(%q) = %q, want %q", remote, got, want)
		}
	}
}

func TestBaseImages(t *testing.T) {
	const sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	got := BaseImages([]byte("# FROM comment\nfrom --platform=linux/amd64 golang:1@sha256:" + sum + " as Build\nRUN go build\n" +
		"FROM scratch\nCOPY --from=build /x /x\nCOPY --chown=1 --from=busybox:1 /b /b\nRUN --mount=type=bind,from=tools:2 true\nFROM $BASE\nCOPY --from=0 /x /\n"))
	want := map[string]string{"docker://golang:1@sha256:" + sum: sum, "docker://busybox:1": "", "docker://tools:2": "", "docker://$BASE": ""}
	if len(got) != len(want) {
		t.Errorf("%+v", got)
	}
	for _, r := range got {
		if digest, ok := want[r.URI]; !ok || r.Digest["sha256"] != digest {
			t.Errorf("%+v", r)
		}
	}
}

func TestSums(t *testing.T) {
	a := "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	list := Sums([]gather.File{{Path: "x/a b", SHA256: a}, {Path: "x/b", SHA256: a}})
	if got, err := ParseSums(list); err != nil || len(got) != 2 || got["x/a b"] != a {
		t.Errorf("%v, %v", got, err)
	}
	if got := string(Sums([]gather.File{{Path: "a\\\n", SHA256: a}})); got != `\`+a+`  a\\\n`+"\n" {
		t.Errorf("%q", got)
	}
	if _, err := ParseSums([]byte("hello\n")); err == nil {
		t.Error("something else was read")
	}
}
