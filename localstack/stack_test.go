// Package localstack holds what runs the whole stack on an endpoint that stands in
// for AWS: the compose file and hooks of LocalStack, and the end-to-end test.
package localstack_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	archiveaws "github.com/affine-go/affine/shared/archive/aws"
	"github.com/affine-go/affine/shared/awstest"
	"github.com/affine-go/affine/shared/chain/chaintest"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/devnet/lambdatest"
	"github.com/affine-go/affine/shared/devnet/simchutes"
	"github.com/affine-go/affine/shared/queue"
	queueaws "github.com/affine-go/affine/shared/queue/aws"
	"github.com/affine-go/affine/shared/sandbox"
	storeaws "github.com/affine-go/affine/shared/store/aws"
	"github.com/affine-go/affine/shared/subnet"
)

func TestMain(m *testing.M) {
	sandbox.Main()
	os.Exit(m.Run())
}

var envs = []subnet.EnvID{"affine:sat", "affine:abd"}

// stack is what a deployment has, made on an emulator by the test.
type stack struct {
	endpoint awstest.Endpoint
	table    string
	bucket   string
	secret   string
	urls     map[subnet.EnvID]string
	queues   map[subnet.EnvID]*queueaws.Queue
	store    *storeaws.Store
	archive  *archiveaws.Archive
	node     *chaintest.Node
	provider *simchutes.Server
	hotkeys  []subnet.Hotkey // the miners', by uid
	own      *keys.Pair
}

func newStack(t *testing.T, e awstest.Endpoint) *stack {
	t.Helper()
	s := &stack{endpoint: e, table: awstest.Name("table"), bucket: awstest.Name("bucket"), secret: awstest.Name("hotkey"),
		urls: make(map[subnet.EnvID]string), queues: make(map[subnet.EnvID]*queueaws.Queue)}
	s.createResources(t)
	s.startChutes(t)
	s.startChain(t)
	return s
}

const seed = "0x0101010101010101010101010101010101010101010101010101010101010101"

func (s *stack) createResources(t *testing.T) {
	t.Helper()
	ctx, cfg := t.Context(), s.endpoint.Config()
	db := dynamodb.NewFromConfig(cfg)
	if err := storeaws.CreateTable(ctx, db, s.table); err != nil {
		t.Fatal(err)
	}
	s.store = storeaws.New(db, s.table)
	bucket := archiveaws.NewClient(cfg, archiveaws.Options{PathStyle: true})
	if _, err := bucket.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &s.bucket}); err != nil {
		t.Fatal(err)
	}
	s.archive = archiveaws.New(bucket, s.bucket, "")
	queues := sqs.NewFromConfig(cfg)
	for _, id := range envs {
		name := awstest.Name(id.Key())
		q, err := queueaws.Create(ctx, queues, name, queue.Config{Visibility: 30 * time.Second, MaxReceives: 5})
		if err != nil {
			t.Fatal(err)
		}
		out, err := queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &name})
		if err != nil {
			t.Fatal(err)
		}
		s.queues[id], s.urls[id] = q, *out.QueueUrl
	}
	secrets := secretsmanager.NewFromConfig(cfg)
	if _, err := secrets.CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: &s.secret, SecretString: aws.String(seed)}); err != nil {
		t.Fatal(err)
	}
}

// members are the miners: skill in each environment, by uid.
var members = []struct {
	name   string
	skill  float64
	commit subnet.Block
	faults map[simchutes.Fault]float64
}{
	{"owner", 0.60, 100, nil},
	{"early", 0.55, 200, map[simchutes.Fault]float64{simchutes.Busy: 0.05, simchutes.Cut: 0.05}},
	{"strong", 0.97, 300, nil},
}

func (s *stack) startChutes(t *testing.T) {
	t.Helper()
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		t.Fatal(err)
	}
	cfg := simchutes.Config{Seed: 7, TimeScale: 0.001, Programs: simchutes.NewPrograms(box)}
	for i, m := range members {
		cfg.Miners = append(cfg.Miners, simchutes.Miner{
			Slug: m.name, ChuteID: chuteID(i), Name: "x/Affine-" + m.name, Hot: true, Seed: uint64(i),
			Skill: map[subnet.EnvID]float64{envs[0]: m.skill, envs[1]: m.skill}, Faults: m.faults,
			Latency: simchutes.Latency{Median: time.Second, Sigma: 0.5},
		})
	}
	if s.provider, err = simchutes.Start(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.provider.Close() })
}

func chuteID(i int) string { return fmt.Sprintf("c0ffee00-0000-4000-8000-%012d", i) }

func (s *stack) startChain(t *testing.T) {
	t.Helper()
	cfg := chaintest.Config{
		First: 3_000_000, FinalityLag: 1,
		Rules: subnet.WeightRules{Tempo: 20_000, RateLimit: 5, MinAllowed: 1, BlockTime: 200 * time.Millisecond},
	}
	for i, m := range members {
		pair, err := keys.FromURI(keys.Sr25519, "//stack//"+m.name)
		if err != nil {
			t.Fatal(err)
		}
		s.hotkeys = append(s.hotkeys, subnet.Hotkey(pair.Address()))
		cfg.Neurons = append(cfg.Neurons, chaintest.Neuron{Hotkey: s.hotkeys[i], Revealed: []chaintest.Commitment{{
			Text: fmt.Appendf(nil, `{"model":"x/Affine-%s","revision":"rev-%d","chute_id":%q}`, m.name, i, chuteID(i)), Block: m.commit,
		}}})
	}
	var err error
	if s.own, err = keys.ParseKeyfile([]byte(seed), nil); err != nil {
		t.Fatal(err)
	}
	cfg.Neurons = append(cfg.Neurons, chaintest.Neuron{Hotkey: subnet.Hotkey(s.own.Address()), Stake: 5_000e9, Permit: true})
	if s.node, err = chaintest.Start(context.WithoutCancel(t.Context()), cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.node.Close() })
}

// settings is what the stack tells its programs; each reads its own part.
func (s *stack) settings() []string {
	var urls []string
	for _, id := range envs {
		urls = append(urls, id.Key()+"="+s.urls[id])
	}
	by := map[string]string{
		"AWS_ENDPOINT_URL": s.endpoint.URL, "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
		config.NameEndpoint: s.node.Endpoint(), config.NameGenesis: s.node.Genesis(),
		config.NameEnvs: string(envs[0]) + "," + string(envs[1]), config.NameQueues: strings.Join(urls, ","),
		config.NameTable: s.table, config.NameBucket: s.bucket,
		config.NameChutesKey: s.provider.Key(), config.NameChutesAPI: s.provider.API(), config.NameInference: s.provider.Inference(),
		config.NameDailyRate: "1000000", config.NameInFlight: "48", config.NamePerMiner: "16",
		config.NameVisibility: "30", config.NameFlushSeconds: "1", config.NameDrain: "20",
		config.NameHotkey: s.own.Address(), config.NameSignerFunction: "signer", config.NameHotkeySecret: s.secret,
	}
	var out []string
	for name, value := range by {
		out = append(out, name+"="+value)
	}
	return out
}

// functions are the three functions, each a process behind the Runtime API.
func (s *stack) functions(t *testing.T) (enumerate, weights *lambdatest.Function) {
	t.Helper()
	service := lambdatest.New(t)
	env := append(s.settings(), "AWS_ENDPOINT_URL_LAMBDA="+service.URL)
	add := func(name string) *lambdatest.Function {
		return service.Add(name, lambdatest.Build(t, filepath.Join("..", "functions", name)), env)
	}
	add("signer")
	return add("enumerate"), add("weights")
}

// invoke calls a function and reads its answer into out.
func invoke(t *testing.T, f *lambdatest.Function, out any) {
	t.Helper()
	reply, functionError, err := f.Invoke(t.Context(), []byte("{}"))
	if err != nil || functionError != "" {
		t.Fatalf("invoke: %v %s %s", err, functionError, reply)
	}
	if err := json.Unmarshal(reply, out); err != nil {
		t.Fatalf("%s: %v", reply, err)
	}
}

// worker is a running envrunner process.
type worker struct {
	cmd    *exec.Cmd
	log    strings.Builder
	exited chan error
}

func buildWorker(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "envrunner")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", path, "../envrunner")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build envrunner: %v\n%s", err, out)
	}
	return path
}

func (s *stack) startWorker(t *testing.T, path string) *worker {
	t.Helper()
	w := &worker{cmd: exec.Command(path), exited: make(chan error, 1)}
	w.cmd.Env = append(s.settings(), "PATH="+os.Getenv("PATH"))
	w.cmd.Stdout, w.cmd.Stderr = &w.log, &w.log
	w.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := w.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { w.exited <- w.cmd.Wait() }()
	t.Cleanup(func() {
		_ = w.cmd.Process.Kill() // it has normally ended by now
		if t.Failed() {
			t.Logf("envrunner's log ends:\n%s", tail(w.log.String(), 4000))
		}
	})
	return w
}

func tail(text string, n int) string { return text[max(0, len(text)-n):] }

// stop ends the worker as ECS does and waits for it.
func (w *worker) stop(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-w.exited:
		if err != nil {
			t.Fatalf("envrunner ended with %v", err)
		}
	case <-time.After(100 * time.Second):
		t.Fatal("envrunner did not drain within 100 s")
	}
}

// kill ends the worker as a lost machine does.
func (w *worker) kill(t *testing.T) {
	t.Helper()
	if err := w.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-w.exited
}
