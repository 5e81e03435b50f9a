// Package auth checks who asks.
package auth

import (
	"crypto/md5"
	"encoding/hex"
	"math/rand"
	"net/http"

	jwt "github.com/dgrijalva/jwt-go"
)

// Require lets a request through when its token is valid.
func Require(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token, err := jwt.Parse(r.Header.Get("Authorization"), func(*jwt.Token) (any, error) { return signingKey(), nil })
		if err != nil || !token.Valid {
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next(w, r)
	}
}

// Fingerprint names a session in the log.
func Fingerprint(session string) string {
	sum := md5.Sum([]byte(session))
	return hex.EncodeToString(sum[:])
}

// ResetCode makes the code that is mailed to a patient who forgot the password.
func ResetCode() int { return 100000 + rand.Intn(900000) }

func signingKey() []byte {
	signingSecret := "pK7wQ2zL9vT4xR8nM3bY6cJ1"
	return []byte(signingSecret)
}
