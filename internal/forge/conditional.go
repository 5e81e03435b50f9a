package forge

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
)

// Cache keeps answers between programs. What Get gives is what Put was given
// for the same address and the same asker, or nil.
type Cache interface {
	Get(ctx context.Context, address, who string) ([]byte, error)
	Put(ctx context.Context, address, who string, entry []byte) error
}

const (
	// maxEntry bounds what is kept of one answer, in bytes. A page of 100
	// repositories needs about 40 KB.
	maxEntry = 1 << 20
	// fromCache marks an answer that was kept, for who reads it.
	fromCache = "X-From-Cache"
)

// identity names who asks without telling anything of the token: what one
// token was shown is not for another. Tokens are random and long, so nobody
// finds one by trying.
func identity(host, token string) string {
	if token == "" {
		return "nobody"
	}
	mac := hmac.New(sha256.New, []byte("vitalsign forge cache\x00"+host))
	mac.Write([]byte(token))
	return hex.EncodeToString(mac.Sum(nil)[:8])
}

// kept is an answer as it is kept. Link says whether there is a next page.
type kept struct {
	ETag string          `json:"etag"`
	Link string          `json:"link,omitempty"`
	Body json.RawMessage `json:"body"`
}

// conditional asks only for what has changed: an answer that did not is not
// counted by GitHub, and comes from the cache.
type conditional struct {
	base     http.RoundTripper
	cache    Cache
	who      string
	progress func(string)
}

var _ http.RoundTripper = (*conditional)(nil)

func (t *conditional) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet {
		return t.base.RoundTrip(r)
	}
	ctx, address := r.Context(), r.URL.String()
	var old kept
	entry, err := t.cache.Get(ctx, address, t.who)
	if err != nil {
		t.progress("what was answered before cannot be read, and is asked for again: " + err.Error())
	}
	if json.Unmarshal(entry, &old) != nil || old.ETag == "" {
		old = kept{}
	}
	if old.ETag != "" {
		r = r.Clone(ctx)
		r.Header.Set("If-None-Match", old.ETag)
	}
	resp, err := t.base.RoundTrip(r)
	switch {
	case err != nil:
		return nil, err
	case resp.StatusCode == http.StatusNotModified && old.ETag != "":
		return answer(resp, old), nil
	case resp.StatusCode == http.StatusOK:
		err = t.keep(ctx, address, resp)
	}
	if err != nil {
		t.progress("an answer cannot be kept, and will be asked for in full next time: " + err.Error())
	}
	return resp, nil
}

// answer makes a kept answer of one that says that nothing has changed. A Link
// that came now goes over the old one: a page may stay as it is and get a
// successor.
func answer(resp *http.Response, old kept) *http.Response {
	resp.StatusCode, resp.Status = http.StatusOK, "200 OK"
	if resp.Header.Get("Link") == "" && old.Link != "" {
		resp.Header.Set("Link", old.Link)
	}
	resp.Header.Set("Content-Type", "application/json")
	resp.Header.Set(fromCache, "1")
	setBody(resp, old.Body)
	return resp
}

func (t *conditional) keep(ctx context.Context, address string, resp *http.Response) error {
	tag := resp.Header.Get("ETag")
	if tag == "" {
		return nil
	}
	body, err := io.ReadAll(resp.Body) // whole made it bytes in memory
	if err != nil {
		return err
	}
	setBody(resp, body)
	slim, err := slimmed(body)
	if err != nil {
		return nil // not JSON: who reads it will say so
	}
	entry, err := json.Marshal(kept{tag, resp.Header.Get("Link"), slim})
	if err != nil || len(entry) > maxEntry {
		return err
	}
	return t.cache.Put(ctx, address, t.who, entry)
}

// slimmed keeps of an answer what is read here. An answer about a repository
// may hold a password to clone it (temp_clone_token), which must not be kept.
func slimmed(body []byte) ([]byte, error) {
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return nil, err
	}
	return json.Marshal(read(v))
}

func read(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = read(v[i])
		}
	case map[string]any:
		for name, value := range v {
			switch name {
			case "owner":
				v[name] = read(value)
			case "id", "login", "type", "name", "full_name", "clone_url", "default_branch",
				"archived", "fork", "private", "topics", "pushed_at":
			default:
				delete(v, name)
			}
		}
	}
	return v
}
