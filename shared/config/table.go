package config

import (
	"slices"
	"strings"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// program is a set of programs.
type program uint8

const (
	enumerate program = 1 << iota
	envRunner
	weights
	signer

	all = enumerate | envRunner | weights | signer
)

// field is one setting: who reads it, who cannot do without it, and how its text
// becomes a value.
type field struct {
	name    string
	doc     string // one line: what it is and in which form
	unset   string // text that stands in for an unset or empty one
	readBy  program
	needs   program // subset of readBy
	secret  bool    // its text must not appear in a fault
	receive func(*Settings, string) error
}

// fields lists all settings. Order matters once: AFFINE_ENVS stands before the
// queues that are named by environment.
var fields = []field{
	{name: NameNetuid, doc: "subnet number", unset: "120", readBy: all, receive: whole(func(s *Settings) *subnet.Netuid { return &s.Netuid }, 0, 65535)},
	{name: NameLogLevel, doc: "debug, info, warn or error", unset: "info", readBy: all, receive: logLevel},
	{name: NameEndpoint, doc: "finney, test or a ws(s):// URL", unset: "finney", readBy: enumerate | weights | signer, receive: endpoint},
	{name: NameFallback, doc: "ws(s):// URL that is asked when the first does not answer", readBy: enumerate | weights | signer, receive: endpoint},
	{name: NameArchive, doc: "ws(s):// URLs of nodes that keep the state of all blocks, separated by commas, or none; the public ones when unset and the chain is finney", readBy: enumerate | weights | signer, receive: archives},
	{name: NameGenesis, doc: "hash of block 0, 0x and 64 hex digits", unset: FinneyGenesis, readBy: enumerate | weights | signer, receive: genesis},

	{name: NameEnvs, doc: "environments, separated by commas", unset: "affine:sat,affine:abd", readBy: enumerate | envRunner | weights, receive: envIDs},
	{name: NameQueues, doc: "queue URL of each environment: affine-sat=https://…,affine-abd=https://…", readBy: enumerate | envRunner, needs: enumerate | envRunner, receive: queues},
	{name: NameDLQs, doc: "dead-letter queue URLs, in the form of " + NameQueues, readBy: enumerate, receive: deadQueues},
	{name: NameWindow, doc: "span of a window in blocks", unset: "10000", readBy: enumerate | weights, receive: whole(func(s *Settings) *subnet.Block { return &s.WindowBlocks }, 100, 1_000_000)},
	{name: NameTable, doc: "DynamoDB table", readBy: all, needs: all, receive: resource(func(s *Settings) *string { return &s.Table })},
	{name: NameBucket, doc: "archive bucket", readBy: enumerate | envRunner | weights, needs: enumerate | envRunner | weights, receive: resource(func(s *Settings) *string { return &s.Bucket })},
	{name: NameR2Endpoint, doc: "R2's account URL; unset for S3", readBy: enumerate | envRunner | weights, receive: web(func(s *Settings) *string { return &s.R2.Endpoint })},
	{name: NameR2KeyID, doc: "R2 access key id", readBy: enumerate | envRunner | weights, receive: plain(func(s *Settings) *string { return &s.R2.KeyID })},
	{name: NameR2SecretKey, doc: "R2 secret access key", readBy: enumerate | envRunner | weights, secret: true, receive: secret(func(s *Settings) *Secret { return &s.R2.Key })},
	{name: NameAWSEndpoint, doc: "what stands in for AWS", readBy: enumerate | envRunner | weights, receive: pathStyle},
	{name: NameS3Endpoint, doc: "what stands in for S3", readBy: enumerate | envRunner | weights, receive: pathStyle},

	{name: NameChutesKey, doc: "API key of Chutes", readBy: enumerate | envRunner, needs: enumerate | envRunner, secret: true, receive: secret(func(s *Settings) *Secret { return &s.Chutes.Key })},
	{name: NameChutesAPI, doc: "Chutes' control plane, if another", readBy: enumerate | envRunner, receive: guarded(func(s *Settings) *string { return &s.Chutes.API })},
	{name: NameInference, doc: "base URL of a model, with {slug} where the chute's slug belongs", readBy: envRunner, receive: guarded(func(s *Settings) *string { return &s.Chutes.Inference })},
	{name: NameCruxEval, doc: "folder with CRUXEval's programs", readBy: envRunner, receive: plain(func(s *Settings) *string { return &s.CruxEval })},

	{name: NameDailyRate, doc: "tasks a day for each miner and environment", unset: "100", readBy: enumerate, receive: fraction(func(s *Settings) *float64 { return &s.DailyRate }, 1, 1_000_000)},
	{name: NameMaxDepth, doc: "messages on a queue at which no more are added", unset: "20000", readBy: enumerate, receive: whole(func(s *Settings) *int { return &s.MaxDepth }, 1, 100_000)},
	{name: NameBlacklist, doc: "hotkeys that are never sampled, separated by commas", readBy: enumerate, receive: blacklist},

	{name: NameInFlight, doc: "attempts at once", unset: "64", readBy: envRunner, receive: whole(func(s *Settings) *int { return &s.Runner.InFlight }, 1, 10_000)},
	{name: NamePerMiner, doc: "attempts at once for one miner", unset: "8", readBy: envRunner, receive: whole(func(s *Settings) *int { return &s.Runner.PerMiner }, 1, 10_000)},
	{name: NameGiveUp, doc: "receives after which a failing task is recorded unscored", unset: "4", readBy: envRunner, receive: whole(func(s *Settings) *int { return &s.Runner.GiveUp }, 1, 1000)},
	{name: NameVisibility, doc: "visibility timeout of the queues, in seconds", unset: "90", readBy: envRunner, receive: seconds(func(s *Settings) *time.Duration { return &s.Runner.Visibility }, 10, 43_200)},
	{name: NameDrain, doc: "seconds from SIGTERM until attempts are cut off; Fargate kills at 120", unset: "80", readBy: envRunner, receive: seconds(func(s *Settings) *time.Duration { return &s.Runner.Drain }, 1, 100)},
	{name: NameFlushCount, doc: "samples of a group commit", unset: "1000", readBy: envRunner, receive: whole(func(s *Settings) *int { return &s.Runner.FlushCount }, 1, 100_000)},
	{name: NameFlushBytes, doc: "transcript bytes of a group commit", unset: "8388608", readBy: envRunner, receive: whole(func(s *Settings) *int { return &s.Runner.FlushBytes }, 1, 1<<30)},
	{name: NameFlushSeconds, doc: "seconds from the first sample of a group to its commit", unset: "30", readBy: envRunner, receive: seconds(func(s *Settings) *time.Duration { return &s.Runner.FlushEvery }, 1, 3600)},

	{name: NameHotkey, doc: "the validator's own hotkey address", readBy: weights | signer, needs: weights, receive: hotkey},
	{name: NameBurn, doc: "share of the weight that goes to UID 0, 0 to 1", unset: "0", readBy: weights, receive: fraction(func(s *Settings) *float64 { return &s.Burn }, 0, 1)},
	{name: NameSignerFunction, doc: "name or ARN of the signer's function", readBy: weights, needs: weights, receive: resource(func(s *Settings) *string { return &s.SignerFunction })},
	{name: NameHotkeySecret, doc: "id of the secret that holds the hotkey", readBy: signer, receive: plain(func(s *Settings) *string { return &s.Signer.Secret })},
	{name: NameHotkeyKMS, doc: "id, ARN or alias of the KMS key that is the hotkey", readBy: signer, receive: resource(func(s *Settings) *string { return &s.Signer.KMS })},
	{name: NameHotkeyFile, doc: "path of the hotkey's keyfile", readBy: signer, receive: plain(func(s *Settings) *string { return &s.Signer.File })},
	{name: NameSignerProfile, doc: "validator or miner", unset: "validator", readBy: signer, receive: profile},
	{name: NameSignatures, doc: "signatures given in one epoch at most, for each mechanism", unset: "3", readBy: signer, receive: whole(func(s *Settings) *int { return &s.Signer.Signatures }, 1, 100)},
}

// others are names of the project's own that tests and scripts read.
var others = []string{"AFFINE_SHARED", "AFFINE_RUNTIME", "AFFINE_PYTHON", "AFFINE_AWS_SECOND_ENDPOINT"}

// Unknown returns the names in environ (as os.Environ gives it) that begin like
// settings of the project and are none, sorted: most likely misspelt.
func Unknown(environ []string) []string {
	known := make(map[string]bool)
	for _, f := range fields {
		known[f.name] = true
	}
	for _, name := range others {
		known[name] = true
	}
	var unknown []string
	for _, entry := range environ {
		name, _, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "AFFINE_") && !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return slices.Compact(unknown)
}
