// Package chutes speaks to Chutes, the provider that hosts the miners' models: its
// control plane says whether a chute exists and is hot, its inference hosts answer
// prompts. Any other OpenAI-compatible endpoint can stand in for the latter.
//
// Every failure is an *Error whose Outcome says who is to blame. It is decided from
// status, error body and the state of the connection, never from the words of a
// model: a reply that quotes an error message is a reply. A reply counts as whole
// only when finish_reason or [DONE] arrived.
//
// Nothing here retries; when to try again, and whom to pause, is policy and is
// decided by the caller. All methods may be called concurrently.
package chutes

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"strings"
	"time"
)

// Defaults of Config. The durations follow what was measured and read of the
// provider: a generation may take ten minutes, and a healthy stream is never
// silent for two.
const (
	DefaultAPI       = "https://api.chutes.ai"
	DefaultInference = "https://{slug}.chutes.ai/v1"

	DefaultLook  = 10 * time.Second
	DefaultTotal = 600 * time.Second
	DefaultIdle  = 120 * time.Second
)

// Config says where Chutes is, who asks and how long to wait. Zero values mean the
// defaults.
type Config struct {
	API       string // control plane's base URL
	Inference string // base URL of a chute's OpenAI routes; "{slug}" stands for the chute's slug
	Key       string // API key; empty asks anonymously

	Temperature float64 // of sampling; scoring runs at 0

	Look   time.Duration // deadline of one control plane call
	Total  time.Duration // deadline of a whole reply
	Header time.Duration // deadline until response headers; 0 means Total, for a reply that is not streamed comes at once
	Idle   time.Duration // longest silence between two lines of a stream

	RootCAs *x509.CertPool // certificate authorities; nil means the system's
}

// Client is a client of one Chutes account.
type Client struct {
	cfg  Config
	http *http.Client
}

// New returns a client. It makes no call.
func New(cfg Config) *Client {
	cfg.API = strings.TrimRight(orDefault(cfg.API, DefaultAPI), "/")
	cfg.Inference = strings.TrimRight(orDefault(cfg.Inference, DefaultInference), "/")
	cfg.Look = orDefault(cfg.Look, DefaultLook)
	cfg.Total = orDefault(cfg.Total, DefaultTotal)
	cfg.Header = orDefault(cfg.Header, cfg.Total)
	cfg.Idle = orDefault(cfg.Idle, DefaultIdle)
	return &Client{cfg: cfg, http: &http.Client{
		Transport: newTransport(cfg.RootCAs),
		// The key would travel along, and no route of Chutes redirects.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// CloseIdle closes connections that no call is using.
func (c *Client) CloseIdle() { c.http.CloseIdleConnections() }

// newTransport bounds what a server can make us hold: headers, and bodies that
// grow when decompressed. Miners' hosts differ, so idle connections are many.
func newTransport(roots *x509.CertPool) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		Protocols:              protocols,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: 15 * time.Second},
		MaxIdleConns:           1024,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		DisableCompression:     true,
	}
}

func orDefault[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}
