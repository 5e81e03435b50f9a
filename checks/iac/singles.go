package iac

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/aquasecurity/trivy/pkg/iac/scan"

	"github.com/vitalsign-dev/vitalsign/checks"
)

// singles judges files one by one: what breaks on one file, also within a
// check, must not take the findings of another with it.
func (s *run) singles(ctx context.Context, files []single, charts []string) error {
	for _, f := range files {
		before := s.countUnread()
		if err := s.kinds(ctx, f, charts); err != nil {
			return err
		}
		s.noted[f.path] = s.countUnread() != before
	}
	return nil
}

// kinds judges a file as each kind that it is.
func (s *run) kinds(ctx context.Context, f single, charts []string) error {
	b, ok := s.read(f.path)
	if !ok {
		return nil
	}
	docs, err := s.parse(f, b, charts)
	if err != nil {
		return nil // said
	}
	for _, k := range f.kinds {
		if k != dockerfileKind && !k.confirm(docs) {
			continue
		}
		if err := s.single(ctx, f.path, k, b, docs); err != nil {
			return err
		}
	}
	return nil
}

var errNotParsed = errors.New("not parsed")

// parse outlines a document, and records one that cannot be.
func (s *run) parse(f single, b []byte, charts []string) ([]*node, error) {
	if f.kinds[0] == dockerfileKind {
		return nil, nil
	}
	if helmTemplate(charts, f.path, b) {
		return nil, errNotParsed // counted with its chart
	}
	docs, err := outline(f.path, b)
	if err == nil {
		return docs, nil
	}
	for _, k := range f.kinds {
		if !k.resembles(b) {
			continue
		}
		if errors.Is(err, errDepth) || errors.Is(err, errNodes) {
			s.out.Skip(f.path, checks.SkipTooLarge, err.Error())
		} else {
			s.unparsed(k, f.path)
		}
		break
	}
	return nil, errNotParsed
}

// unparsed counts a file that is of a kind by its content only, and broken.
func (s *run) unparsed(k kind, p string) {
	s.cannotRead(k.plural()+" that could not be parsed", "broken, or a template of something else", "", p)
}

// single judges one file as one kind.
func (s *run) single(ctx context.Context, p string, k kind, b []byte, docs []*node) error {
	var found scan.Results
	err := s.guard.run(ctx, func() error {
		all, err := s.engine.scanner(k).ScanFS(ctx, oneFile{p, b}, p)
		found = results(all)
		return err
	})
	switch words := s.engine.log.take(); {
	case errors.Is(err, context.Canceled):
		return err
	case err != nil && s.guard.stopped:
		s.out.Skip(p, skipReason(err), err.Error())
		return nil
	case err != nil:
		s.broken(k, p, err.Error())
		return nil
	case len(words) > 0 && parseFailure(words[0]):
		s.broken(k, p, words[0].attrs["err"])
	default:
		s.listen(p, words)
	}
	place := placer(k, p, docs, bytes.Count(b, []byte("\n")))
	var out []finding
	for _, r := range found {
		out = append(out, place(r))
	}
	return s.report(out)
}

// listen records what trivy logged while it judged a file: mostly a check that
// broke off, which trivy passes over. A severe one leaves the file unjudged;
// a lesser one, which no author of the file could repair, is named.
func (s *run) listen(p string, words []said) {
	for _, w := range words {
		rule, known := s.files[w.attrs["file_path"]]
		if !known || rule.Severity == checks.Unrated || rule.Severity >= checks.High {
			s.out.Skip(p, checks.SkipUnparsable, oneLine("trivy: "+w.message+" "+rule.ID))
			continue
		}
		s.cannotRead("files on which a lesser check broke off", "a fault of the check in trivy "+version, "", p+": "+rule.ID)
	}
}

// broken records a file that a scanner could not read: a Dockerfile by its
// name must be one, and so it makes the step partial.
func (s *run) broken(k kind, p, why string) {
	switch {
	case k != dockerfileKind, templateExtension(p):
		s.unparsed(k, p)
	case strings.Contains(why, "file with no instructions"):
		// Empty, or all comments: it builds nothing.
	default:
		s.out.Skip(p, checks.SkipUnparsable, why)
	}
}

// parseFailure tells a file that is not of its kind from a check that failed.
func parseFailure(w said) bool {
	return w.message == "Failed to parse file" || w.message == "Error parsing file"
}

// oneFile is a file system of one file, under its path in the tree.
type oneFile struct {
	path    string
	content []byte
}

// String and GoString: trivy keys file systems by how they print.
func (f oneFile) String() string   { return f.path }
func (f oneFile) GoString() string { return f.path }

// Open implements fs.FS.
func (f oneFile) Open(name string) (fs.File, error) {
	if name != f.path {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	return openFile{bytes.NewReader(f.content), f.info()}, nil
}

// Stat implements fs.StatFS.
func (f oneFile) Stat(name string) (fs.FileInfo, error) {
	if name != f.path {
		return nil, &fs.PathError{Op: "stat", Path: name, Err: fs.ErrNotExist}
	}
	return f.info(), nil
}

func (f oneFile) info() fileInfo { return fileInfo{path.Base(f.path), int64(len(f.content))} }

type openFile struct {
	*bytes.Reader
	about fileInfo
}

func (f openFile) Stat() (fs.FileInfo, error) { return f.about, nil }
func (f openFile) Close() error               { return nil }

type fileInfo struct {
	name string
	size int64
}

func (i fileInfo) Name() string       { return i.name }
func (i fileInfo) Size() int64        { return i.size }
func (i fileInfo) Mode() fs.FileMode  { return 0o444 }
func (i fileInfo) ModTime() time.Time { return time.Time{} }
func (i fileInfo) IsDir() bool        { return false }
func (i fileInfo) Sys() any           { return nil }
