package chaintest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/crypto/blake2b"
)

// Fault is one way in which a node fails its client.
type Fault struct {
	Kind   FaultKind
	Method string        // of the request that meets it; empty for any
	After  int           // how many that would meet it are spared first
	Times  int           // how often; 0 means once, negative for ever
	Delay  time.Duration // of Slow
	Bytes  int           // of CutAnswer: how much of the frame goes out first
	Status int           // of RefuseDial: the HTTP status, 429 or 503

	// RetryAfter is what RefuseDial asks for in a Retry-After header; none when 0.
	RetryAfter time.Duration
}

// FaultKind says what goes wrong.
type FaultKind int

// The faults.
const (
	RefuseDial FaultKind = iota // the handshake is answered with Fault.Status
	DropSocket                  // the socket closes; the request is not executed
	CutAnswer                   // executed; the socket closes after Fault.Bytes of the answer
	LoseReply                   // executed; the socket closes instead of an answer
	Silence                     // not executed, never answered
	Slow                        // answered after Fault.Delay
	WrongID                     // answered under an id that was never given out
	Garbage                     // answered with bytes that are not JSON
	Discarded                   // refused: "State already discarded"
	FalseHead                   // answered with what hashes to no block: a header's number, or a hash, is not the chain's
)

// Inject makes the node fail from now on, until the fault has been met Times times.
// Faults are tried in the order of injection; a request meets at most one.
func (n *Node) Inject(f Fault) { n.faults.add(f) }

// Heal removes every fault that is still waiting.
func (n *Node) Heal() { n.faults.clear() }

type faults struct {
	mu      sync.Mutex
	waiting []Fault
}

func (f *faults) add(fault Fault) {
	if fault.Times == 0 {
		fault.Times = 1
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = append(f.waiting, fault)
}

func (f *faults) clear() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.waiting = nil
}

// meet takes the first waiting fault that suits; dial tells handshakes from requests.
func (f *faults) meet(dial bool, method string) (Fault, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, w := range f.waiting {
		if dial != (w.Kind == RefuseDial) || (w.Method != "" && w.Method != method) {
			continue
		}
		if w.After > 0 {
			f.waiting[i].After--
			continue
		}
		if w.Times > 0 {
			f.waiting[i].Times--
		}
		if f.waiting[i].Times == 0 {
			f.waiting = slices.Delete(f.waiting, i, i+1)
		}
		return w, true
	}
	return Fault{}, false
}

// falsified is an answer about blocks that is not true: a header with the number of the
// block after it, or the hash of no block. Other answers are left as they are.
func falsified(answer any) any {
	switch answer := answer.(type) {
	case map[string]any:
		if inner, isBlock := answer["block"].(map[string]any); isBlock {
			return map[string]any{"block": falsified(inner), "justifications": nil}
		}
		told := maps.Clone(answer)
		if header, inBlock := told["header"]; inBlock {
			told["header"] = falsified(header)
		}
		if number, isHeader := told["number"].(string); isHeader {
			n, _ := strconv.ParseUint(number, 0, 64) // as package rpcserver wrote it
			told["number"] = fmt.Sprintf("%#x", n+1)
		}
		return told
	case string:
		if len(answer) == 2+64 {
			hash := blake2b.Sum256([]byte(answer))
			return toHex(hash[:])
		}
	}
	return answer
}
