package config

import (
	"log/slog"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// Lookup finds a setting's text, like os.LookupEnv.
type Lookup func(name string) (string, bool)

// Settings are what a program was told. Fields that its program does not read stay
// zero.
type Settings struct {
	Netuid       subnet.Netuid // the subnet; 120 is Affine's
	LogLevel     slog.Level
	Chain        Chain
	Envs         []subnet.EnvID // environments that are sampled and scored, in this order
	WindowBlocks subnet.Block   // span of a window
	Table        string         // DynamoDB table
	Bucket       string         // archive bucket, on R2 when R2.Endpoint is set, otherwise on S3
	R2           R2
	PathStyle    bool                    // an endpoint of one's own stands in for S3, and has no host name per bucket
	Queues       map[subnet.EnvID]string // SQS queue URL of each environment in Envs
	DeadQueues   map[subnet.EnvID]string // dead-letter queue URLs; empty when none are watched
	Chutes       Chutes
	CruxEval     string // folder with CRUXEval's programs, a second source of affine:abd; empty for none

	DailyRate float64                // tasks a day for each miner and environment
	MaxDepth  int                    // no tasks are added to a queue that holds this many
	Blacklist map[subnet.Hotkey]bool // never sampled

	Runner Runner

	Hotkey         subnet.Hotkey // the validator's own address; the signer refuses another key
	Burn           float64       // share of the weight that goes to UID 0, 0..1
	SignerFunction string        // name or ARN of the signer's function

	Signer Signer
}

// Signer says where the hotkey is, which only the signer knows, and what it may do.
// Exactly one of Secret, KMS and File is set.
type Signer struct {
	Secret     string // id of a secret of Secrets Manager
	KMS        string // id, ARN or alias of a KMS key
	File       string // path of a keyfile
	Miner      bool   // it commits models, instead of setting weights
	Signatures int    // that are given in one epoch at most, for each mechanism
}

// Chain says where the chain is.
type Chain struct {
	Endpoints []string // WebSocket URLs in order of preference
	Archive   []string // WebSocket URLs of nodes that keep the state of all blocks; empty for none
	Genesis   string   // hash of block 0, 0x-prefixed lower-case hex; pins the chain
}

// R2 is Cloudflare's object store. With no Endpoint the archive is on S3, with the
// program's own role.
type R2 struct {
	Endpoint string // https://<account>.r2.cloudflarestorage.com
	KeyID    string
	Key      Secret
}

// Chutes is the provider of the miners' models.
type Chutes struct {
	Key       Secret
	API       string // control plane; empty for the client's default
	Inference string // base URL of a chute, with {slug} for its slug; empty for the client's default
}

// Runner bounds what an envrunner does at once and how long it holds on to it.
type Runner struct {
	InFlight   int           // attempts at once, in all
	PerMiner   int           // attempts at once, per miner
	GiveUp     int           // receives after which a failing task becomes an unscored row
	Visibility time.Duration // the queues' visibility timeout; renewed at a third of it
	Drain      time.Duration // from SIGTERM until attempts are cut off
	FlushCount int           // samples of a group commit
	FlushBytes int           // transcript bytes of a group commit
	FlushEvery time.Duration // since the first sample of a group
}

// ForEnumerate reads the settings of functions/enumerate.
func ForEnumerate(lookup Lookup) (Settings, error) { return read("enumerate", enumerate, lookup) }

// ForEnvRunner reads the settings of envrunner.
func ForEnvRunner(lookup Lookup) (Settings, error) { return read("envrunner", envRunner, lookup) }

// ForWeights reads the settings of functions/weights.
func ForWeights(lookup Lookup) (Settings, error) { return read("weights", weights, lookup) }

// ForSigner reads the settings of functions/signer.
func ForSigner(lookup Lookup) (Settings, error) { return read("signer", signer, lookup) }

// Secrets returns the texts that must never be written anywhere, for the log's guard.
func (s Settings) Secrets() []string {
	var texts []string
	for _, secret := range []Secret{s.Chutes.Key, s.R2.Key} {
		if secret.Set() {
			texts = append(texts, secret.Reveal())
		}
	}
	return texts
}

// LogValue lists what a start-up line should say, without secrets.
func (s Settings) LogValue() slog.Value {
	return slog.GroupValue(
		slog.Uint64("netuid", uint64(s.Netuid)),
		slog.Any("endpoints", hosts(s.Chain.Endpoints)),
		slog.Any("envs", s.Envs),
		slog.Any("queues", slices.Sorted(maps.Values(s.Queues))),
		slog.String("table", s.Table),
		slog.String("bucket", s.Bucket),
		slog.String("archive", s.R2.Endpoint),
		slog.Bool("chutes_key", s.Chutes.Key.Set()),
	)
}

// hosts are the schemes and hosts of URLs; the rest of an address may be the key to it.
func hosts(addresses []string) []string {
	var out []string
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil {
			out = append(out, u.Scheme+"://"+u.Host)
		}
	}
	return out
}
