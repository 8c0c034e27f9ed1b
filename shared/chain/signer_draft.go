package chain

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/blake2b"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/keys"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/signer"
	"github.com/affine-go/affine/shared/subnet"
)

// ground is what a decision stands on: the chain at one finalized block, and the
// account's place on the subnet there.
type ground struct {
	*snapshot
	rules subnet.WeightRules
	size  uint16 // neurons on the subnet
	now   uint64 // the chain's time, Unix milliseconds

	beacon timelock.Beacon // what the chain opens timelocks with
	plan   plan            // of the subnet's epochs

	registered bool
	uid        subnet.UID
	permit     bool
	owner      bool // the hotkey is the subnet owner's, who needs no permit
}

// draft is what will be signed, complete but for the signature.
type draft struct {
	*ground
	series signer.Series
	intent any // as asked for
	born   Head
	birth  [32]byte // hash of the era's birth block
	nonce  uint32
	pallet string
	name   string // of the call
	call   []byte
	round  uint64
	reveal subnet.Block
	best   subnet.Block // newest block when the account was read
}

func (d *draft) callName() string    { return d.pallet + "." + d.name }
func (d *draft) era() extrinsic.Era  { return extrinsic.Mortal(eraPeriod, uint64(d.born.Number)) }
func (d *draft) death() subnet.Block { return subnet.Block(d.era().Death(uint64(d.born.Number))) }

// chainTime is the chain's own clock at the finalized block: rounds follow from it, so
// that a wrong clock here cannot seal to a wrong moment.
func (g *ground) chainTime() (time.Time, error) {
	if g.now == 0 || g.now > 1<<53 {
		return time.Time{}, fmt.Errorf("chain: Timestamp.Now at block %d: %w: %d ms", g.head.Number, ErrAnswer, g.now)
	}
	return time.UnixMilli(int64(g.now)), nil
}

// opens makes sure that the chain can open what is sealed to the beacon. The chain's word
// alone would not do: whoever can set it there could name a beacon of his own, and read
// everything at once.
func (g *ground) opens(b timelock.Beacon) error {
	if g.beacon.PublicKey == b.PublicKey && g.beacon.Period == b.Period && g.beacon.Genesis.Equal(b.Genesis) {
		return nil
	}
	return fmt.Errorf("%w: the chain follows another beacon (key %x…) than this signer seals to (key %x…)", ErrPolicy, g.beacon.PublicKey[:4], b.PublicKey[:4])
}

// usualTempo is the tempo that the chain gives a subnet: the span in which signatures are
// counted where a subnet runs no epochs.
const usualTempo = 360

// window is the first block of the span in which signatures are counted: the subnet's
// running epoch or, where the chain does not keep when that began, one of a tempo's length.
// The chain decides it, never the caller, who could name as many as wished.
func (g *ground) window() subnet.Block {
	if start := g.rules.LastEpochHint; start > 0 {
		return start
	}
	return g.head.Number - g.head.Number%subnet.Block(cmp.Or(g.rules.Tempo, usualTempo))
}

// survey reads what a decision stands on, at one finalized block.
func (s *Signer) survey(ctx context.Context) (*ground, error) {
	at, err := s.client.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	g := &ground{snapshot: at, plan: at.planOf(s.cfg.Netuid)}
	items := slices.Concat(rulesItems(s.cfg.Netuid, &g.rules), g.items(s.cfg.Netuid, s.key.Public()), g.plan.items())
	return g, at.read(ctx, items)
}

// items are the storage items that hold the account's place on the subnet.
func (g *ground) items(netuid subnet.Netuid, account [32]byte) []item {
	of := func(entry string, into func(any) error, more ...any) item {
		return item{pallet: "SubtensorModule", entry: entry, keys: append([]any{uint16(netuid)}, more...), into: into}
	}
	owner := of("SubnetOwnerHotkey", func(v any) error {
		hotkey, _ := v.([]byte)
		g.owner = string(hotkey) == string(account[:])
		return nil
	})
	owner.optional = true
	return []item{
		{pallet: "Timestamp", entry: "Now", into: number(&g.now)},
		beaconItem(&g.beacon),
		of("SubnetworkN", number(&g.size)),
		of("Uids", func(v any) error {
			g.registered = v != nil
			return number(&g.uid)(v)
		}, account[:]),
		of("ValidatorPermit", func(v any) error { return g.readPermit(v) }),
		owner,
	}
}

// readPermit comes after the account's uid: items are handed their values in order.
func (g *ground) readPermit(value any) error {
	list, ok := value.([]any)
	if !ok {
		return fmt.Errorf("a %T instead of a list", value)
	}
	if !g.registered || int(g.uid) >= len(list) {
		return nil
	}
	return truth(&g.permit)(list[g.uid])
}

// begin starts a draft that was decided at a head: a finalized block of this chain whose
// era still runs.
func (s *Signer) begin(ctx context.Context, g *ground, head Head) (*draft, error) {
	d := &draft{ground: g, born: head}
	switch {
	case head.Number > g.head.Number:
		return nil, fmt.Errorf("head %d is not finalized here, which block %d is", head.Number, g.head.Number) // the node may lag
	case g.head.Number >= head.Number+eraPeriod:
		return nil, fmt.Errorf("%w: decided at block %d, %d blocks ago", ErrPolicy, head.Number, g.head.Number-head.Number)
	}
	canonical, err := s.canonical(ctx, g, head.Number)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(canonical, head.Hash) {
		return nil, fmt.Errorf("%w: block %d is %.80q, the intent says %.80q", ErrPolicy, head.Number, canonical, head.Hash)
	}
	d.birth, err = hash32(head.Hash)
	return d, err
}

// canonical is the hash of a block of the chain that ends in the finalized one.
func (s *Signer) canonical(ctx context.Context, g *ground, number subnet.Block) (hash string, err error) {
	if number == g.head.Number {
		return g.head.Hash, nil
	}
	err = s.client.call(ctx, &hash, "chain_getBlockHash", number)
	if err == nil && hash == "" {
		err = fmt.Errorf("chain: chain_getBlockHash: %w: the node does not know block %d", ErrAnswer, number)
	}
	return hash, err
}

// account reads the nonce at the newest block, and makes sure that the runtime there is
// the one the draft is written for.
func (s *Signer) account(ctx context.Context, d *draft) error {
	best, err := s.client.Head(ctx)
	if err != nil {
		return err
	}
	rt, err := s.client.Runtime(ctx, best.Hash)
	if err != nil {
		return err
	}
	if rt.SpecVersion != d.SpecVersion || rt.TxVersion != d.TxVersion {
		return fmt.Errorf("%w: spec %d at finalized block %d, %d at block %d; ask again when that is final",
			ErrUpgrade, d.SpecVersion, d.head.Number, rt.SpecVersion, best.Number)
	}
	if best.Number+1 >= d.death() {
		return fmt.Errorf("%w: what was decided at block %d dies at %d, and the chain is at block %d, of which %d is final",
			ErrStalled, d.born.Number, d.death(), best.Number, d.head.Number)
	}
	d.best = best.Number
	d.nonce, err = s.client.nonce(ctx, s.Hotkey(), best.Hash)
	return err
}

// signature is a signed extrinsic and its hash, both 0x-prefixed hex.
type signature struct{ extrinsic, hash string }

// sign takes a slot of the window and then uses the key, in this order: what could not be
// entered in the ledger is not signed.
func (s *Signer) sign(ctx context.Context, d *draft) (signature, error) {
	opts := extrinsic.Options{Nonce: uint64(d.nonce), Era: d.era(), EraBlockHash: d.birth}
	_, message, err := extrinsic.Payload(d.Context, d.call, opts)
	if err != nil {
		return signature{}, err
	}
	if err := s.enter(ctx, d, message); err != nil {
		return signature{}, err
	}
	sig, err := s.key.Sign(ctx, message)
	if err != nil {
		return signature{}, fmt.Errorf("use the key: %w", err)
	}
	if !keys.Verify(s.key.Kind(), s.key.Public(), message, sig[:]) {
		return signature{}, fmt.Errorf("use the key: %w by the key of %s", extrinsic.ErrSignature, s.Hotkey())
	}
	raw, err := extrinsic.Assemble(d.Context, d.call, s.key.Public(), s.key.Kind(), sig, opts)
	if err != nil {
		return signature{}, err
	}
	hash := extrinsic.Hash(raw)
	return signature{toHex(raw), toHex(hash[:])}, nil
}

// enter claims a slot for the draft.
func (s *Signer) enter(ctx context.Context, d *draft, message []byte) error {
	intent, err := json.Marshal(d.intent)
	if err != nil {
		return fmt.Errorf("encode the ledger's line: %w", err)
	}
	sum := blake2b.Sum256(message)
	_, err = s.cfg.Ledger.Claim(ctx, signer.Entry{
		At: s.cfg.Now().UTC(), Netuid: s.cfg.Netuid, Series: d.series, Window: d.window(), Hotkey: s.Hotkey(),
		Call: d.callName(), Message: toHex(sum[:]), Nonce: d.nonce, Death: d.death(), Round: d.round, Intent: intent,
	}, s.cfg.MaxPerWindow)
	if err != nil {
		err = fmt.Errorf("enter it in the ledger: %w", err)
	}
	if errors.Is(err, signer.ErrCeiling) {
		return fmt.Errorf("%w: %w", ErrPolicy, err)
	}
	return err
}
