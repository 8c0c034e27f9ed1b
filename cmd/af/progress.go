package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/devnet"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// progress tells a person how a run is going: one line that is rewritten on a
// terminal, a line every few seconds elsewhere.
type progress struct {
	out      io.Writer
	terminal bool
	want     int // scored samples per miner and environment
	began    time.Time

	mu       sync.Mutex
	envs     int
	valid    int
	told     map[subnet.Hotkey]subnet.MinerState
	stored   int
	summed   bool // whether what is stored has been said by finished
	unscored map[subnet.Outcome]int
	last     time.Time
}

func newProgress(out *os.File, want int) *progress {
	info, err := out.Stat()
	return &progress{
		out: out, terminal: err == nil && info.Mode()&os.ModeCharDevice != 0, want: want, began: time.Now(),
		told: make(map[subnet.Hotkey]subnet.MinerState), unscored: make(map[subnet.Outcome]int),
	}
}

func (p *progress) started(net *devnet.Net) {
	p.envs = len(net.Envs)
	fmt.Fprintf(p.out, "chain at %s, subnet %d, block %d; simulated Chutes at %s; %d miners registered; up after %v\n",
		net.Node.Endpoint(), net.Netuid, net.Node.Head(), net.Provider.API(), len(net.Members), time.Since(p.began).Round(time.Millisecond))
}

// observe counts a stored row.
func (p *progress) observe(s subnet.Sample) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.summed = false
	if p.stored++; p.stored == 1 {
		p.line(fmt.Sprintf("first sample graded and stored after %v", time.Since(p.began).Round(time.Millisecond)))
	}
	if !s.Outcome.Scored() {
		p.unscored[s.Outcome]++
	}
}

// planned shows what a look found: once for every miner that may not be sampled,
// and the state of the run.
func (p *progress) planned(found validator.Enumeration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.valid = 0
	for _, m := range found.Miners {
		if m.State == subnet.Valid {
			p.valid++
		} else if m.State != subnet.NoCommitment && p.told[m.Hotkey] != m.State {
			p.line(fmt.Sprintf("uid %d (%s) is not sampled: %s: %s", m.UID, m.Hotkey.Short(), m.State, printable(m.Reason)))
		}
		p.told[m.Hotkey] = m.State
	}
	every := 5 * time.Second
	if p.terminal {
		every = 0
	}
	if time.Since(p.last) >= every {
		p.last = time.Now()
		p.status(found)
	}
}

func (p *progress) status(found validator.Enumeration) {
	lacking := 0
	for _, x := range found.Planned {
		lacking += x.Lacking
	}
	took := time.Since(p.began)
	text := fmt.Sprintf("%5.1fs  block %d  %d miners × %d envs  %d samples stored (%.0f/s)%s  %d of %d cells still filling",
		took.Seconds(), found.Block, p.valid, p.envs, p.stored, float64(p.stored)/took.Seconds(), p.faults(), lacking, p.valid*p.envs)
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[2K%s", text)
		return
	}
	fmt.Fprintln(p.out, text)
}

func (p *progress) faults() string {
	var parts []string
	for o, n := range p.unscored {
		parts = append(parts, fmt.Sprintf("%d %s", n, o))
	}
	if len(parts) == 0 {
		return ""
	}
	slices.Sort(parts)
	return ", unscored: " + strings.Join(parts, ", ")
}

// finished ends the line that was being rewritten. A service's rounds that stored
// nothing are not worth a line.
func (p *progress) finished() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.summed {
		return
	}
	p.summed = true
	p.line(fmt.Sprintf("sampling done: %d samples stored in %v%s", p.stored, time.Since(p.began).Round(time.Millisecond), p.faults()))
}

// line prints a line of its own, over the one that is being rewritten.
func (p *progress) line(text string) {
	if p.terminal {
		fmt.Fprint(p.out, "\r\x1b[2K")
	}
	fmt.Fprintln(p.out, text)
}

// printable keeps what strangers wrote from steering the terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, text)
}
