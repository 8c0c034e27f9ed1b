package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/chain"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/subnet"
)

// committing is a run of af commit within the test.
type committing struct {
	out    bytes.Buffer // read it after end
	errs   lockedBuffer
	ended  chan struct{}
	err    error
	cancel context.CancelFunc
}

// commitModel starts to commit a model with miner 1's key.
func commitModel(t *testing.T, node *chaintest.Node, more ...string) *committing {
	t.Helper()
	key := filepath.Join(t.TempDir(), "key")
	writeKeyfile(t, key, 1)
	c := &committing{ended: make(chan struct{})}
	ctx, cancel := context.WithCancel(t.Context())
	c.cancel = cancel
	t.Cleanup(func() { cancel(); <-c.ended })
	root := newRootCmd()
	root.SetOut(&c.out)
	root.SetErr(&c.errs)
	root.SetArgs(append([]string{"commit", "--repo", "me/Affine-1", "--revision", revisionA, "--keyfile", key, "--endpoint", node.Endpoint(), "--json"}, more...))
	go func() {
		defer close(c.ended)
		c.err = root.ExecuteContext(ctx)
	}()
	return c
}

// end waits for the end and returns what was printed.
func (c *committing) end(t *testing.T) committedDocument {
	t.Helper()
	<-c.ended
	doc := committedDocument{commitDetails: &commitDetails{}}
	if err := json.Unmarshal(c.out.Bytes(), &doc); err != nil {
		t.Fatalf("%v: %q\n%s", err, c.out.String(), c.errs.String())
	}
	if doc.Success != (c.err == nil) || (doc.Error == "") != doc.Success {
		t.Errorf("printed %+v and returned %v", doc, c.err)
	}
	return doc
}

// failed waits for a failure that says all of it.
func (c *committing) failed(t *testing.T, says ...string) committedDocument {
	t.Helper()
	doc := c.end(t)
	for _, text := range says {
		if c.err == nil || !strings.Contains(doc.Error, text) || !strings.Contains(c.err.Error(), text) {
			t.Errorf("error %v, printed %q; want %q", c.err, doc.Error, text)
		}
	}
	return doc
}

// mining makes a block now and then until something ends.
func mining(t *testing.T, node *chaintest.Node, until <-chan struct{}) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-until:
			return
		case <-tick.C:
			if err := node.Mine(1); err != nil {
				t.Error(err)
				return
			}
		}
	}
}

// reveals lists what the chain has opened of miner 1.
func reveals(t *testing.T, node *chaintest.Node) []subnet.RawCommitment {
	t.Helper()
	client, err := chain.Dial(t.Context(), chain.Config{Endpoints: []string{node.Endpoint()}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	state, err := client.Committing(t.Context(), 120, subnet.Hotkey(miner(t, 1).Address()))
	if err != nil {
		t.Fatal(err)
	}
	return state.Revealed
}

func (c *committing) awaitSubmission(t *testing.T, node *chaintest.Node) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for node.Served()["author_submitExtrinsic"] == 0 {
		select {
		case <-tick.C:
		case <-c.ended:
			t.Fatalf("it ended before it sent anything: %v\n%s", c.err, c.errs.String())
		}
	}
}

// byHand is a node that makes blocks only when told to.
func byHand(t *testing.T, pulses bool) *chaintest.Node {
	t.Helper()
	cfg := minersOnly(t)
	cfg.Sealing = chaintest.ByHand
	node := startNode(t, cfg)
	node.HoldPulses(!pulses)
	if err := node.Mine(30); err != nil {
		t.Fatal(err)
	}
	return node
}

// Whoever interrupts it after it was sent is told so, and running it again waits for what
// is on its way instead of committing twice.
func TestCommitInterruptedWhileInThePoolIsNotSentTwice(t *testing.T) {
	t.Parallel()
	node := byHand(t, true)
	first := commitModel(t, node)
	first.awaitSubmission(t, node)
	first.cancel()
	first.failed(t, "was sent and may be on chain: run the same command again")
	if !errors.Is(first.err, context.Canceled) || !strings.Contains(first.errs.String(), "may be on chain") {
		t.Errorf("%v\n%s", first.err, first.errs.String())
	}
	second := commitModel(t, node)
	second.errs.await(t, "this hotkey has something under way: waiting until it is final", second.ended)
	mining(t, node, second.ended)
	doc := second.end(t)
	if !doc.Success || doc.Note == "" || node.Served()["author_submitExtrinsic"] != 1 || len(reveals(t, node)) != 1 {
		t.Errorf("%+v after %d submissions; %v\n%s", doc, node.Served()["author_submitExtrinsic"], second.err, second.errs.String())
	}
}

// What is sealed already is waited for, whoever sealed it.
func TestCommitWaitsForWhatIsSealed(t *testing.T) {
	t.Parallel()
	node := byHand(t, false)
	first := commitModel(t, node, "--timeout", "2s")
	mining(t, node, first.ended)
	first.failed(t, "gave up after --timeout 2s; it is on chain since block 10", "not seen opened: run the same command again")
	second := commitModel(t, node, "--timeout", "1s")
	mining(t, node, second.ended)
	second.failed(t, "gave up after --timeout 1s; nothing was sent")
	if !strings.Contains(second.errs.String(), "is sealed (round") {
		t.Errorf("told:\n%s", second.errs.String())
	}
	node.HoldPulses(false)
	third := commitModel(t, node)
	mining(t, node, third.ended)
	if doc := third.end(t); !doc.Success || doc.Note == "" || len(reveals(t, node)) != 1 {
		t.Errorf("%+v, %v\n%s", doc, third.err, third.errs.String())
	}
}

// A socket that dies at any point costs nothing but time.
func TestCommitSurvivesLostConnections(t *testing.T) {
	t.Parallel()
	for _, fault := range []chaintest.Fault{
		{Kind: chaintest.LoseReply, Method: "author_submitExtrinsic"},
		{Kind: chaintest.LoseReply, Method: "author_submitExtrinsic", Times: 4},
		{Kind: chaintest.DropSocket, Method: "author_submitExtrinsic", Times: 4},
		{Kind: chaintest.DropSocket, Method: "chain_getBlock", Times: 7},
		{Kind: chaintest.Garbage, Method: "chain_getFinalizedHead", Times: 2},
	} {
		node := byHand(t, true)
		node.Inject(fault)
		c := commitModel(t, node)
		mining(t, node, c.ended)
		if doc := c.end(t); !doc.Success || doc.Revealed <= doc.Block || len(reveals(t, node)) != 1 {
			t.Errorf("%+v: %+v, %v\n%s", fault, doc, c.err, c.errs.String())
		}
	}
}

// A node that is gone for good after the bytes were sent leaves it open what became of
// them, and that is what is told.
func TestCommitTellsWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	node := byHand(t, true)
	c := commitModel(t, node, "--timeout", "3s")
	c.awaitSubmission(t, node)
	node.Inject(chaintest.Fault{Kind: chaintest.RefuseDial, Status: 503, Times: -1})
	node.Inject(chaintest.Fault{Kind: chaintest.DropSocket, Times: -1})
	c.failed(t, "gave up after --timeout 3s", "was sent and may be on chain")
}

// Silence before anything was sent ends in time, too.
func TestCommitAtASilentEndpoint(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts, and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	key := filepath.Join(t.TempDir(), "key")
	writeKeyfile(t, key, 1)
	out, err := inProcess(t, "", "commit", "--repo", "me/Affine-1", "--revision", revisionA, "--keyfile", key,
		"--endpoint", "ws://"+listener.Addr().String(), "--timeout", "100ms")
	if err == nil || err.Error() != "commit: gave up after --timeout 100ms" || out != "{\"success\":false,\"error\":\"gave up after --timeout 100ms\"}\n" {
		t.Errorf("%v, printed %s", err, out)
	}
}

// A timelock that the chain cannot open is a failure, and no obstacle to another try. On
// a chain that has just begun, the round of the block before is older than all it knows.
func TestCommitThatCannotBeOpened(t *testing.T) {
	t.Parallel()
	cfg := minersOnly(t)
	cfg.SpecVersion, cfg.Sealing = 446, chaintest.ByHand
	node := startNode(t, cfg)
	first := commitModel(t, node)
	first.awaitSubmission(t, node) // signed for this block, before there are others
	mining(t, node, first.ended)
	if doc := first.failed(t, "could not open the timelock (TimelockRevealFailed)", "commit again"); doc.Block == 0 {
		t.Errorf("%+v", doc)
	}
	second := commitModel(t, node)
	mining(t, node, second.ended)
	if doc := second.end(t); !doc.Success || !strings.Contains(second.errs.String(), "could never be read; committing again") {
		t.Errorf("%+v, %v\n%s", doc, second.err, second.errs.String())
	}
}

// A full disk or a closed pipe does not hide that the commitment is there.
func TestCommitThatCannotBeTold(t *testing.T) {
	t.Parallel()
	o := commitOptions{model: subnet.Commitment{Model: "me/Affine-1", Revision: "main"}}
	o.keys.named = func(string) bool { return false }
	if err := o.run(t.Context(), full{}, &bytes.Buffer{}); err == nil || !errors.Is(err, errUsage) {
		t.Errorf("%v, want the failure itself", err)
	}
}

func TestJudgeTellsWhatBecameOfACommitment(t *testing.T) {
	t.Parallel()
	const at = 100
	meant := []byte("meant")
	record := func(r chain.CommitRecord) *chain.CommitRecord { return &r }
	revealed := func(block subnet.Block, text string) []subnet.RawCommitment {
		return []subnet.RawCommitment{{Text: []byte(text), Block: block}}
	}
	for name, c := range map[string]struct {
		now  chain.Committed
		says string // empty while it is waited for
		done bool
	}{
		"sealed":            {now: chain.Committed{Record: record(chain.CommitRecord{Block: at, Sealed: []byte{1}})}},
		"sealed and an old": {now: chain.Committed{Revealed: revealed(at-1, "meant"), Record: record(chain.CommitRecord{Block: at, Sealed: []byte{1}})}},
		"opened":            {now: chain.Committed{Revealed: revealed(at+1, "meant")}, done: true},
		"something else":    {now: chain.Committed{Revealed: revealed(at+1, "else")}, says: `reads something else: "else"`},
		"deleted":           {now: chain.Committed{}, says: "deleted the commitment"},
		"deleted, and old":  {now: chain.Committed{Revealed: revealed(at-1, "meant")}, says: "deleted the commitment"},
		"failed":            {now: chain.Committed{Record: record(chain.CommitRecord{Block: at, Failed: true})}, says: "TimelockRevealFailed"},
		"replaced":          {now: chain.Committed{Record: record(chain.CommitRecord{Block: at + 1, Sealed: []byte{1}})}, says: "took its place in block 101"},
		"unreadable":        {now: chain.Committed{Problem: "what is there cannot be read"}, says: "cannot be read"},
	} {
		j := committer{details: &commitDetails{Block: at}, progress: &bytes.Buffer{}}
		done, err := j.judge(c.now, subnet.SignedCommit{Text: meant})
		if done != c.done || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v; want %v, %q", name, done, err, c.done, c.says)
		}
	}
}

func TestCommitPreflight(t *testing.T) {
	t.Parallel()
	const size = 244 + 2 + 80
	for name, c := range map[string]struct {
		state chain.Committing
		spoil func(*committer)
		says  string
	}{
		"nothing before":   {},
		"room to the byte": {state: chain.Committing{Space: 1000, Used: 1000 - size}},
		"no room": {state: chain.Committing{Space: 1000, Used: 1001 - size, FreshFrom: 150, Head: chain.Head{Number: 100}, BlockTime: 12 * time.Second},
			says: "has used 675 of the 1000 bytes that it may commit in an epoch, and this takes 326: try again after block 150 (in 10.0 min)"},
		"too long":       {spoil: func(c *committer) { c.text = bytes.Repeat([]byte{'x'}, 1000) }, says: "1246 bytes once it is sealed, the chain takes 1024: shorten its names by 222"},
		"another name":   {spoil: func(c *committer) { c.model.Model = "affine/Other" }, says: "does not begin with Affine"},
		"the owner's":    {state: chain.Committing{Committed: chain.Committed{UID: 0}}, spoil: func(c *committer) { c.model.Model = "affine/Other" }},
		"a deleted one":  {state: chain.Committing{Last: 5}},
		"a revealed one": {state: chain.Committing{Committed: chain.Committed{UID: 1, Revealed: []subnet.RawCommitment{{Text: []byte("x\x1b[2J"), Block: 9}}}}, says: `already, "x\x1b[2J" at block 9: a hotkey may commit once`},
	} {
		p := committer{model: subnet.Commitment{Model: "me/Affine-1", Revision: revisionA}, progress: &bytes.Buffer{}, details: &commitDetails{}}
		p.text = []byte(`{"model": "me/Affine-1", "revision": "` + revisionA + `"}`)
		if c.spoil != nil {
			c.spoil(&p)
		}
		if c.state.Space == 0 {
			c.state.Space = 3100
		}
		if name == "another name" {
			c.state.UID = 1
		}
		err := p.preflight(c.state)
		if (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

// On a public chain nobody's word is taken for what opens a timelock.
func TestBeaconsOfPublicChains(t *testing.T) {
	t.Parallel()
	other := timelock.Quicknet()
	other.PublicKey[5]++
	if trusted(timelock.Quicknet(), config.FinneyGenesis) != nil || trusted(other, "0x"+strings.Repeat("1", 64)) != nil {
		t.Error("quicknet or a development chain's beacon is refused")
	}
	if trusted(other, config.FinneyGenesis) == nil || trusted(other, strings.ToUpper(config.FinneyGenesis)) == nil {
		t.Error("another beacon is taken on finney")
	}
}

// An interrupted process exits with 130 and says what is known.
func TestCommitInterrupted(t *testing.T) {
	if testing.Short() {
		t.Skip("runs af")
	}
	t.Parallel()
	node := byHand(t, true)
	key := filepath.Join(t.TempDir(), "key")
	writeKeyfile(t, key, 1)
	var errs lockedBuffer
	cmd := afCommand(t, "commit", "--repo", "me/Affine-1", "--revision", revisionA, "--keyfile", key, "--endpoint", node.Endpoint())
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }() // the exit code says how it ended
	errs.await(t, "sending extrinsic", ended)
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	<-ended
	if code := cmd.ProcessState.ExitCode(); code != 130 || !strings.HasSuffix(errs.String(), "--netuid 120\naf: interrupted\n") || !strings.Contains(out.String(), `"success":false`) {
		t.Errorf("exit code %d\n%s%s", code, out.String(), errs.String())
	}
}

// Bytes that no block took in time are dead, and others take their place.
func TestCommitStartsAgainWhenItsBytesAreDead(t *testing.T) {
	t.Parallel()
	node := byHand(t, true)
	node.Inject(chaintest.Fault{Kind: chaintest.DropSocket, Method: "author_submitExtrinsic", Times: -1})
	c := commitModel(t, node)
	c.errs.await(t, "lost sight of it", c.ended)
	if err := node.Mine(70); err != nil {
		t.Fatal(err)
	}
	node.Heal()
	mining(t, node, c.ended)
	if doc := c.end(t); !doc.Success || len(reveals(t, node)) != 1 || !strings.Contains(c.errs.String(), "starting again") {
		t.Errorf("%+v, %v\n%s", doc, c.err, c.errs.String())
	}
}

// What is sealed is waited for within reason only.
func TestAwaitGivesSealedCommitmentsTheirTime(t *testing.T) {
	t.Parallel()
	beacon := timelock.Quicknet()
	const round = 1_000_000
	for name, c := range map[string]struct {
		ahead   time.Duration
		round   uint64
		replace bool
		again   bool
		says    string
	}{
		"opens soon":                 {ahead: 12 * time.Second, again: true},
		"opens soon, to be replaced": {ahead: 12 * time.Second, replace: true, again: true},
		"just out":                   {ahead: -12 * time.Second, again: true},
		"far ahead":                  {ahead: time.Hour, says: "has committed already, at block 9, sealed (round 1000000, opens 20"},
		"far ahead, to be replaced":  {ahead: time.Hour, replace: true},
		"long out":                   {ahead: -time.Hour, says: "has committed already"},
		"long out, to be replaced":   {ahead: -time.Hour, replace: true},
		"never":                      {round: 1 << 63, says: "in a far future"},
	} {
		w := committer{beacon: beacon, replace: c.replace, progress: &bytes.Buffer{}}
		state := chain.Committing{Now: beacon.RoundTime(round).Add(-c.ahead)}
		state.Record = &chain.CommitRecord{Block: 9, Sealed: []byte{1}, Round: max(round, c.round)}
		again, err := w.await(state)
		if again != c.again || (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, %v; want %v, %q", name, again, err, c.again, c.says)
		}
	}
}
