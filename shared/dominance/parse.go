package dominance

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/affine-go/affine/shared/subnet"
)

// MaxRecords bounds how many records ParseInput expands a text to: four times what
// a full metagraph yields in eight environments.
const MaxRecords = 1 << 21

// ParseInput reads an Input from JSON as the golden vectors spell it: an object of
// envs, meta_hotkeys, current_block, commit_blocks, queryable, burn and samples,
// alone or under the key inputs. A sample stands for a group of records in order
// of arrival,
//
//	{"hotkey": …, "env": …, "scores": [[raw, repeat], …], "block": …, "model": …, "revision": …}
//
// where model and revision default to acme/Affine-<hotkey> and rev1. Numbers may
// also be "inf", "-inf" and "nan", or Python's bare NaN and Infinity. A score or a
// block that is no usable number is left for the rule to quarantine; text of
// another shape is refused, with an error wrapping ErrInput that says where.
func ParseInput(text []byte) (Input, error) {
	text = quoteBareNumbers(text)
	var file struct {
		Inputs json.RawMessage `json:"inputs"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return Input{}, parseError("", err)
	}
	if file.Inputs != nil {
		text = file.Inputs
	}
	var raw snapshot
	if err := json.Unmarshal(text, &raw); err != nil {
		return Input{}, parseError("", err)
	}
	in := raw.input()
	for i, sample := range raw.Samples {
		if err := in.expand(sample); err != nil {
			return Input{}, parseError(fmt.Sprintf("samples[%d]: ", i), err)
		}
	}
	return in, in.check()
}

// snapshot is the text of an Input.
type snapshot struct {
	Envs         []subnet.EnvID           `json:"envs"`
	Hotkeys      []subnet.Hotkey          `json:"meta_hotkeys"`
	CurrentBlock number                   `json:"current_block"`
	CommitBlocks map[subnet.Hotkey]number `json:"commit_blocks"`
	Queryable    []subnet.Hotkey          `json:"queryable"`
	Burn         number                   `json:"burn"`
	Samples      []json.RawMessage        `json:"samples"`
}

// input is everything but the samples.
func (s *snapshot) input() Input {
	in := Input{
		Envs: s.Envs, Hotkeys: s.Hotkeys, Queryable: s.Queryable, Burn: s.Burn.float(),
		CommitBlocks: make(map[subnet.Hotkey]subnet.Block),
	}
	if block := s.CurrentBlock.block(); block != nil {
		in.CurrentBlock = *block
	}
	for hotkey, n := range s.CommitBlocks {
		if block := n.block(); block != nil {
			in.CommitBlocks[hotkey] = *block
		}
	}
	return in
}

// parseError says where and what, in words for whoever wrote the text.
func parseError(where string, err error) error {
	var kind *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("%w: %sfound JSON %s instead of an object", ErrInput, where, kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("%w: %s%s cannot be JSON %s", ErrInput, where, kind.Field, kind.Value)
	case errors.As(err, &syntax):
		return fmt.Errorf("%w: %snot JSON at byte %d: %v", ErrInput, where, syntax.Offset, err)
	}
	return fmt.Errorf("%w: %s%v", ErrInput, where, err)
}

// expand appends the records that one sample group stands for.
func (in *Input) expand(text []byte) error {
	var g struct {
		Hotkey   *subnet.Hotkey  `json:"hotkey"`
		Env      *subnet.EnvID   `json:"env"`
		Scores   [][]number      `json:"scores"`
		Block    number          `json:"block"`
		Model    *string         `json:"model"`
		Revision subnet.Revision `json:"revision"`
	}
	if err := json.Unmarshal(text, &g); err != nil {
		return err
	}
	if g.Hotkey == nil || g.Env == nil || g.Scores == nil {
		return errors.New("hotkey, env or scores is missing")
	}
	r := Record{Hotkey: *g.Hotkey, Env: *g.Env, Block: g.Block.block(), Revision: g.Revision}
	if r.Revision == "" {
		r.Revision = "rev1"
	}
	r.Model = "acme/Affine-" + string(r.Hotkey)
	if g.Model != nil {
		r.Model = *g.Model
	}
	for i, pair := range g.Scores {
		if len(pair) != 2 {
			return fmt.Errorf("scores[%d] is not [score, repeat]", i)
		}
		r.Score = pair[0].float()
		if err := in.repeat(r, pair[1].float()); err != nil {
			return fmt.Errorf("scores[%d]: %w", i, err)
		}
	}
	return nil
}

func (in *Input) repeat(r Record, times float64) error {
	if !(times >= 0) || times != math.Trunc(times) {
		return fmt.Errorf("repeat %v is not a whole number", times)
	}
	if float64(len(in.Samples))+times > MaxRecords {
		return fmt.Errorf("more than %d records", MaxRecords)
	}
	for range int(times) {
		in.Samples = append(in.Samples, r)
	}
	return nil
}

// number is a JSON number, null or the name of a number. Its text is kept, so that
// large blocks lose nothing.
type number string

// UnmarshalJSON accepts what float can read.
func (n *number) UnmarshalJSON(text []byte) error {
	plain := string(bytes.Trim(text, `"`))
	if plain == "null" {
		plain = "nan"
	}
	if _, err := strconv.ParseFloat(plain, 64); err != nil {
		return fmt.Errorf("%.40q is not a number", plain)
	}
	*n = number(plain)
	return nil
}

// float is the number's value, 0 when it was not given.
func (n number) float() float64 {
	if n == "" {
		return 0
	}
	f, _ := strconv.ParseFloat(string(n), 64)
	return f
}

// block is the number as a block, nil when it is not one.
func (n number) block() *subnet.Block {
	if whole, err := strconv.ParseUint(string(n), 10, 64); err == nil {
		block := subnet.Block(whole)
		return &block
	}
	f := n.float()
	if n == "" || !(f >= 0 && f < 1<<53) || f != math.Trunc(f) {
		return nil
	}
	block := subnet.Block(f)
	return &block
}

// bareNumbers are literals that Python writes and JSON forbids; longer ones first.
var bareNumbers = []string{"-Infinity", "Infinity", "NaN"}

// quoteBareNumbers puts those literals between quotes, outside strings.
func quoteBareNumbers(text []byte) []byte {
	if !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
		return text
	}
	var out bytes.Buffer
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted && i+1 < len(text):
			out.WriteByte(c)
			i++
		case !quoted && (c == 'N' || c == 'I' || c == '-'):
			if name := bareNumber(text[i:]); name != "" {
				fmt.Fprintf(&out, "%q", name)
				i += len(name) - 1
				continue
			}
		}
		out.WriteByte(text[i])
	}
	return out.Bytes()
}

func bareNumber(text []byte) string {
	for _, name := range bareNumbers {
		if bytes.HasPrefix(text, []byte(name)) {
			return name
		}
	}
	return ""
}
