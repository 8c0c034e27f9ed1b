package chutes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"

	"github.com/affine-go/affine/shared/subnet"
)

// maxControlBody bounds an answer of the control plane in bytes. A chute carries its
// readme and the schemas of its routes, some 100 KB at most.
const maxControlBody = 2 << 20

// chuteID is what may stand in the path of a look. Commitments are strangers' text:
// a slash or dots would ask for something else.
var chuteID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// chute is the part that is used of the control plane's answer.
type chute struct {
	ID        string  `json:"chute_id"`
	Name      string  `json:"name"`
	Slug      string  `json:"slug"`
	Revision  *string `json:"revision"`
	Hot       *bool   `json:"hot"`
	Instances []struct {
		Active   bool `json:"active"`
		Verified bool `json:"verified"`
	} `json:"instances"`
}

// Chute describes the chute of that id. It returns an error that wraps subnet.ErrNoChute
// when the control plane knows none; any other *Error is no fault of the miner.
func (c *Client) Chute(ctx context.Context, id string) (subnet.Chute, error) {
	op := fmt.Sprintf("chute %.64q", id)
	if !chuteID.MatchString(id) {
		return subnet.Chute{}, &Error{Op: op, Detail: "malformed id", Fault: subnet.NotFound, cause: subnet.ErrNoChute}
	}
	var found chute
	if err := c.look(ctx, op, "/chutes/"+id, &found); err != nil {
		return subnet.Chute{}, err
	}
	if found.ID == "" || found.Slug == "" {
		return subnet.Chute{}, &Error{Op: op, Status: http.StatusOK, Detail: "the answer lacks chute_id or slug", Fault: subnet.Upstream5xx}
	}
	return found.chute(), nil
}

func (f chute) chute() subnet.Chute {
	out := subnet.Chute{ID: f.ID, Name: f.Name, Slug: f.Slug}
	if f.Revision != nil {
		out.Revision = subnet.Revision(*f.Revision)
	}
	if f.Hot != nil {
		out.Hot = *f.Hot
		return out
	}
	for _, instance := range f.Instances {
		out.Hot = out.Hot || instance.Active && instance.Verified
	}
	return out
}

// hotSlug reports whether the control plane lists a hot chute of that slug. Names of
// the subnet's chutes are listed to everybody, also to those who may not call them.
func (c *Client) hotSlug(ctx context.Context, slug string) bool {
	var page struct {
		Items []chute `json:"items"`
	}
	query := url.Values{"slug": {slug}, "include_public": {"true"}}
	if err := c.look(ctx, "list slug "+slug, "/chutes/?"+query.Encode(), &page); err != nil {
		return false
	}
	for _, item := range page.Items {
		if item.Slug == slug && item.chute().Hot {
			return true
		}
	}
	return false
}

// look reads a JSON document from the control plane.
func (c *Client) look(ctx context.Context, op, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Look)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.cfg.API+path, nil)
	if err != nil {
		return &Error{Op: op, Detail: c.detail(err.Error()), Fault: subnet.EnvFault, cause: err}
	}
	if c.cfg.Key != "" {
		req.Header.Set("Authorization", c.cfg.Key)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return &Error{Op: op, Detail: c.detail(err.Error()), Fault: subnet.Transport, cause: err}
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		return c.refused(op, resp)
	}
	return c.decode(op, resp, into)
}

func (c *Client) decode(op string, resp *http.Response, into any) error {
	raw, err := io.ReadAll(io.LimitReader(resp.Body, maxControlBody+1))
	if err != nil {
		return &Error{Op: op, Status: resp.StatusCode, Detail: c.detail(err.Error()), Fault: subnet.Truncated, cause: err}
	}
	if len(raw) > maxControlBody {
		return &Error{Op: op, Status: resp.StatusCode, Detail: fmt.Sprintf("the answer is longer than %d bytes", maxControlBody), Fault: subnet.Upstream5xx}
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return &Error{Op: op, Status: resp.StatusCode, Detail: c.detail(err.Error()), Fault: subnet.Upstream5xx, cause: err}
	}
	return nil
}

// refused makes an *Error of an answer other than 2xx and closes nothing.
func (c *Client) refused(op string, resp *http.Response) *Error {
	body := readErrorBody(resp)
	e := &Error{
		Op: op, Status: resp.StatusCode, Detail: c.detail(body.text), Fault: outcomeOf(resp.StatusCode, body),
		InvocationID: c.detail(resp.Header.Get("X-Chutes-InvocationID")),
	}
	if resp.StatusCode == http.StatusNotFound {
		e.cause = subnet.ErrNoChute
	}
	return e
}
