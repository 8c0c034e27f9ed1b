package aws_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/affine-go/affine/shared/awstest"
	"github.com/affine-go/affine/shared/store/aws"
	"github.com/affine-go/affine/shared/store/storetest"
	"github.com/affine-go/affine/shared/subnet"
)

// TestNewClientKeepsItsConnections: a second PutSamples as wide as the first needs
// no new connection.
func TestNewClientKeepsItsConnections(t *testing.T) {
	var made atomic.Int32
	var gate sync.WaitGroup // holds the replies until all requests of a round are here
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		gate.Done()
		gate.Wait()
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = io.WriteString(w, "{}")
	}))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			made.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	s := aws.New(aws.NewClient(awstest.Endpoint{URL: server.URL}.Config()), "t")
	samples := make([]subnet.Sample, 32)
	for i := range samples {
		samples[i] = storetest.Sample("5G", 44, uint32(i))
	}
	for round := range 3 {
		gate.Add(len(samples))
		results, err := s.PutSamples(t.Context(), samples)
		if err != nil || results[0].Err != nil {
			t.Fatalf("round %d: %+v, %v", round, results[0], err)
		}
	}
	if n := made.Load(); n > int32(len(samples))+4 {
		t.Errorf("%d connections were made for %d requests at a time", n, len(samples))
	}
}
