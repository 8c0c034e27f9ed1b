package simchutes

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// handler routes as Chutes does: the slug is the first label of the host, or here,
// where names do not resolve, the first part of the path.
func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /chutes/{$}", s.list)
	mux.HandleFunc("GET /chutes/affine_available", s.available)
	mux.HandleFunc("GET /chutes/{id}", s.chute)
	mux.HandleFunc("GET /v1/models", s.models)
	mux.HandleFunc("GET /{slug}/v1/models", s.models)
	mux.HandleFunc("POST /{slug}/v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		s.completions(w, r, r.PathValue("slug"))
	})
	mux.HandleFunc("POST /v1/chat/completions", func(w http.ResponseWriter, r *http.Request) {
		s.completions(w, r, hostLabel(r))
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		refuse(w, http.StatusNotFound, "No matching cord found!")
	})
	return mux
}

// hostLabel is the first label of the host that was asked for.
func hostLabel(r *http.Request) string {
	label, _, _ := strings.Cut(r.Host, ".")
	return strings.ToLower(label)
}

// affine reports whether a chute's name is one of the subnet's, which everybody may
// look at.
func affine(name string) bool { return strings.Contains(strings.ToLower(name), "/affine") }

// visible reports whether whoever asks may see the chute; when the credential is
// wrong rather than absent it answers instead.
func (s *Server) visible(w http.ResponseWriter, r *http.Request) (see func(*miner) bool, answered bool) {
	c := s.credential(r)
	if c == malformed || c == unknown {
		unauthorized(w, c)
		return nil, true
	}
	return func(m *miner) bool { return c == accepted || affine(m.Name) }, false
}

func (s *Server) chute(w http.ResponseWriter, r *http.Request) {
	see, answered := s.visible(w, r)
	if answered {
		return
	}
	m := s.byID[r.PathValue("id")]
	if m == nil || !see(m) {
		refuse(w, http.StatusNotFound, "Chute not found, or does not belong to you")
		return
	}
	reply(w, http.StatusOK, m.describe())
}

func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	see, answered := s.visible(w, r)
	if answered {
		return
	}
	items := []chute{}
	slug, name := r.URL.Query().Get("slug"), r.URL.Query().Get("name")
	for _, m := range s.miners {
		if see(m) && (slug == "" || m.Slug == slug) && (name == "" || m.Name == name) && len(items) < 25 {
			items = append(items, m.describe())
		}
	}
	reply(w, http.StatusOK, map[string]any{"total": len(items), "page": 0, "limit": 25, "items": items, "cord_refs": map[string]any{}})
}

// available lists, to anybody, the subnet's chutes whose owner has balance.
func (s *Server) available(w http.ResponseWriter, _ *http.Request) {
	rows := []map[string]any{}
	for _, m := range s.miners {
		if affine(m.Name) && !m.Unfunded {
			rows = append(rows, map[string]any{
				"chute_id": m.ChuteID, "user_id": m.owner(), "name": m.Name, "hotkey": nil, "has_active_instance": m.hot.Load(),
			})
		}
	}
	reply(w, http.StatusOK, rows)
}

func (s *Server) models(w http.ResponseWriter, r *http.Request) {
	slug := r.PathValue("slug")
	if c := s.credential(r); slug != "" && c != accepted {
		unauthorized(w, c)
		return
	}
	rows := []map[string]any{}
	for _, m := range s.miners {
		if slug == "" || m.Slug == slug {
			rows = append(rows, map[string]any{"id": m.Name, "object": "model", "owned_by": "sglang", "root": m.Name})
		}
	}
	if slug != "" && len(rows) == 0 {
		refuse(w, http.StatusNotFound, "No matching chute found!")
		return
	}
	reply(w, http.StatusOK, map[string]any{"object": "list", "data": rows})
}

// chute is the control plane's description, in the fields a validator reads and
// those that make its answers as large as they are.
type chute struct {
	ChuteID          string          `json:"chute_id"`
	Name             string          `json:"name"`
	Tagline          string          `json:"tagline"`
	Readme           string          `json:"readme"`
	Public           bool            `json:"public"`
	Version          string          `json:"version"`
	Slug             string          `json:"slug"`
	StandardTemplate string          `json:"standard_template"`
	User             map[string]any  `json:"user"`
	NodeSelector     map[string]any  `json:"node_selector"`
	Instances        []chuteInstance `json:"instances"`
	Revision         *string         `json:"revision"`
	Concurrency      int             `json:"concurrency"`
	MaxInstances     int             `json:"max_instances"`
	ScalingThreshold float64         `json:"scaling_threshold"`
	ShutdownAfter    int             `json:"shutdown_after_seconds"`
	Preemptible      bool            `json:"preemptible"`
	Hot              bool            `json:"hot"`
}

type chuteInstance struct {
	InstanceID string `json:"instance_id"`
	Region     string `json:"region"`
	Active     bool   `json:"active"`
	Verified   bool   `json:"verified"`
}

func (m *miner) describe() chute {
	c := chute{
		ChuteID: m.ChuteID, Name: m.Name, Slug: m.Slug, Readme: "# " + m.Name, Version: m.owner(), StandardTemplate: "vllm",
		User:         map[string]any{"username": strings.Split(m.Name, "/")[0], "user_id": m.owner()},
		NodeSelector: map[string]any{"gpu_count": 1, "supported_gpus": []string{"a100", "h100"}},
		Instances:    []chuteInstance{}, Concurrency: 20, MaxInstances: 1, ScalingThreshold: 0.75, ShutdownAfter: 3600,
		Hot: m.hot.Load(),
	}
	if m.Revision != "" {
		revision := string(m.Revision)
		c.Revision = &revision
	}
	if c.Hot {
		c.Instances = append(c.Instances, chuteInstance{InstanceID: m.ChuteID + "-0", Region: "n/a", Active: true, Verified: true})
	}
	return c
}

// owner is the id of the chute's owner.
func (m *miner) owner() string { return fmt.Sprintf("%032x", hash(m.Slug, "owner")) }

// refuse answers as FastAPI does.
func refuse(w http.ResponseWriter, status int, detail any) {
	reply(w, status, map[string]any{"detail": detail})
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
