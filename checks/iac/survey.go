package iac

import (
	"bytes"
	"context"
	"errors"
	"io"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// single is a file that is judged by itself: a Dockerfile, or a document that
// may be of the kinds that its words allow.
type single struct {
	path  string
	kinds []kind
}

// surveyed is what the tree holds.
type surveyed struct {
	singles   []single
	terraform []string // files, by path
	charts    []string // Chart.yaml of each chart
}

// survey reads every claimed file once, except those of Terraform, and says
// which are worth parsing. The canary comes first.
func (s *run) survey(ctx context.Context) (surveyed, error) {
	var out surveyed
	var mu sync.Mutex
	err := s.each(ctx, s.in.Tree.Claimed(), func(p string) {
		one, tf := s.sort(p)
		mu.Lock()
		defer mu.Unlock()
		switch {
		case tf:
			out.terraform = append(out.terraform, p)
		case len(one.kinds) > 0:
			out.singles = append(out.singles, one)
		}
		if path.Base(p) == chartFile && !s.in.Tree.Canary(p) {
			out.charts = append(out.charts, p)
		}
	})
	slices.Sort(out.terraform)
	slices.Sort(out.charts)
	slices.SortFunc(out.singles, func(a, b single) int {
		if x, y := s.in.Tree.Canary(a.path), s.in.Tree.Canary(b.path); x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(a.path, b.path)
	})
	return out, err
}

// each calls f for every path, from as many goroutines as the job allows.
func (s *run) each(ctx context.Context, paths []string, f func(string)) error {
	next := make(chan string)
	var wg sync.WaitGroup
	for range max(1, s.in.Limits.Procs) {
		wg.Go(func() {
			for p := range next {
				f(p)
			}
		})
	}
	defer wg.Wait()
	defer close(next)
	for _, p := range paths {
		select {
		case next <- p:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// sort says what a file may be. Files of Terraform are read when they are
// parsed; every other one has been read, or skipped, after it.
func (s *run) sort(p string) (one single, terraform bool) {
	lower := strings.ToLower(p)
	switch ext := path.Ext(lower); {
	case terraformFile(p):
		return one, true
	case ext == ".tfvars":
		s.variables(p)
	case dockerfileName(p):
		if _, ok := s.read(p); ok {
			one = single{p, []kind{dockerfileKind}}
		}
	case ext == ".yaml", ext == ".yml", ext == ".json":
		one = single{p, s.hints(p).kinds(p)}
	default:
		s.read(p)
		if terraformFile(lower) {
			// Terraform itself does not read main.TF, and neither does trivy.
			s.cannotRead("Terraform files that Terraform does not read", "their extension is not in lower case", "", p)
		}
	}
	return one, false
}

// read hands out a file, or records why not.
func (s *run) read(p string) ([]byte, bool) {
	b, err := s.in.Tree.ReadFile(p)
	if err != nil {
		s.in.Tree.SkipError(p, err)
		return nil, false
	}
	return b, true
}

// hints looks for words in a file of any size.
func (s *run) hints(p string) hints {
	var h hints
	if s.in.Tree.Size(p) <= s.in.Limits.FileBytes {
		if b, ok := s.read(p); ok {
			h.look(b)
		}
		return h
	}
	if err := s.streamHints(p, &h); err != nil {
		s.in.Tree.SkipError(p, err)
		return hints{}
	}
	if len(h.kinds(p)) > 0 {
		s.out.Skip(p, checks.SkipTooLarge, "")
	}
	return hints{}
}

// streamHints reads a file that is too large to be held, piece by piece.
func (s *run) streamHints(p string, h *hints) error {
	r, err := s.in.Tree.Stream(p)
	if err != nil {
		return err
	}
	defer r.Close() // read only
	buf := make([]byte, 1<<20)
	for kept := 0; ; {
		n, err := r.Read(buf[kept:])
		h.look(buf[:kept+n])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		from := max(0, kept+n-longestHint)
		kept = copy(buf, buf[from:kept+n])
	}
}

// variables reads a file of Terraform's variables. trivy uses those that are
// named on its command line only, so none here, but a broken one is said.
func (s *run) variables(p string) {
	b, ok := s.read(p)
	if !ok {
		return
	}
	if err := tameHCL(b); err != nil {
		s.out.Skip(p, checks.SkipUnparsable, err.Error())
		return
	}
	_, diags := hclsyntax.ParseConfig(b, p, hcl.InitialPos)
	if diags.HasErrors() {
		s.out.Skip(p, checks.SkipUnparsable, diagnosis(diags))
	}
}

// helmTemplate says whether a file is rendered by Helm before it is anything:
// it lies below a chart and holds template actions.
func helmTemplate(charts []string, p string, b []byte) bool {
	return bytes.Contains(b, []byte("{{")) && slices.ContainsFunc(charts, func(c string) bool {
		dir := path.Dir(c)
		return dir == "." || strings.HasPrefix(p, dir+"/")
	})
}
