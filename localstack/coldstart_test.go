package localstack_test

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/devnet/lambdatest"
)

// BenchmarkColdStart measures each function's own part of a cold start: from exec,
// with settings and SDK clients, to the first poll for an event. Reported are the
// median and the best, in milliseconds.
func BenchmarkColdStart(b *testing.B) {
	env := []string{
		"AWS_ENDPOINT_URL=http://localhost:9", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test",
		config.NameEndpoint + "=ws://127.0.0.1:9", config.NameEnvs + "=affine:sat,affine:abd",
		config.NameQueues + "=affine-sat=http://localhost:9/1/sat,affine-abd=http://localhost:9/1/abd",
		config.NameTable + "=affine", config.NameBucket + "=affine", config.NameChutesKey + "=cpk_none",
		config.NameHotkey + "=5F3sa2TJAWMqDhXG6jhV4N8ko9SxwGy8TpaNS1repo5EYjQX",
		config.NameSignerFunction + "=signer", config.NameHotkeySecret + "=hotkey",
	}
	for _, name := range []string{"enumerate", "weights", "signer"} {
		b.Run(name, func(b *testing.B) {
			f := lambdatest.Start(b, lambdatest.Build(b, filepath.Join("..", "functions", name)), env)
			var starts []time.Duration
			for b.Loop() {
				f.Kill()
				// What comes of the event does not matter: nothing answers at these addresses.
				if _, _, err := f.Invoke(b.Context(), []byte(`{}`)); err != nil {
					b.Fatal(err)
				}
				starts = append(starts, f.ColdStart())
			}
			slices.Sort(starts)
			b.ReportMetric(float64(starts[len(starts)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(starts[0].Microseconds())/1000, "best-ms")
		})
	}
}
