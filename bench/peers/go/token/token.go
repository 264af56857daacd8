// Package token checks HS256 tokens in the bench's secret, for the Go servers. The claim "rooms" names the
// conversations of the user, as a host application that already knows its members would say it.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// Claims is what a valid token says.
type Claims struct {
	User    string   `json:"sub"`
	Rooms   []string `json:"rooms"`
	Expires int64    `json:"exp"`
}

// ErrInvalid is returned for whatever is no valid token.
var ErrInvalid = errors.New("token is not valid")

// Verify returns the claims of a token with a right signature that has not expired.
func Verify(secret []byte, token string) (Claims, error) {
	var claims Claims
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims, ErrInvalid
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	if err := decode(parts[0], &header); err != nil || header.Algorithm != "HS256" {
		return claims, ErrInvalid
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return claims, ErrInvalid
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(parts[0] + "." + parts[1]))
	if !hmac.Equal(signature, mac.Sum(nil)) {
		return claims, ErrInvalid
	}
	if err := decode(parts[1], &claims); err != nil || claims.User == "" {
		return claims, ErrInvalid
	}
	if claims.Expires <= time.Now().Unix() {
		return claims, ErrInvalid
	}
	return claims, nil
}

func decode(part string, into interface{}) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}
