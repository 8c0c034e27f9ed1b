package chaintest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/affine-go/affine/shared/chain/extrinsic"
	"github.com/affine-go/affine/shared/chain/rpcserver"
	"github.com/affine-go/affine/shared/chain/timelock"
	"github.com/affine-go/affine/shared/subnet"
)

func FuzzRequest(f *testing.F) {
	for _, seed := range [][2]string{
		{"chain_getBlockHash", `[0]`}, {"chain_getBlockHash", `[[1,2]]`}, {"chain_getBlockHash", `[-1]`}, {"chain_getHeader", `["0x"]`},
		{"state_getStorage", `["0x00","0x01"]`}, {"state_getKeysPaged", `["0x",5,"0x"]`}, {"state_queryStorageAt", `[["0x"]]`},
		{"state_call", `["Metadata_metadata_at_version","0xffffffff"]`}, {"state_call", `["NeuronInfoRuntimeApi_get_neurons_lite","0x7800"]`},
		{"state_call", `["TaggedTransactionQueue_validate_transaction","0x02"]`}, {"state_call", `["AccountNonceApi_account_nonce","0x"]`},
		{"state_call", `["SubnetInfoRuntimeApi_get_selective_metagraph","0x78000834003b00"]`}, {"state_call", `["SubnetInfoRuntimeApi_get_subnet_hyperparams","0x7800"]`},
		{"state_call", `["TransactionPaymentApi_query_info","0x00000000"]`}, {"payment_queryInfo", `["0x0484"]`},
		{"author_submitExtrinsic", `["0x0484"]`}, {"system_accountNextIndex", `["5"]`}, {"rpc_methods", `[]`}, {"author_submitAndWatchExtrinsic", `["0x"]`},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	n := run(f, trio(f))
	f.Fuzz(func(t *testing.T, method string, list []byte) {
		var p []json.RawMessage
		if json.Unmarshal(list, &p) != nil {
			return
		}
		req, err := json.Marshal(rpcserver.Request{ID: json.RawMessage("1"), Method: method, Params: p})
		if err != nil {
			t.Fatal(err)
		}
		var resp struct{ ID, Result, Error json.RawMessage }
		if err := json.Unmarshal([]byte(post(t, n, string(req))), &resp); err != nil {
			t.Fatalf("%s %s: %v", method, list, err)
		}
		if string(resp.ID) != "1" || (resp.Result == nil) == (resp.Error == nil) {
			t.Errorf("%s %s: answer %s, %s", method, list, resp.Result, resp.Error)
		}
	})
}

// Nothing gets into the pool but the calls that were signed, under whichever of their
// signatures: each process that fuzzes signs its own.
func FuzzExtrinsic(f *testing.F) {
	n := run(f, sealing(f))
	round := roundAt(n, 300)
	var calls [][]byte
	for _, d := range []*draft{
		weightsDraft(f, n, "Alice", []uint16{1, 2}, []uint16{1, 2}),
		callDraft(f, n, "Alice", commitCallName, commitArgs(seal(f, n, "Alice", round, 1, 2), round)),
		callDraft(f, n, "Alice", setCommitmentName, infoOf(plainData([]byte("text")), timelocked([]byte{1, 2}, round))),
	} {
		good := d.sign(f, "Alice")
		signed, err := extrinsic.Decode(n.runtime.Metadata, good)
		if err != nil {
			f.Fatal(err)
		}
		calls = append(calls, signed.Call)
		f.Add(good)
		f.Add(append([]byte{good[0] + 4}, good[1:]...))
		f.Add(good[:len(good)/2])
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		known := slices.ContainsFunc(calls, func(call []byte) bool { return bytes.HasSuffix(raw, call) })
		if err := submit(t, n, raw); err == nil && !known {
			t.Errorf("%x was taken", raw)
		}
		n.DropPool()
	})
}

// Whatever an opened payload holds, reading it ends, and a hotkey that is named is the
// committer's.
func FuzzPayload(f *testing.F) {
	hotkey := [32]byte{7}
	good, err := timelock.WeightsPayload{Hotkey: hotkey, UIDs: []subnet.UID{1}, Values: []uint16{2}, VersionKey: 3}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(good[33:])
	f.Add(append([]byte{132}, good[1:]...))
	f.Add([]byte{254, 255, 255, 255})
	f.Fuzz(func(t *testing.T, opened []byte) {
		s, ok := payload(opened, hotkey)
		if ok && (s.hotkey != hotkey || 2*len(s.uids)+2*len(s.values)+8 > len(opened)) {
			t.Errorf("%x reads as %+v", opened, s)
		}
	})
}

// Whatever a miner seals, opening its commitment does not fail the block.
func FuzzSealedCommitment(f *testing.F) {
	n := run(f, trio(f))
	f.Add([]byte{}, false)
	f.Add(encrypt(f, n, []byte("text"), roundAt(n, 206)), true)
	f.Add(encrypt(f, n, nil, roundAt(n, 206)), false)
	signature, err := n.authority.Sign(roundAt(n, 206))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, sealed []byte, envelopes bool) {
		text, failure := openText(sealed, signature, envelopes)
		if (len(text) == 0) == (failure == "") {
			t.Errorf("opened to %q, failure %q", text, failure)
		}
	})
}

func FuzzStateFile(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("{}\n"))
	f.Add([]byte("{\"format\":1,\"genesis\":\"0x\"}\n"))
	f.Add([]byte("{\"format\":1}\n{\"reserve\":3}\n{\"block\":1,\"extrinsics\":[\"0x00\"]}\n"))
	f.Add([]byte("\n\n\n"))
	f.Add([]byte("{\"format\":2}\n{\"snapshot\":{\"block\":1}}\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "chain.jsonl")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		j, err := openJournal(path, "", [32]byte{})
		if err != nil {
			return
		}
		if err := j.before(7, inputs{}); err != nil {
			t.Errorf("a file that was opened cannot be written: %v", err)
		}
		if err := j.close(); err != nil {
			t.Error(err)
		}
		again, err := openJournal(path, "", [32]byte{})
		if err != nil {
			t.Fatalf("a file that was opened and written cannot be opened: %v", err)
		}
		if last := again.past[len(again.past)-1]; last.Reserve < 7 {
			t.Errorf("what was written last reads as %+v", last)
		}
		if err := again.close(); err != nil {
			t.Error(err)
		}
	})
}

// Whatever a state file says, the node starts or refuses it, and does neither by halves.
func FuzzSnapshot(f *testing.F) {
	n := start(f, trio(f))
	genesis := n.chain.at(0)
	s := snapshot{Block: 0, Blocks: []storedBlock{{0, hexList([][]byte{genesis.parent[:], genesis.stateRoot[:], genesis.extrinsicsRoot[:]}), nil, nil}}}
	good, err := json.Marshal(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add([]byte(`{"block":5,"blocks":[{"number":5,"roots":["0x"]}],"state":[["0x","0x"]],"rounds":[0,18446744073709551615]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		var s snapshot
		if json.Unmarshal(content, &s) != nil {
			return
		}
		before, at := n.state, n.chain.head
		if err := n.restore(&s); err != nil && (n.state != before || n.chain.head != at) {
			t.Errorf("refused with %v, but taken", err)
		}
		if n.chain.at(n.chain.head) == nil || n.chain.at(0) == nil {
			t.Error("a chain without a head")
		}
	})
}
