package chain_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
)

// The address of a node that has to be paid for holds the key to it, in whichever part.
// What is told of failures goes into logs: it names the host alone.
func TestErrorsDoNotTellTheKeyToAnEndpoint(t *testing.T) {
	node := start(t, config(t))
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer refusing.Close()
	for name, host := range map[string]string{
		"nobody there": "127.0.0.1:1", "turned away": strings.TrimPrefix(refusing.URL, "http://"),
		"answers": strings.TrimPrefix(node.Endpoint(), "ws://"), "no host": "127.0.0.1:port",
	} {
		for _, form := range []string{"ws://user:s3cret@%s", "ws://%s/s3cret/ws", "ws://%s/?apikey=s3cret", "ws://%s#s3cret", "wss://s3cret@%s/"} {
			endpoint := fmt.Sprintf(form, host)
			cfg := quick(endpoint)
			cfg.Genesis, cfg.Attempts = "0x00", 1
			client, err := chain.Dial(t.Context(), cfg)
			if err == nil {
				_ = client.Close() // it was not to be
				t.Fatalf("%s: dialled", name)
			}
			if text := err.Error(); strings.Contains(text, "s3cret") || !strings.Contains(text, "127.0.0.1") && name != "no host" {
				t.Errorf("%s as %s: %s", name, form, text)
			}
		}
	}
}

// A socket that dies later tells no more.
func TestErrorsOfALinkDoNotTellTheKeyToItsEndpoint(t *testing.T) {
	node := start(t, config(t))
	cfg := quick(node.Endpoint() + "/?apikey=s3cret")
	cfg.RequestTimeout, cfg.Attempts = 10*time.Millisecond, 1
	client := dial(t, cfg)
	node.Inject(chaintest.Fault{Kind: chaintest.Silence, Times: 1})
	_, err := client.Finalized(t.Context())
	if err == nil || strings.Contains(err.Error(), "s3cret") || !strings.Contains(err.Error(), strings.TrimPrefix(node.Endpoint(), "ws://")) {
		t.Errorf("%v", err)
	}
}
