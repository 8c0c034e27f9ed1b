// Package simchutes is a simulated Chutes on loopback: control plane and inference
// hosts in front of miners that really solve what they are asked, with a set skill,
// a drawn latency and faults at set rates.
//
// It refuses what Chutes refuses, with Chutes' statuses and texts (its control
// plane's code of 2025-10 and single files up to 2026-07), so that a client that
// works here has met every answer it is known to give. All that is random is drawn
// from seeds: the same configuration and the same requests give the same replies.
package simchutes

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// Config describes the whole of a simulated Chutes.
type Config struct {
	Key    string // the one API key that is accepted; empty means NewKey(Seed)
	Seed   uint64 // of faults and latencies
	Miners []Miner

	// TimeScale stretches every latency: 0.01 runs a hundred times faster. 0 means 1.
	TimeScale float64

	// Programs inverts programs for miners without a Brain of their own; nil leaves
	// them unable to.
	Programs Inverter
}

// Miner is one chute and the model behind it.
type Miner struct {
	Slug     string
	ChuteID  string
	Name     string          // the model, owner/affine-…
	Revision subnet.Revision // empty: the deployer set none
	Hot      bool            // an instance is active and verified
	Unfunded bool            // the owner has no balance
	Private  bool            // our key may look, but not call

	// Brain answers prompts. Nil means a Solver with Seed and Skill. Two miners with
	// the same Seed and Skill answer alike: one is a copy of the other.
	Brain Brain
	Seed  uint64
	Skill map[subnet.EnvID]float64 // share of tasks solved, per environment

	Capacity int // replies at once, beyond which it is busy; 0 means no bound
	Latency  Latency
	Faults   map[Fault]float64 // rate of each fault; together at most 1
}

// Server is a running simulated Chutes.
type Server struct {
	key      string
	seed     uint64
	scale    float64
	miners   []*miner
	bySlug   map[string]*miner
	byID     map[string]*miner
	listener net.Listener
	http     *http.Server
	stopped  chan struct{}
}

// Start serves cfg on a port of 127.0.0.1 that the system picks, until Close.
func Start(cfg Config) (*Server, error) {
	s, err := newServer(cfg)
	if err != nil {
		return nil, fmt.Errorf("simchutes: %w", err)
	}
	s.listener, err = new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("simchutes: %w", err)
	}
	go func() {
		defer close(s.stopped)
		_ = s.http.Serve(s.listener)
	}()
	return s, nil
}

// newServer is a server that does not listen yet.
func newServer(cfg Config) (*Server, error) {
	s := &Server{
		key: cmp.Or(cfg.Key, NewKey(cfg.Seed)), seed: cfg.Seed, scale: cmp.Or(cfg.TimeScale, 1),
		bySlug: make(map[string]*miner), byID: make(map[string]*miner), stopped: make(chan struct{}),
	}
	if !keyForm.MatchString(s.key) {
		return nil, errors.New("the key has not the form of a Chutes key")
	}
	for _, m := range cfg.Miners {
		if err := s.add(m, cfg.Programs); err != nil {
			return nil, fmt.Errorf("miner %q: %w", m.Slug, err)
		}
	}
	s.http = &http.Server{Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second}
	return s, nil
}

func (s *Server) add(cfg Miner, programs Inverter) error {
	if !slugForm.MatchString(cfg.Slug) || cfg.ChuteID == "" || cfg.Name == "" {
		return errors.New("slug, chute id and name are required, the slug as a host's label")
	}
	if s.bySlug[cfg.Slug] != nil || s.byID[cfg.ChuteID] != nil {
		return errors.New("slug or chute id is taken")
	}
	if err := checkRates(cfg.Faults); err != nil {
		return err
	}
	if cfg.Brain == nil {
		cfg.Brain = NewSolver(cfg.Seed, cfg.Skill, programs)
	}
	m := newMiner(cfg)
	s.miners = append(s.miners, m)
	s.bySlug[cfg.Slug], s.byID[cfg.ChuteID] = m, m
	return nil
}

// API is the control plane's base URL.
func (s *Server) API() string { return "http://" + s.listener.Addr().String() }

// Inference is the base URL of a miner's OpenAI routes, with {slug} for the slug.
func (s *Server) Inference() string { return s.API() + "/{slug}/v1" }

// Key is the API key that is accepted.
func (s *Server) Key() string { return s.key }

// Close stops serving, breaks off running replies and waits for the listener.
func (s *Server) Close() error {
	err := s.http.Close()
	<-s.stopped
	return err
}

// SetHot starts or stops the miner's instances.
func (s *Server) SetHot(slug string, hot bool) {
	if m := s.bySlug[slug]; m != nil {
		m.hot.Store(hot)
	}
}

// Stats says what a miner was asked and what came of it; the zero Stats when there
// is no such miner.
func (s *Server) Stats(slug string) Stats {
	m := s.bySlug[slug]
	if m == nil {
		return Stats{}
	}
	return m.stats.snapshot()
}
