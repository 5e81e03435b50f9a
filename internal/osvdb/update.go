package osvdb

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"
)

// ExportURL is where osv.dev publishes its exports, one all.zip per ecosystem
// (https://google.github.io/osv.dev/data/#data-dumps).
const ExportURL = "https://osv-vulnerabilities.storage.googleapis.com"

// Progress is what an update is doing.
type Progress struct {
	Ecosystem string
	// Done and Total are bytes of the download; Total is -1 when the server
	// does not say.
	Done, Total int64
}

// Updated is how the update of one ecosystem ended.
type Updated struct {
	Name string
	// Ecosystem is what the store now holds; zero when there is nothing.
	Ecosystem Ecosystem
	// Unchanged says that the server had nothing newer.
	Unchanged bool
	// Err says why it could not be updated; what was there before was kept.
	Err error
}

// Updater downloads exports.
type Updater struct {
	// Client carries proxy, certificates and timeouts.
	Client *http.Client
	// URL is ExportURL, or a mirror of the same layout.
	URL string
	// Agent is sent as User-Agent.
	Agent string
	// Progress is called now and then, if set.
	Progress func(Progress)
}

// Update brings ecosystems to what osv.dev publishes now. AsOf is the time of
// asking, also when nothing was newer. An ecosystem that fails keeps its old
// data, and its Updated says why; the error joins all of them.
func (u Updater) Update(ctx context.Context, dir string, ecosystems []string, now time.Time) (out []Updated, err error) {
	s, err := lockStore(dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	var errs []error
	for _, name := range ecosystems {
		old, have := s.find(name)
		b, unchanged, err := u.one(ctx, name, old, have, now)
		if err == nil {
			// One at a time: what is done stays done if the next is interrupted.
			err = s.commit([]built{b})
		}
		one := Updated{Name: name, Ecosystem: b.ecosystem, Unchanged: unchanged, Err: err}
		if err != nil {
			one.Ecosystem, one.Unchanged = old, false
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
		out = append(out, one)
		if ctx.Err() != nil {
			return out, ctx.Err()
		}
	}
	return out, errors.Join(errs...)
}

// one asks for one export. Only data that is whole may be called unchanged.
func (u Updater) one(ctx context.Context, name string, old Ecosystem, have bool, now time.Time) (b built, unchanged bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.URL+"/"+url.PathEscape(name)+"/"+exportName, nil)
	if err != nil {
		return b, false, err
	}
	req.Header.Set("User-Agent", u.Agent)
	if have && old.ETag != "" {
		req.Header.Set("If-None-Match", old.ETag)
	}
	resp, err := u.Client.Do(req)
	if err != nil {
		return b, false, err
	}
	defer resp.Body.Close() // read only
	switch {
	case resp.StatusCode == http.StatusNotModified && have && old.ETag != "":
		old.AsOf, old.AsOfIs = now.UTC(), AsOfDownload
		return built{ecosystem: old}, true, nil
	case resp.StatusCode != http.StatusOK:
		return b, false, fmt.Errorf("the server answered %s", resp.Status)
	case resp.ContentLength > maxArchive:
		return b, false, fmt.Errorf("the export is larger than %d bytes", int64(maxArchive))
	}
	b, err = u.take(ctx, name, resp, now)
	if err != nil {
		return built{}, false, err
	}
	b.ecosystem.AsOf, b.ecosystem.AsOfIs = now.UTC(), AsOfDownload
	if etag := resp.Header.Get("ETag"); printable(etag, maxVersion) {
		b.ecosystem.ETag = etag
	}
	return b, false, nil
}

// take downloads to a temporary file and builds the ecosystem from it.
func (u Updater) take(ctx context.Context, name string, resp *http.Response, now time.Time) (b built, err error) {
	tmp, err := os.CreateTemp("", "vitalsign-osv-*.zip")
	if err != nil {
		return b, err
	}
	defer func() { err = errors.Join(err, tmp.Close(), os.Remove(tmp.Name())) }()
	n, err := copyBounded(tmp, &meter{r: resp.Body, at: Progress{Ecosystem: name, Total: resp.ContentLength}, tell: u.Progress})
	if err != nil {
		return b, fmt.Errorf("the download broke off: %w", err)
	}
	z, err := zip.NewReader(tmp, n)
	if err != nil {
		return b, fmt.Errorf("what the server sent is not a zip archive: %w", err)
	}
	c := newCollection(now)
	if err := readZip(ctx, z, c); err != nil {
		return b, err
	}
	return c.build(name)
}

// meter counts what is read.
type meter struct {
	r    io.Reader
	at   Progress
	tell func(Progress)
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	m.at.Done += int64(n)
	if m.tell != nil {
		m.tell(m.at)
	}
	return n, err
}
