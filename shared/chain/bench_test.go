package chain

import (
	"os"
	"testing"
)

// BenchmarkUnseal is what a process pays for a runtime's description that is cached: the
// hash and the parsing of 315 kB.
func BenchmarkUnseal(b *testing.B) {
	raw, err := os.ReadFile(real393Path(b))
	if err != nil {
		b.Fatal(err)
	}
	entry := seal(raw)
	b.SetBytes(int64(len(entry)))
	for b.Loop() {
		if _, err := unseal(entry, 393); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRoster is the decoding of a full subnet's columns.
func BenchmarkRoster(b *testing.B) {
	m := real393(b)
	value := asColumns(fullRoster(), netuid120)
	fields, err := metagraphFields(m)
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range fields {
		if _, told := value[f.Name]; !told {
			value[f.Name] = nil
		}
	}
	answer := encoded(b, m, subnetAPI, selectiveMethod, value)
	for b.Loop() {
		decoded, err := m.DecodeAPIResult(subnetAPI, selectiveMethod, answer)
		if err != nil {
			b.Fatal(err)
		}
		if neurons, err := roster(decoded, netuid120); err != nil || len(neurons) != 256 {
			b.Fatal(len(neurons), err)
		}
	}
}
