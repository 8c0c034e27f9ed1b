package validator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/archive"
	archivelocal "github.com/affine-go/affine/shared/archive/local"
	"github.com/affine-go/affine/shared/queue"
	queuelocal "github.com/affine-go/affine/shared/queue/local"
	"github.com/affine-go/affine/shared/store"
	storelocal "github.com/affine-go/affine/shared/store/local"
	"github.com/affine-go/affine/shared/subnet"
	"github.com/affine-go/affine/shared/validator"
)

// stillChain is a metagraph that tests change by hand.
type stillChain struct {
	validator.Chain
	mg  subnet.Metagraph
	err error
}

func (c *stillChain) Metagraph(context.Context, subnet.Netuid) (subnet.Metagraph, error) {
	return c.mg, c.err
}

// provider is a control plane that tests change by hand.
type provider struct {
	chutes map[string]subnet.Chute
	err    error
}

func (p *provider) Chute(_ context.Context, id string) (subnet.Chute, error) {
	if p.err != nil {
		return subnet.Chute{}, p.err
	}
	c, ok := p.chutes[id]
	if !ok {
		return c, fmt.Errorf("chute %s: %w", id, subnet.ErrNoChute)
	}
	return c, nil
}

// desk is an Enumerator over local backends and a still chain, with a clock that
// tests move.
type desk struct {
	*validator.Enumerator
	chain    *stillChain
	provider *provider
	store    *storelocal.Store
	queue    *queuelocal.Queue
	now      time.Time
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	d := &desk{
		chain: &stillChain{mg: subnet.Metagraph{
			Netuid: 120, Block: 5_000_100, Commitments: make(map[subnet.Hotkey]subnet.RawCommitment),
		}},
		provider: &provider{chutes: make(map[string]subnet.Chute)},
		now:      time.Unix(1_700_000_000, 0).UTC(),
	}
	clock := func() time.Time { return d.now }
	var err error
	if d.store, err = storelocal.Open(filepath.Join(dir, "store.db")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.store.Close() })
	if d.queue, err = queuelocal.Open(filepath.Join(dir, "queue.db"), queue.Config{Clock: clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.queue.Close() })
	a, err := archivelocal.Open(filepath.Join(dir, "archive"))
	if err != nil {
		t.Fatal(err)
	}
	d.Enumerator = &validator.Enumerator{
		Netuid: 120, Chain: d.chain, Chutes: d.provider, Store: d.store, Archive: a,
		Queues: map[subnet.EnvID]queue.Queue{echoEnv: d.queue}, Envs: []validator.EnvRange{{ID: echoEnv, Hi: 1 << 20}},
		Window: subnet.WindowBlocks, Pace: validator.Pace{PerDay: 100, Burst: 5, MaxDepth: 1000}, Grace: 10 * time.Minute,
		Owner: "test", Random: bytes.NewReader(bytes.Repeat([]byte("secret"), 100)), Clock: clock, Log: quiet(),
	}
	return d
}

// add registers a neuron with a sound commitment and a hot chute for it.
func (d *desk) add(hotkey subnet.Hotkey, model string, at subnet.Block) {
	d.chain.mg.Neurons = append(d.chain.mg.Neurons, subnet.Neuron{UID: subnet.UID(len(d.chain.mg.Neurons)), Hotkey: hotkey})
	d.chain.mg.Commitments[hotkey] = subnet.RawCommitment{
		Text:  fmt.Appendf(nil, `{"model":%q,"revision":"r-%s","chute_id":"c-%s"}`, model, hotkey, hotkey),
		Block: at,
	}
	d.provider.chutes["c-"+string(hotkey)] = subnet.Chute{
		ID: "c-" + string(hotkey), Name: model, Slug: "slug-" + string(hotkey), Hot: true,
	}
}

func (d *desk) run(t *testing.T) validator.Enumeration {
	t.Helper()
	out, err := d.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (d *desk) miner(t *testing.T, hotkey subnet.Hotkey) subnet.Miner {
	t.Helper()
	rows, err := d.store.Miners(t.Context(), 120)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range rows {
		if m.Hotkey == hotkey {
			return m
		}
	}
	t.Fatalf("no row of %s", hotkey)
	return subnet.Miner{}
}

// received takes all visible tasks off the queue.
func (d *desk) received(t *testing.T) []subnet.Task {
	t.Helper()
	var tasks []subnet.Task
	for {
		got, err := d.queue.Receive(t.Context(), 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 {
			return tasks
		}
		for _, x := range got {
			var task subnet.Task
			if err := json.Unmarshal(x.Body, &task); err != nil {
				t.Fatal(err)
			}
			tasks = append(tasks, task)
			if err := d.queue.Delete(t.Context(), []string{x.Receipt}); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestEveryMinerGetsAStateAndAReason(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add("owner", "org/base", 400)
	d.add("good", "a/Affine-good", 100)
	d.add("copy", "a/Affine-good", 200)
	d.add("prefix", "a/other", 100)
	d.add("cold", "a/Affine-cold", 100)
	d.add("renamed", "a/Affine-renamed", 100)
	d.add("moved", "a/Affine-moved", 100)
	d.add("gone", "a/Affine-gone", 100)
	d.add("black", "a/Affine-black", 100)
	d.add("silent", "a/Affine-silent", 100)
	d.add("garbage", "a/Affine-garbage", 100)
	d.add("nochute", "a/Affine-nochute", 100)
	d.add("sealed", "a/Affine-sealed", 100)
	d.Blacklist = map[subnet.Hotkey]bool{"black": true}
	change := func(id string, f func(*subnet.Chute)) { c := d.provider.chutes[id]; f(&c); d.provider.chutes[id] = c }
	change("c-cold", func(c *subnet.Chute) { c.Hot = false })
	change("c-renamed", func(c *subnet.Chute) { c.Name = "a/Affine-else" })
	change("c-moved", func(c *subnet.Chute) { c.Revision = "another" })
	delete(d.provider.chutes, "c-gone")
	delete(d.chain.mg.Commitments, "silent")
	d.chain.mg.Commitments["garbage"] = subnet.RawCommitment{Text: []byte("\xff\x00{"), Block: 9}
	d.chain.mg.Commitments["nochute"] = subnet.RawCommitment{Text: []byte(`{"model":"a/Affine-nochute","revision":"r"}`)}
	d.chain.mg.Commitments["sealed"] = subnet.RawCommitment{Problem: "sealed until drand round 9"}
	out := d.run(t)
	want := map[subnet.Hotkey]subnet.MinerState{
		"owner": subnet.Valid, "sealed": subnet.CommitmentInvalid, "good": subnet.Valid, "copy": subnet.DuplicateOf, "prefix": subnet.NameMismatch,
		"cold": subnet.ChuteCold, "renamed": subnet.NameMismatch, "moved": subnet.RevisionMismatch, "gone": subnet.ChuteMissing,
		"black": subnet.Blacklisted, "silent": subnet.NoCommitment, "garbage": subnet.CommitmentInvalid, "nochute": subnet.ChuteMissing,
	}
	for _, m := range out.Miners {
		if m.State != want[m.Hotkey] {
			t.Errorf("%s is %s (%s), want %s", m.Hotkey, m.State, m.Reason, want[m.Hotkey])
		}
		if m.State != subnet.Valid && m.State != subnet.NoCommitment && m.Reason == "" {
			t.Errorf("%s is %s without a reason", m.Hotkey, m.State)
		}
	}
	if m := d.miner(t, "sealed"); !strings.Contains(m.Reason, "sealed until drand round 9") {
		t.Errorf("a sealed commitment's reason is %q", m.Reason)
	}
	if m := d.miner(t, "owner"); m.CommitBlock != 0 {
		t.Errorf("uid 0's commitment counts from block %d, want 0", m.CommitBlock)
	}
	for _, task := range d.received(t) {
		if want[task.Hotkey] != subnet.Valid {
			t.Errorf("a task was planned for %s, which is %s", task.Hotkey, want[task.Hotkey])
		}
	}
}

// A provider that fails makes nobody invalid until the grace has passed.
func TestProviderHiccup(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add("owner", "org/base", 1)
	d.run(t)
	d.provider.err = errors.New("503")
	d.now = d.now.Add(9 * time.Minute)
	if d.run(t); d.miner(t, "owner").State != subnet.Valid {
		t.Fatal("the first failed look made the miner invalid")
	}
	d.now = d.now.Add(2 * time.Minute)
	if d.run(t); d.miner(t, "owner").State != subnet.Unknown {
		t.Fatal("after the grace the miner still counts as valid")
	}
	d.provider.err = nil
	if d.run(t); d.miner(t, "owner").State != subnet.Valid {
		t.Fatal("a good look did not bring the miner back")
	}
}

// A look that fails tells nothing: what the last one found still holds, and a new
// commitment that nobody has looked at is not sampled under the old one's name.
func TestAFailedLookVouchesForNoNewCommitment(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add("owner", "org/base", 1)
	d.add("cold", "a/Affine-cold", 2)
	d.provider.chutes["c-cold"] = subnet.Chute{ID: "c-cold", Name: "a/Affine-cold"}
	d.add("moved", "a/Affine-moved", 3)
	d.run(t)
	d.received(t)
	d.provider.err = errors.New("503")
	d.chain.mg.Commitments["moved"] = subnet.RawCommitment{
		Text: []byte(`{"model":"a/Affine-better","revision":"r2","chute_id":"c2"}`), Block: 9,
	}
	d.now = d.now.Add(9 * time.Minute)
	d.run(t)
	for hotkey, want := range map[subnet.Hotkey]subnet.MinerState{"owner": subnet.Valid, "cold": subnet.ChuteCold, "moved": subnet.Unknown} {
		if m := d.miner(t, hotkey); m.State != want {
			t.Errorf("%s is %s, want %s", hotkey, m.State, want)
		}
	}
	for _, task := range d.received(t) {
		if task.Hotkey == "moved" {
			t.Errorf("a task was planned for the new commitment on the old chute: %+v", task)
		}
	}
}

func TestMinersGetTheSameTasksInTheSameOrder(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add("a", "x/Affine-a", 1)
	d.add("b", "x/Affine-b", 2)
	byMiner := make(map[subnet.Hotkey][]subnet.TaskID)
	for range 12 {
		d.run(t)
		for _, task := range d.received(t) {
			if want := uint32(len(byMiner[task.Hotkey])); task.Index != want {
				t.Errorf("%s was given index %d, want %d", task.Hotkey, task.Index, want)
			}
			byMiner[task.Hotkey] = append(byMiner[task.Hotkey], task.TaskID)
		}
		d.now = d.now.Add(10 * time.Minute)
	}
	if len(byMiner["a"]) < 5 || fmt.Sprint(byMiner["a"]) != fmt.Sprint(byMiner["b"]) {
		t.Errorf("tasks differ: %v and %v", byMiner["a"], byMiner["b"])
	}
}

// A miner that joins starts where no other has been, and so never at a task that
// anyone was shown before.
func TestAMinerJoinsAtTheCursor(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add("early", "x/Affine-early", 1)
	for range 4 {
		d.run(t)
		d.now = d.now.Add(20 * time.Minute)
	}
	shown := 0
	for range d.received(t) {
		shown++
	}
	d.add("late", "x/Affine-late", 2)
	d.run(t)
	for _, task := range d.received(t) {
		if task.Hotkey == "late" && int(task.Index) < shown {
			t.Errorf("the late miner was given index %d, the early one had been shown %d tasks", task.Index, shown)
		}
	}
	if got := d.miner(t, "late").Progress[echoEnv].Start; int(got) != shown {
		t.Errorf("the late miner starts at %d, want %d", got, shown)
	}
}

// Messages go out before the progress is written: a send that fails, or whose reply
// is lost, is repeated with the same indexes, and none is skipped.
func TestASendThatFailsIsRepeated(t *testing.T) {
	t.Parallel()
	for _, sent := range []bool{false, true} {
		t.Run(fmt.Sprintf("sent=%v", sent), func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.add("a", "x/Affine-a", 1)
			d.run(t) // joins, and is given index 0
			d.now = d.now.Add(864 * time.Second)
			d.Queues[echoEnv] = failingSend{d.queue, sent}
			if _, err := d.Run(t.Context()); err == nil {
				t.Fatal("a failed send was not reported")
			}
			d.Queues[echoEnv] = d.queue
			d.run(t)
			indexes := make(map[uint32]int)
			for _, task := range d.received(t) {
				indexes[task.Index]++
			}
			if want := map[bool]int{false: 1, true: 2}[sent]; indexes[0] != 1 || indexes[1] != want {
				t.Errorf("indexes sent: %v", indexes)
			}
		})
	}
}

type failingSend struct {
	queue.Queue
	sent bool
}

func (f failingSend) Send(ctx context.Context, msgs []queue.Message) error {
	if f.sent {
		if err := f.Queue.Send(ctx, msgs); err != nil {
			return err
		}
	}
	return errors.New("no reply")
}

// Of a send that succeeds in part, only the miners whose messages were refused are
// given theirs again.
func TestOnlyRefusedMessagesAreRepeated(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add("a", "x/Affine-a", 1)
	d.add("b", "x/Affine-b", 2)
	d.Queues[echoEnv] = refusing{d.queue, "b"}
	if out, err := d.Run(t.Context()); err == nil || out.Planned[echoEnv].Tasks != 1 {
		t.Fatalf("a refused message was not reported: %+v, %v", out, err)
	}
	d.Queues[echoEnv] = d.queue
	d.run(t)
	given := make(map[subnet.Hotkey][]uint32)
	for _, task := range d.received(t) {
		given[task.Hotkey] = append(given[task.Hotkey], task.Index)
	}
	if len(given["a"]) != 1 || len(given["b"]) != 1 {
		t.Errorf("indexes given: %v, want one for each", given)
	}
}

// refusing is a queue that refuses one group's messages.
type refusing struct {
	queue.Queue
	group string
}

func (r refusing) Send(ctx context.Context, msgs []queue.Message) error {
	failed := make(map[int]error)
	var rest []queue.Message
	for i, m := range msgs {
		if m.Group == r.group {
			failed[i] = errRefused
		} else {
			rest = append(rest, m)
		}
	}
	return errors.Join(r.Queue.Send(ctx, rest), queue.Partial(failed, len(msgs)))
}

// Messages that are on the queue are counted although another miner's row cannot be
// written, or the time that the run was given is up.
func TestWhatWasSentIsCounted(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add("a", "x/Affine-a", 1)
	d.add("b", "x/Affine-b", 2)
	ctx, timeUp := context.WithCancel(t.Context())
	d.Queues[echoEnv] = lastSend{d.queue, timeUp}
	d.Store = refusesMiner{d.store, "a"}
	if _, err := d.Run(ctx); !errors.Is(err, errRefused) {
		t.Fatalf("error %v, want the refused row's", err)
	}
	if m := d.miner(t, "b"); m.Progress[echoEnv].Next != 1 {
		t.Errorf("progress of b: %+v, its task is on the queue", m.Progress)
	}
}

type lastSend struct {
	queue.Queue
	timeUp context.CancelFunc
}

func (l lastSend) Send(ctx context.Context, msgs []queue.Message) error {
	defer l.timeUp()
	return l.Queue.Send(ctx, msgs)
}

type refusesMiner struct {
	*storelocal.Store
	hotkey subnet.Hotkey
}

func (r refusesMiner) PutMiner(ctx context.Context, m subnet.Miner) (subnet.Miner, error) {
	if m.Hotkey == r.hotkey {
		return subnet.Miner{}, errRefused
	}
	return r.Store.PutMiner(ctx, m)
}

func TestOnlyOneRunAtATime(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	if err := d.store.Acquire(t.Context(), "enumerate", "other", d.now, time.Minute); err != nil {
		t.Fatal(err)
	}
	if out := d.run(t); !out.Skipped {
		t.Fatal("ran while another run held the lease")
	}
	d.now = d.now.Add(2 * time.Minute)
	if out := d.run(t); out.Skipped {
		t.Fatal("a lease that ran out still holds")
	}
}

// In the mode that runs to an end, an index that has neither message nor row is
// given again, and unscored rows are made up for.
func TestUpToRepeatsWhatWasLost(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Pace = validator.Pace{UpTo: 10, GiveUp: 20, Burst: 4, MaxDepth: 1000}
	d.add("a", "x/Affine-a", 1)
	scored, unscored := 0, 0
	for round := range 30 {
		out := d.run(t)
		tasks := d.received(t)
		if out.Planned[echoEnv].Lacking == 0 {
			if len(tasks) != 0 {
				t.Errorf("%d tasks were planned although nothing lacks", len(tasks))
			}
			break
		}
		for i, task := range tasks {
			if (round+i)%5 == 1 {
				continue // the message is lost
			}
			s := subnet.Sample{Task: task, ID: task.SampleID(), Outcome: subnet.OK, At: d.now}
			if (round+i)%5 == 2 {
				s.Outcome = subnet.Capacity
			}
			if put, err := d.store.PutSamples(t.Context(), []subnet.Sample{s}); err != nil || put[0].Err != nil {
				t.Fatal(err, put)
			} else if put[0].Duplicate {
				continue
			}
			if s.Outcome.Scored() {
				scored++
			} else {
				unscored++
			}
		}
	}
	if scored != 10 || unscored == 0 {
		t.Errorf("%d scored and %d unscored rows, want 10 scored", scored, unscored)
	}
}

// A row beyond what was counted, of a run that was killed between sending a task and
// counting it, stands for no other index: the one without a row is still lacking.
func TestUpToIsNotDeceivedByUncountedRows(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Pace = validator.Pace{UpTo: 4, GiveUp: 20, Burst: 4, MaxDepth: 1000}
	d.add("a", "x/Affine-a", 1)
	d.run(t)
	tasks := d.received(t)
	if len(tasks) != 4 {
		t.Fatalf("%d tasks, want 4", len(tasks))
	}
	uncounted := tasks[0] // in its place: the message is lost
	lost := uncounted.Index
	uncounted.Index = tasks[3].Index + 1
	for _, task := range append(tasks[1:], uncounted) {
		s := subnet.Sample{Task: task, ID: task.SampleID(), Outcome: subnet.OK, At: d.now}
		if put, err := d.store.PutSamples(t.Context(), []subnet.Sample{s}); err != nil || put[0].Err != nil {
			t.Fatal(err, put)
		}
	}
	out := d.run(t)
	again := d.received(t)
	if out.Planned[echoEnv].Lacking != 1 || len(again) != 1 || again[0].Index != lost {
		t.Errorf("%d lacking, tasks %+v; want index %d again", out.Planned[echoEnv].Lacking, again, lost)
	}
}

// The secret stays private while its window runs and is published afterwards; with
// it the tasks that were given can be derived again.
func TestSecretsArePublishedWhenTheWindowCloses(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add("a", "x/Affine-a", 1)
	first := d.run(t)
	tasks := d.received(t)
	if len(tasks) == 0 {
		t.Fatal("no task was planned")
	}
	key := archive.WindowKey(120, first.Window)
	if _, err := d.Archive.Get(t.Context(), key, 0, -1); !errors.Is(err, archive.ErrNotFound) {
		t.Fatalf("the running window's secret is out: %v", err)
	}
	d.chain.mg.Block += subnet.WindowBlocks
	if next := d.run(t); next.Window != first.Window+1 {
		t.Fatalf("window %d after %d", next.Window, first.Window)
	}
	body, err := d.Archive.Get(t.Context(), key, 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct{ Secret string }
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	plan := subnet.WindowPlan{Window: first.Window}
	if _, err := fmt.Sscanf(doc.Secret, "%x", &plan.Secret); err != nil {
		t.Fatal(err)
	}
	for _, task := range tasks {
		if id, attempt, err := plan.Task(echoEnv, 0, 1<<20, task.Index); err != nil || id != task.TaskID || attempt != task.Attempt {
			t.Errorf("index %d: the published secret gives task %d, %d was given (%v)", task.Index, id, task.TaskID, err)
		}
	}
	if p := d.miner(t, "a").Progress[echoEnv]; p.Window != first.Window+1 || p.Start != 0 {
		t.Errorf("progress in the new window: %+v", p)
	}
}

// A secret that could not be published when its window closed is published later,
// also when no run saw the window after it; meanwhile sampling goes on.
func TestALateSecretIsPublished(t *testing.T) {
	t.Parallel()
	for _, windows := range []subnet.Block{1, 3} {
		d := newDesk(t)
		d.add("a", "x/Affine-a", 1)
		first := d.run(t)
		d.received(t)
		open := d.Archive
		d.Archive = noArchive{open}
		d.chain.mg.Block += windows * subnet.WindowBlocks
		if _, err := d.Run(t.Context()); !errors.Is(err, errRefused) {
			t.Errorf("error %v, want the archive's", err)
		}
		if len(d.received(t)) == 0 {
			t.Error("no task was planned in the new window")
		}
		d.Archive = open
		d.run(t)
		if _, err := open.Get(t.Context(), archive.WindowKey(120, first.Window), 0, -1); err != nil {
			t.Errorf("%d windows later: %v", windows, err)
		}
	}
}

type noArchive struct{ archive.Archive }

func (noArchive) Put(context.Context, string, []byte) error { return errRefused }

// The document stands although its plan was not marked, and another environment has
// been added since: the secret is out, and that is no fault for ever.
func TestAPublishedSecretIsNotPublishedAgain(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.add("a", "x/Affine-a", 1)
	first := d.run(t)
	if err := d.Archive.Put(t.Context(), archive.WindowKey(120, first.Window), []byte("as it was then")); err != nil {
		t.Fatal(err)
	}
	d.chain.mg.Block += subnet.WindowBlocks
	d.run(t)
	if plan, err := d.store.Plan(t.Context(), 120, first.Window); err != nil || !plan.Closed {
		t.Errorf("plan %+v, %v; want it closed", plan, err)
	}
}

func TestAFullQueueGetsNoMore(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Pace.MaxDepth = 3
	d.add("a", "x/Affine-a", 1)
	for range 20 {
		d.run(t)
		d.now = d.now.Add(time.Hour)
	}
	if dep := depth(t, d.queue); dep.Visible < 3 || dep.Visible > 3+d.Pace.Burst {
		t.Errorf("depth %d with a limit of 3", dep.Visible)
	}
}

var _ store.Store = (*storelocal.Store)(nil)
