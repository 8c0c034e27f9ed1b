package config

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/affine-go/affine/shared/subnet"
)

// Each parser below returns a field's receive function for the place that at names.

func plain(at func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		*at(s) = text
		return nil
	}
}

func secret(at func(*Settings) *Secret) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		if strings.ContainsFunc(text, unicode.IsSpace) {
			return errors.New("contains a space")
		}
		*at(s) = Secret{text}
		return nil
	}
}

// resource takes a name or ARN of AWS.
func resource(at func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		odd := func(r rune) bool {
			return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_.:/$", r)
		}
		if strings.ContainsFunc(text, odd) {
			return errors.New("not a name of AWS: letters, digits and -_.:/ only")
		}
		*at(s) = text
		return nil
	}
}

func whole[T ~int | ~uint16 | ~uint64](at func(*Settings) *T, lo, hi int) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		n, err := integer(text, lo, hi)
		if err == nil {
			*at(s) = T(n)
		}
		return err
	}
}

func seconds(at func(*Settings) *time.Duration, lo, hi int) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		n, err := integer(text, lo, hi)
		if err == nil {
			*at(s) = time.Duration(n) * time.Second
		}
		return err
	}
}

func integer(text string, lo, hi int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, errors.New("not a whole number")
	}
	if err != nil || n < lo || n > hi {
		return 0, fmt.Errorf("outside %d to %d", lo, hi)
	}
	return n, nil
}

func fraction(at func(*Settings) *float64, lo, hi float64) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		x, err := strconv.ParseFloat(text, 64)
		if err != nil && !errors.Is(err, strconv.ErrRange) || math.IsNaN(x) {
			return errors.New("not a number")
		}
		if x < lo || x > hi {
			return fmt.Errorf("outside %v to %v", lo, hi)
		}
		*at(s) = x
		return nil
	}
}

func logLevel(s *Settings, text string) error {
	switch strings.ToLower(text) {
	case "debug", "info", "warn", "error":
		return s.LogLevel.UnmarshalText([]byte(text))
	}
	return errors.New("no such level")
}

func profile(s *Settings, text string) error {
	switch strings.ToLower(text) {
	case "validator", "miner":
		s.Signer.Miner = strings.EqualFold(text, "miner")
		return nil
	}
	return errors.New("no such profile")
}

// networks are the chains that have a name.
var networks = map[string]string{
	"finney": "wss://entrypoint-finney.opentensor.ai:443",
	"test":   "wss://test.finney.opentensor.ai:443",
}

func endpoint(s *Settings, text string) error {
	if named, ok := networks[text]; ok {
		text = named
	}
	if _, err := address(text, "ws", "wss"); err != nil {
		return err
	}
	s.Chain.Endpoints = append(s.Chain.Endpoints, text)
	return nil
}

// archives takes several URLs, or "none". Nodes that keep the state of all blocks are
// asked for what others have discarded.
func archives(s *Settings, text string) error {
	s.Chain.Archive = []string{}
	if text == "none" {
		return nil
	}
	for _, url := range list(text) {
		if _, err := address(url, "ws", "wss"); err != nil {
			return fmt.Errorf("%s: %w", shown(url), err)
		}
		s.Chain.Archive = append(s.Chain.Archive, url)
	}
	return nil
}

// archivesOf are the public archives of a chain, by its genesis.
var archivesOf = map[string][]string{
	FinneyGenesis: {"wss://archive.chain.opentensor.ai:443", "wss://archive.sub.latent.to:443"},
}

func genesis(s *Settings, text string) error {
	digits, ok := strings.CutPrefix(text, "0x")
	if !ok || len(digits) != 64 || strings.Trim(strings.ToLower(digits), "0123456789abcdef") != "" {
		return errors.New("not a block hash")
	}
	s.Chain.Genesis = strings.ToLower(text)
	return nil
}

// web takes an http(s) URL that nothing secret is sent to.
func web(at func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		_, err := address(text, "http", "https")
		if err == nil {
			*at(s) = text
		}
		return err
	}
}

// pathStyle notes that an endpoint is set; it is the SDK that uses it.
func pathStyle(s *Settings, text string) error {
	s.PathStyle = true
	_, err := address(text, "http", "https")
	return err
}

// guarded takes a URL that a key is sent to: https, or http on loopback. It may hold
// {slug} once.
func guarded(at func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, text string) error {
		if strings.Count(text, "{slug}") > 1 {
			return errors.New("{slug} occurs more than once")
		}
		u, err := address(strings.Replace(text, "{slug}", "slug", 1), "http", "https")
		if err != nil {
			return err
		}
		if u.Scheme == "http" && !loopback(u.Hostname()) {
			return errors.New("the key would be sent unencrypted: use https")
		}
		*at(s) = text
		return nil
	}
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// address parses an absolute URL with one of the schemes. Credentials in a URL end
// up in logs, so they are refused.
func address(text string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Hostname() == "" || strings.ContainsFunc(text, unicode.IsSpace):
		return nil, errors.New("not a URL")
	case u.User != nil:
		return nil, errors.New("the URL holds credentials")
	case u.Fragment != "":
		return nil, errors.New("the URL has a fragment")
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme {
			return u, nil
		}
	}
	return nil, fmt.Errorf("the URL begins with none of %s", strings.Join(schemes, ", "))
}

// list splits at commas; empty items, as after a trailing comma, are dropped.
func list(text string) []string {
	var items []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}

func hotkey(s *Settings, text string) error {
	if err := ss58(text); err != nil {
		return err
	}
	s.Hotkey = subnet.Hotkey(text)
	return nil
}

func blacklist(s *Settings, text string) error {
	keys := make(map[subnet.Hotkey]bool)
	for _, key := range list(text) {
		if err := ss58(key); err != nil {
			return fmt.Errorf("%s: %w", shown(key), err)
		}
		keys[subnet.Hotkey(key)] = true
	}
	s.Blacklist = keys
	return nil
}

// ss58 looks at an address's form only; a mistyped one names nobody.
func ss58(text string) error {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	if len(text) < 47 || len(text) > 48 || strings.Trim(text, alphabet) != "" {
		return errors.New("not an SS58 address")
	}
	return nil
}
