package auth

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	jwt "github.com/dgrijalva/jwt-go"
)

// Person is somebody with an account.
type Person struct {
	Name, Password, MRN, Phone string
}

// everybody are the accounts. The words are known to whoever runs the tests.
func everybody() []Person {
	return []Person{
		{"alice", "alpha-alpha-alpha", "HTEST-0001", "555-0101"},
		{"bob", "beta-beta-beta", "HTEST-0002", "555-0102"},
	}
}

// People knows who is logged in.
type People struct {
	hardened bool

	mu       sync.Mutex
	sessions map[string]session
	failures map[string][]time.Time
}

type session struct {
	person Person
	until  time.Time // zero for ever
}

// New makes it with nobody logged in.
func New(hardened bool) *People {
	return &People{hardened: hardened, sessions: map[string]session{}, failures: map[string][]time.Time{}}
}

// Cookies of the two logins.
const (
	Cookie  = "session"
	Cookie2 = "session2"
)

func find(name, password string) (Person, bool) {
	for _, p := range everybody() {
		if p.Name == name && subtle.ConstantTimeCompare([]byte(p.Password), []byte(password)) == 1 {
			return p, true
		}
	}
	return Person{}, false
}

// Login keeps the session's name that the browser came with, for ever, and
// takes as many tries as anybody likes.
func (s *People) Login(w http.ResponseWriter, r *http.Request) {
	p, ok := find(r.FormValue("username"), r.FormValue("password"))
	if !ok {
		http.Error(w, "wrong name or password", http.StatusUnauthorized)
		return
	}
	id := rand.Text()
	if c, err := r.Cookie(Cookie); err == nil && c.Value != "" {
		id = c.Value
	}
	s.mu.Lock()
	s.sessions[id] = session{person: p}
	s.mu.Unlock()
	http.SetCookie(w, &http.Cookie{Name: Cookie, Value: id, Path: "/", MaxAge: 365 * 24 * 60 * 60})
	http.Redirect(w, r, "/profile", http.StatusSeeOther)
}

const (
	lifetime = 15 * time.Minute
	tries    = 5
	pause    = time.Minute
)

// Login2 gives a new session that ends, and lets nobody guess.
func (s *People) Login2(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("username")
	if s.late(name) {
		http.Error(w, "too many tries: wait a minute", http.StatusTooManyRequests)
		return
	}
	p, ok := find(name, r.FormValue("password"))
	if !ok {
		s.failed(name)
		http.Error(w, "wrong name or password", http.StatusUnauthorized)
		return
	}
	id := rand.Text()
	s.mu.Lock()
	s.sessions[id] = session{p, time.Now().Add(lifetime)}
	delete(s.failures, name)
	s.mu.Unlock()
	give(w, r, s.second(), id, lifetime)
	http.Redirect(w, r, "/profile2", http.StatusSeeOther)
}

// give sets the cookie of a session, or takes it away; Secure, unless it is on
// the machine itself.
func give(w http.ResponseWriter, r *http.Request, name, value string, age time.Duration) {
	secure := ""
	if r.TLS != nil {
		secure = "; Secure"
	}
	w.Header().Add("Set-Cookie", fmt.Sprintf("%s=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s", name, value, int(age.Seconds()), secure))
}

// second is the name of Login2's cookie.
func (s *People) second() string {
	if s.hardened {
		return Cookie
	}
	return Cookie2
}

func (s *People) late(name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	recent := s.failures[name][:0]
	for _, t := range s.failures[name] {
		if time.Since(t) < pause {
			recent = append(recent, t)
		}
	}
	s.failures[name] = recent
	return len(recent) >= tries
}

func (s *People) failed(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failures) > 10000 {
		clear(s.failures)
	}
	s.failures[name] = append(s.failures[name], time.Now())
}

// Logout tells the browser to forget, and forgets nothing itself.
func (s *People) Logout(w http.ResponseWriter, r *http.Request) {
	give(w, r, Cookie, "", 0)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// Logout2 ends the session.
func (s *People) Logout2(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(s.second()); err == nil {
		s.mu.Lock()
		delete(s.sessions, c.Value)
		s.mu.Unlock()
	}
	give(w, r, s.second(), "", 0)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// Token gives a token to a program: for a client's credentials (RFC 6749, 4.4),
// or for name and password in JSON. It is bound to the patient who asks.
func (s *People) Token(w http.ResponseWriter, r *http.Request) {
	name, password, err := client(w, r)
	if err != nil {
		http.Error(w, "not JSON", http.StatusBadRequest)
		return
	}
	if s.hardened && s.late(name) {
		http.Error(w, "too many tries: wait a minute", http.StatusTooManyRequests)
		return
	}
	p, ok := find(name, password)
	if !ok {
		s.failed(name)
		http.Error(w, "wrong name or password", http.StatusUnauthorized)
		return
	}
	now := time.Now()
	signed, err := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{
		"sub": p.Name, "patient": p.MRN, "scope": scope, "iat": now.Unix(), "exp": now.Add(lifetime).Unix(),
	}).SignedString(signingKey())
	if err != nil {
		http.Error(w, "no token", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if err := json.NewEncoder(w).Encode(map[string]any{
		"access_token": signed, "token_type": "Bearer", "expires_in": int(lifetime.Seconds()), "scope": scope, "patient": p.MRN,
	}); err != nil {
		return
	}
}

// scope is what every token may: read what is its patient's (SMART App Launch 2).
const scope = "patient/*.rs"

func client(w http.ResponseWriter, r *http.Request) (name, password string, err error) {
	r.Body = http.MaxBytesReader(w, r.Body, 4096)
	if name, password, ok := r.BasicAuth(); ok {
		return name, password, nil
	}
	if strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		return r.FormValue("client_id"), r.FormValue("client_secret"), nil
	}
	var in struct{ Username, Password string }
	err = json.NewDecoder(r.Body).Decode(&in)
	return in.Username, in.Password, err
}

// Reset mails a code. There is no mail here: it goes nowhere.
func (s *People) Reset(w http.ResponseWriter, r *http.Request) {
	_ = fmt.Sprint(ResetCode(), r.FormValue("username"))
	w.WriteHeader(http.StatusAccepted)
}

type key struct{}

// Who is who asks, as Require found out.
func Who(r *http.Request) Person {
	p, _ := r.Context().Value(key{}).(Person)
	return p
}

// Find says who asks: by cookie, or by token.
func (s *People) Find(r *http.Request) (Person, bool) {
	if c, err := r.Cookie(Cookie); err == nil {
		if p, ok := s.of(c.Value); ok {
			return p, true
		}
	}
	if s.hardened {
		return s.bearer(r, key2)
	}
	return s.bearer(r, keyOf)
}

func (s *People) of(id string) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.sessions[id]
	if !ok || !found.until.IsZero() && time.Now().After(found.until) {
		return Person{}, false
	}
	return found.person, true
}

func (s *People) bearer(r *http.Request, which jwt.Keyfunc) (Person, bool) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Person{}, false
	}
	token, err := jwt.Parse(text, which)
	if err != nil || !token.Valid {
		return Person{}, false
	}
	claims, _ := token.Claims.(jwt.MapClaims)
	for _, p := range everybody() {
		if p.Name == claims["sub"] {
			return p, true
		}
	}
	return Person{}, false
}

// keyOf takes a token that nobody signed for one that needs no key.
func keyOf(t *jwt.Token) (any, error) {
	if t.Method.Alg() == "none" {
		return jwt.UnsafeAllowNoneSignatureType, nil
	}
	return signingKey(), nil
}

func key2(t *jwt.Token) (any, error) {
	if t.Method.Alg() != "HS256" {
		return nil, fmt.Errorf("not signed as we sign")
	}
	return signingKey(), nil
}

// Require lets a request through when somebody is logged in.
func (s *People) Require(next http.HandlerFunc) http.HandlerFunc {
	return s.require(next, s.Find)
}

// Require2 takes the session of Login2, and tokens that we signed.
func (s *People) Require2(next http.HandlerFunc) http.HandlerFunc {
	return s.require(next, func(r *http.Request) (Person, bool) {
		for _, name := range []string{Cookie, Cookie2} {
			if c, err := r.Cookie(name); err == nil {
				if p, ok := s.of(c.Value); ok {
					return p, true
				}
			}
		}
		return s.bearer(r, key2)
	})
}

func (s *People) require(next http.HandlerFunc, find func(*http.Request) (Person, bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		p, ok := find(r)
		if !ok {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next(w, r.WithContext(context.WithValue(r.Context(), key{}, p)))
	}
}
