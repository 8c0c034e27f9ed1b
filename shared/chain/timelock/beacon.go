package timelock

import (
	"errors"
	"fmt"
	"math/big"
	"time"

	bls "github.com/consensys/gnark-crypto/ecc/bls12-381"
	"github.com/consensys/gnark-crypto/ecc/bls12-381/fr"
)

// ErrBeacon is wrapped when a beacon's public key is none.
var ErrBeacon = errors.New("timelock: not the public key of a beacon")

// Beacon is a drand network that signs one numbered round each period, with signatures
// on G1 and unchained rounds (drand's scheme bls-unchained-g1-rfc9380).
type Beacon struct {
	PublicKey [bls.SizeOfG2AffineCompressed]byte // a compressed point
	Genesis   time.Time                          // when round 1 is published, a whole second
	Period    time.Duration                      // whole seconds
}

// Quicknet is the beacon that Subtensor follows (chain hash
// 52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971).
func Quicknet() Beacon {
	return Beacon{PublicKey: quicknetKey, Genesis: time.Unix(1692803367, 0).UTC(), Period: 3 * time.Second}
}

var quicknetKey = [bls.SizeOfG2AffineCompressed]byte{
	0x83, 0xcf, 0x0f, 0x28, 0x96, 0xad, 0xee, 0x7e, 0xb8, 0xb5, 0xf0, 0x1f, 0xca, 0xd3, 0x91, 0x22,
	0x12, 0xc4, 0x37, 0xe0, 0x07, 0x3e, 0x91, 0x1f, 0xb9, 0x00, 0x22, 0xd3, 0xe7, 0x60, 0x18, 0x3c,
	0x8c, 0x4b, 0x45, 0x0b, 0x6a, 0x0a, 0x6c, 0x3a, 0xc6, 0xa5, 0x77, 0x6a, 0x2d, 0x10, 0x64, 0x51,
	0x0d, 0x1f, 0xec, 0x75, 0x8c, 0x92, 0x1c, 0xc2, 0x2b, 0x0e, 0x17, 0xe6, 0x3a, 0xaf, 0x4b, 0xcb,
	0x5e, 0xd6, 0x63, 0x04, 0xde, 0x9c, 0xf8, 0x09, 0xbd, 0x27, 0x4c, 0xa7, 0x3b, 0xab, 0x4a, 0xf5,
	0xa6, 0xe9, 0xc7, 0x6a, 0x4b, 0xc0, 0x9e, 0x76, 0xea, 0xe8, 0x99, 0x1e, 0xf5, 0xec, 0xe4, 0x5a,
}

// key decodes the public key, which refuses points off the curve and outside the group.
func (b Beacon) key() (*bls.G2Affine, error) {
	point := new(bls.G2Affine)
	if _, err := point.SetBytes(b.PublicKey[:]); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBeacon, err)
	}
	if point.IsInfinity() {
		return nil, fmt.Errorf("%w: infinity", ErrBeacon)
	}
	return point, nil
}

// Authority signs the rounds of a beacon of one's own: for development chains, which no
// drand network feeds. Whoever knows its seed opens everything at once.
type Authority struct{ secret *big.Int }

// NewAuthority derives an authority from a seed.
func NewAuthority(seed []byte) (Authority, error) {
	scalars, err := fr.Hash(seed, []byte("AFFINE_BEACON_SECRET"), 1)
	if err != nil {
		return Authority{}, fmt.Errorf("timelock: derive the beacon's secret: %w", err)
	}
	return Authority{scalars[0].BigInt(new(big.Int))}, nil
}

// Beacon is what the authority publishes about itself.
func (a Authority) Beacon(genesis time.Time, period time.Duration) Beacon {
	var public bls.G2Affine
	public.ScalarMultiplicationBase(a.secret)
	return Beacon{PublicKey: public.Bytes(), Genesis: genesis, Period: period}
}

// Sign is the signature of a round, SignatureSize bytes.
func (a Authority) Sign(round uint64) ([]byte, error) {
	identity, err := identityOf(round)
	if err != nil {
		return nil, err
	}
	identity.ScalarMultiplication(&identity, a.secret)
	signature := identity.Bytes()
	return signature[:], nil
}
