package chain

import (
	"encoding/json"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/scale"
	"github.com/affine-go/affine/shared/subnet"
)

// stubRuntime is the runtime of a stub node.
func stubRuntime(t testing.TB) extrinsic.Context {
	t.Helper()
	node, err := chaintest.Start(t.Context(), chaintest.Config{Sealing: chaintest.ByHand})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = node.Close() }) // there is no state file to close
	client, err := Dial(t.Context(), Config{Endpoints: []string{node.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() }) // never fails
	rt, err := client.Runtime(t.Context(), node.Genesis())
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

// Whatever bytes a node answers for a metagraph, they are neurons of the subnet that was
// asked for, or an error.
func FuzzMetagraphAnswer(f *testing.F) {
	rt := stubRuntime(f)
	fields, err := metagraphFields(rt.Metadata)
	if err != nil {
		f.Fatal(err)
	}
	for _, count := range []int{0, 1, 3} {
		value := asColumns(neuronsOf(count), netuid120)
		for _, field := range fields {
			if _, told := value[field.Name]; !told {
				value[field.Name] = nil
			}
		}
		f.Add(encoded(f, rt.Metadata, subnetAPI, selectiveMethod, value), true)
		f.Add(encoded(f, rt.Metadata, "NeuronInfoRuntimeApi", "get_neurons_lite", asRows(neuronsOf(count), netuid120)), false)
	}
	f.Add([]byte{0}, true)
	f.Fuzz(func(t *testing.T, answer []byte, columns bool) {
		if columns {
			value, err := rt.Metadata.DecodeAPIResult(subnetAPI, selectiveMethod, answer)
			if err != nil || value == nil {
				return
			}
			neurons, err := roster(value, netuid120)
			if err != nil && !errors.Is(err, ErrAnswer) && !errors.Is(err, errNoColumns) {
				t.Errorf("%v is neither ErrAnswer nor errNoColumns", err)
			}
			for uid, n := range neurons {
				if n.UID != subnet.UID(uid) || n.Hotkey == "" {
					t.Errorf("neuron %d is %+v", uid, n)
				}
			}
			return
		}
		value, err := rt.Metadata.DecodeAPIResult("NeuronInfoRuntimeApi", "get_neurons_lite", answer)
		if err != nil {
			return
		}
		for i, row := range value.([]any) {
			if n, err := neuron(row, netuid120, i); err == nil && int(n.UID) != i {
				t.Errorf("neuron %d is %+v", i, n)
			}
		}
	})
}

// Whatever bytes a node answers for a miner's commitments, they end as a text, a problem,
// nothing or an error.
func FuzzCommitmentAnswer(f *testing.F) {
	m := stubRuntime(f).Metadata
	add := func(name string, value any) {
		entry, err := m.StorageEntry("Commitments", name)
		if err != nil {
			f.Fatal(err)
		}
		var e scale.Encoder
		if err := m.EncodeType(&e, entry.Value, value); err != nil {
			f.Fatal(err)
		}
		f.Add(e.Data())
	}
	for _, fields := range [][]any{{inTheOpen}, {bigInOpen, sealed}, {sealed}, {failed}, {flag, hash}, {}} {
		add("CommitmentOf", written(fields...))
	}
	add("RevealedCommitments", []any{[]any{[]byte("a"), 5}, []any{[]byte("\x04b"), 6}})
	f.Fuzz(func(t *testing.T, b []byte) {
		if value, err := m.DecodeStorage("Commitments", "CommitmentOf", append([]byte{}, b...)); err == nil && value != nil {
			raw, found, err := lastWritten(value)
			if err != nil || (found && raw.Problem != "" && len(raw.Text) > 0) || (!found && raw.Problem != "") {
				t.Errorf("%x: %+v, %v, %v", b, raw, found, err)
			}
		}
		if value, err := m.DecodeStorage("Commitments", "RevealedCommitments", append([]byte{}, b...)); err == nil && value != nil {
			if raw, _, err := newestRevealed(value); err != nil || raw.Problem != "" {
				t.Errorf("%x: %+v, %v", b, raw, err)
			}
		}
	})
}

// Whatever bytes a node answers for sealed weights, looking through them ends.
func FuzzSealedAnswer(f *testing.F) {
	s := &snapshot{Context: stubRuntime(f)}
	entry, err := s.Metadata.StorageEntry("SubtensorModule", queues[0])
	if err != nil {
		f.Fatal(err)
	}
	for _, list := range [][]any{{}, {[]any{whose[:], 50, []byte("sealed"), 7}}, {[]any{make([]byte, 32), 1, []byte{}, 2}, []any{whose[:], 50, []byte{}, 7}}} {
		var e scale.Encoder
		if err := s.Metadata.EncodeType(&e, entry.Value, list); err != nil {
			f.Fatal(err)
		}
		f.Add(e.Data())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if found, err := someCommit().within(s, queues[0], append([]byte{}, b...)); found && err != nil {
			t.Errorf("found, and %v", err)
		}
	})
}

// A header is never waited on for longer than a day, nor for less than no time.
func FuzzRetryAfter(f *testing.F) {
	for _, seed := range []string{"", "0", "30", "-1", "1e9", "Sun, 22 Nov 2026 12:00:30 GMT", "99999999999"} {
		f.Add(seed, uint16(429))
	}
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, after string, status uint16) {
		if wait, _ := retryAfter(after, now); wait < 0 || wait > 24*time.Hour {
			t.Errorf("%q: %s", after, wait)
		}
		resp := &http.Response{StatusCode: int(status), Header: http.Header{"Retry-After": {after}}}
		if err := refusedDial("e", resp, now); err == nil {
			t.Errorf("status %d is no refusal", status)
		}
	})
}

// Whatever a node answers to a listing of keys, only keys below the prefix come of it, in
// order, and not without end.
func FuzzKeyPage(f *testing.F) {
	for _, seed := range []string{`[]`, `["0xaa01","0xaa02"]`, `["0xaa02","0xaa01"]`, `["0xbb"]`, `["0xAA03"]`, `[null]`, `["0xaa"]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var page []string
		if json.Unmarshal([]byte(text), &page) != nil {
			return
		}
		names, err := below("0xaa", "0xaa", page)
		for i, name := range names {
			if err != nil || name <= "0xaa" || name[:4] != "0xaa" || (i > 0 && name <= names[i-1]) {
				t.Errorf("%q: %q, %v", text, names, err)
			}
		}
	})
}
