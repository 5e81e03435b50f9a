package external

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// load reads a report from a file.
func load(path string) (document, error) {
	f, err := os.Open(path)
	if err != nil {
		return document{}, err
	}
	defer f.Close() // read only
	return parse(f)
}

var errEmpty = errors.New("it is empty")

// parse reads a report. It holds one result at a time besides what is kept of
// them, since a report may be larger than what a child may hold twice. Its
// errors quote nothing of it.
func parse(r io.Reader) (document, error) {
	limited := &io.LimitedReader{R: r, N: maxReport + 1}
	b := bufio.NewReader(limited)
	if mark, err := b.Peek(3); err == nil && string(mark) == "\xef\xbb\xbf" {
		_, _ = b.Discard(3) // written by a Windows program; peeked at already
	}
	p := parser{json.NewDecoder(b)}
	d, err := p.document()
	switch {
	case limited.N <= 0:
		return document{}, fmt.Errorf("it is larger than %d MB", maxReport>>20)
	case err != nil:
		return document{}, p.said(err)
	case d.Version != "2.1.0":
		return document{}, fmt.Errorf("its version is %.20q", d.Version)
	case len(d.Runs) == 0:
		return document{}, errors.New("it holds no run")
	}
	for _, r := range d.Runs {
		if r.Results == nil {
			return document{}, errors.New("a run of it has no results at all, which says that nothing was scanned (SARIF 2.1.0, 3.14.23)")
		}
	}
	return d, nil
}

// parser walks a document.
type parser struct{ d *json.Decoder }

func (p parser) document() (document, error) {
	var d document
	switch t, err := p.d.Token(); {
	case err == io.EOF:
		return d, errEmpty
	case err != nil:
		return d, err
	case t != json.Delim('{'):
		return d, errNoObject
	}
	err := p.members(func(key string) error {
		switch key {
		case "version":
			return p.d.Decode(&d.Version)
		case "runs":
			return p.array(maxRuns, func() error {
				r, err := p.run()
				d.Runs = append(d.Runs, r)
				return err
			})
		}
		return p.skip()
	})
	if err != nil {
		return d, err
	}
	if _, err := p.d.Token(); err != io.EOF {
		return d, errors.New("something follows its end")
	}
	return d, nil
}

func (p parser) run() (run, error) {
	var r run
	if t, err := p.d.Token(); err != nil || t != json.Delim('{') {
		return r, errors.Join(err, errNoObject)
	}
	return r, p.members(func(key string) error {
		switch key {
		case "tool":
			return p.d.Decode(&r.Tool)
		case "invocations":
			return p.d.Decode(&r.Invocations)
		case "originalUriBaseIds":
			return p.d.Decode(&r.Bases)
		case "artifacts":
			return p.d.Decode(&r.Artifacts)
		case "columnKind":
			return p.d.Decode(&r.ColumnKind)
		case "results":
			return p.results(&r)
		}
		return p.skip()
	})
}

func (p parser) results(r *run) error {
	return p.array(maxResults, func() error {
		var v result
		err := p.d.Decode(&v)
		r.Results = append(r.Results, v)
		return err
	}, func() { r.Results = []result{} })
}

var (
	errNoObject = errors.New("something that must be an object is none")
	errNoList   = errors.New("something that must be a list is none")
)

// members calls one for each member of an object whose bracket was read, after
// its key; one reads the value.
func (p parser) members(one func(key string) error) error {
	for p.d.More() {
		t, err := p.d.Token()
		if err != nil {
			return err
		}
		key, ok := t.(string)
		if !ok {
			return errNoObject
		}
		if err := one(key); err != nil {
			return err
		}
	}
	_, err := p.d.Token()
	return err
}

// array calls one for each of at most so many elements, and begin first when
// there is a list at all and not null.
func (p parser) array(most int, one func() error, begin ...func()) error {
	t, err := p.d.Token()
	if err != nil || t == nil {
		return err
	}
	if t != json.Delim('[') {
		return errNoList
	}
	for _, f := range begin {
		f()
	}
	for n := 0; p.d.More(); n++ {
		if n == most {
			return fmt.Errorf("it holds a list of more than %d", most)
		}
		if err := one(); err != nil {
			return err
		}
	}
	_, err = p.d.Token()
	return err
}

// skip reads past a value without holding it.
func (p parser) skip() error {
	for depth := 0; ; {
		t, err := p.d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// said words a decoder's error without what it quotes.
func (p parser) said(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("it is not JSON from byte %d on", p.d.InputOffset())
	case errors.As(err, &kind):
		return fmt.Errorf("%.60s holds a %.20s", kind.Field, kind.Value)
	}
	return err
}
