package chaintest

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/affine-go/affine/shared/chain/extrinsic"
)

func FuzzRequest(f *testing.F) {
	for _, seed := range [][2]string{
		{"chain_getBlockHash", `[0]`}, {"chain_getBlockHash", `[[1,2]]`}, {"chain_getBlockHash", `[-1]`}, {"chain_getHeader", `["0x"]`},
		{"state_getStorage", `["0x00","0x01"]`}, {"state_getKeysPaged", `["0x",5,"0x"]`}, {"state_queryStorageAt", `[["0x"]]`},
		{"state_call", `["Metadata_metadata_at_version","0xffffffff"]`}, {"state_call", `["NeuronInfoRuntimeApi_get_neurons_lite","0x7800"]`},
		{"state_call", `["TaggedTransactionQueue_validate_transaction","0x02"]`}, {"state_call", `["AccountNonceApi_account_nonce","0x"]`},
		{"author_submitExtrinsic", `["0x0484"]`}, {"system_accountNextIndex", `["5"]`}, {"rpc_methods", `[]`}, {"author_submitAndWatchExtrinsic", `["0x"]`},
	} {
		f.Add(seed[0], []byte(seed[1]))
	}
	n := run(f, trio(f))
	f.Fuzz(func(t *testing.T, method string, list []byte) {
		var p params
		if json.Unmarshal(list, &p) != nil {
			return
		}
		resp := n.execute(rpcRequest{ID: json.RawMessage("1"), Method: method, Params: p}, nil)
		if (resp.Result == nil) == (resp.Error == nil) {
			t.Errorf("%s %s: answer %+v", method, list, resp)
		}
		if _, err := json.Marshal(resp); err != nil {
			t.Errorf("%s %s: %v", method, list, err)
		}
	})
}

// Nothing gets into the pool but the call that was signed, under whichever of its
// signatures: each process that fuzzes signs its own.
func FuzzExtrinsic(f *testing.F) {
	n := run(f, trio(f))
	good := weightsDraft(f, n, "Alice", []uint16{1, 2}, []uint16{1, 2}).sign(f, "Alice")
	signed, err := extrinsic.Decode(n.runtime.Metadata, good)
	if err != nil {
		f.Fatal(err)
	}
	call := signed.Call
	f.Add(good)
	f.Add(append([]byte{good[0] + 4}, good[1:]...))
	f.Add(good[:len(good)/2])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if err := submit(t, n, raw); err == nil && !bytes.HasSuffix(raw, call) {
			t.Errorf("%x was taken", raw)
		}
		n.DropPool()
	})
}

func FuzzStateFile(f *testing.F) {
	f.Add([]byte(""))
	f.Add([]byte("{}\n"))
	f.Add([]byte("{\"format\":1,\"genesis\":\"0x\"}\n"))
	f.Add([]byte("{\"format\":1}\n{\"reserve\":3}\n{\"block\":1,\"extrinsics\":[\"0x00\"]}\n"))
	f.Add([]byte("\n\n\n"))
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
