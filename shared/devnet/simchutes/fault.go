package simchutes

import (
	"fmt"
	"sync"
)

// Fault is a way in which an answer goes wrong.
type Fault string

// Faults of the gateway, before the model is reached.
const (
	Busy        Fault = "busy"        // 429, every instance is full
	Exhausted   Fault = "exhausted"   // 500, every instance that was tried failed
	Flap        Fault = "flap"        // 503, no instance for a moment
	BadGateway  Fault = "bad_gateway" // 502 with the CDN's page
	NoBalance   Fault = "no_balance"  // 402, the chute's owner has no balance
	NoQuota     Fault = "no_quota"    // 402, our own quota is used up
	TooLong     Fault = "too_long"    // 400, the prompt exceeds the model's context
	Reset       Fault = "reset"       // the connection is reset before any header
	Unreachable Fault = "unreachable" // closed without an answer
)

// Faults of the reply, after a 200.
const (
	Cut           Fault = "cut"            // the stream ends in the middle
	ErrorLine     Fault = "error_line"     // the stream ends in a bare error line
	Stall         Fault = "stall"          // the stream falls silent and stays open
	Empty         Fault = "empty"          // a whole reply without a word
	Huge          Fault = "huge"           // a reply of 10 MB
	BadUTF8       Fault = "bad_utf8"       // a reply that is not UTF-8
	ReasoningOnly Fault = "reasoning_only" // all of the reply is reasoning_content
	NoUsage       Fault = "no_usage"       // a whole reply whose tokens are not counted
)

// Faults lists every fault, in the order in which they are drawn.
var Faults = []Fault{
	Busy, Exhausted, Flap, BadGateway, NoBalance, NoQuota, TooLong, Reset, Unreachable,
	Cut, ErrorLine, Stall, Empty, Huge, BadUTF8, ReasoningOnly, NoUsage,
}

func checkRates(rates map[Fault]float64) error {
	known := make(map[Fault]bool, len(Faults))
	var sum float64
	for _, f := range Faults {
		known[f] = true
		if rates[f] < 0 {
			return fmt.Errorf("fault %s has the rate %v", f, rates[f])
		}
		sum += rates[f]
	}
	for f := range rates {
		if !known[f] {
			return fmt.Errorf("there is no fault %q", f)
		}
	}
	if sum > 1+1e-9 {
		return fmt.Errorf("the faults' rates sum to %v", sum)
	}
	return nil
}

// drawFault picks the fault in whose stretch of [0, 1) u lies; empty for none.
func drawFault(rates map[Fault]float64, u float64) Fault {
	for _, f := range Faults {
		if u < rates[f] {
			return f
		}
		u -= rates[f]
	}
	return ""
}

// Stats counts what a miner was asked and what came of it.
type Stats struct {
	Requests int // authorised completions for this miner, whatever came of them
	Answered int // replies of its brain that were sent whole
	Refused  int // malformed requests
	Cold     int // asked while no instance was up
	Unfunded int // asked while the owner had no balance
	Full     int // asked while as many replies as it can make were running
	Faults   map[Fault]int
}

type counters struct {
	mu sync.Mutex
	Stats
}

// count changes the counters in one step.
func (c *counters) count(change func(*Stats)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(&c.Stats)
}

func (c *counters) snapshot() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := c.Stats
	out.Faults = make(map[Fault]int, len(c.Faults))
	for f, n := range c.Faults {
		out.Faults[f] = n
	}
	return out
}
