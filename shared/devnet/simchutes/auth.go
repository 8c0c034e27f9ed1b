package simchutes

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"strings"
)

// keyForm is an API key: cpk_, the key's id, the user's id, the secret; 102
// characters.
var keyForm = regexp.MustCompile(`^cpk_[0-9a-f]{32}\.[0-9a-f]{32}\.[0-9A-Za-z]{32}$`)

// slugForm is a host's label. Chutes cuts slugs at 58 characters.
var slugForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// NewKey is the API key that belongs to a seed.
func NewKey(seed uint64) string {
	r := rand.New(rand.NewPCG(seed, 0x6b6579))
	return fmt.Sprintf("cpk_%016x%016x.%016x%016x.%016x%016x", r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64(), r.Uint64())
}

// credential is what a request's Authorization header amounts to.
type credential int

const (
	none credential = iota
	malformed
	unknown
	accepted
)

// credential reads the header as Chutes does: only its last word counts.
func (s *Server) credential(r *http.Request) credential {
	words := strings.Fields(r.Header.Get("Authorization"))
	switch {
	case len(words) == 0:
		return none
	case !keyForm.MatchString(words[len(words)-1]):
		return malformed
	case words[len(words)-1] != s.key:
		return unknown
	default:
		return accepted
	}
}

// unauthorized answers a request whose credential is not accepted.
func unauthorized(w http.ResponseWriter, c credential) {
	text := "Missing or invalid authorization header(s)"
	if c == unknown {
		text = "Invalid token or user not found"
	}
	refuse(w, http.StatusUnauthorized, text)
}
