package telemetry

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func TestMetricsLine(t *testing.T) {
	var out bytes.Buffer
	m := NewMetrics(&out, "envrunner")
	if err := m.Write(noon, "affine:sat", Metric{"Samples", Count, 12}, Metric{"Latency", Milliseconds, 1.5}); err != nil {
		t.Fatal(err)
	}
	if err := m.Write(noon, "", Metric{"Flushed", Bytes, 0}); err != nil {
		t.Fatal(err)
	}
	want := `{"Env":"affine:sat","Latency":1.5,"Program":"envrunner","Samples":12,"_aws":{"Timestamp":1795348800000,` +
		`"CloudWatchMetrics":[{"Namespace":"Affine","Dimensions":[["Program","Env"]],` +
		`"Metrics":[{"Name":"Samples","Unit":"Count"},{"Name":"Latency","Unit":"Milliseconds"}]}]}}` + "\n" +
		`{"Flushed":0,"Program":"envrunner","_aws":{"Timestamp":1795348800000,` +
		`"CloudWatchMetrics":[{"Namespace":"Affine","Dimensions":[["Program"]],"Metrics":[{"Name":"Flushed","Unit":"Bytes"}]}]}}` + "\n"
	if out.String() != want {
		t.Errorf("lines\n got %s\nwant %s", out.String(), want)
	}
}

func TestMetricsRefusals(t *testing.T) {
	many := make([]Metric, maxMetrics+1)
	for i := range many {
		many[i] = Metric{Name: strings.Repeat("x", i+1), Unit: Count}
	}
	tests := map[string][]Metric{
		"nothing":        nil,
		"too many":       many,
		"not a number":   {{"A", Count, math.NaN()}},
		"infinite":       {{"A", Count, math.Inf(-1)}},
		"no name":        {{"", Count, 1}},
		"one name twice": {{"A", Count, 1}, {"A", Count, 2}},
		"a dimension":    {{"Program", Count, 1}},
		"the other one":  {{"Env", Count, 1}},
		"the directive":  {{"_aws", Count, 1}},
	}
	for name, metrics := range tests {
		var out bytes.Buffer
		if err := NewMetrics(&out, "weights").Write(noon, "", metrics...); !errors.Is(err, ErrMetric) || out.Len() > 0 {
			t.Errorf("%s: error %v, wrote %q; want ErrMetric and nothing", name, err, out.String())
		}
	}
	var out bytes.Buffer
	if err := NewMetrics(&out, "weights").Write(noon, "", many[:maxMetrics]...); err != nil {
		t.Errorf("%d figures: %v", maxMetrics, err)
	}
}

type brokenPipe struct{}

var errPipe = errors.New("broken pipe")

func (brokenPipe) Write([]byte) (int, error) { return 0, errPipe }

func TestMetricsReportWriteErrors(t *testing.T) {
	if err := NewMetrics(brokenPipe{}, "weights").Write(noon, "", Metric{"A", Count, 1}); !errors.Is(err, errPipe) {
		t.Errorf("error %v, want the writer's", err)
	}
}

func TestMetricsLinesStayWhole(t *testing.T) {
	var out bytes.Buffer
	m := NewMetrics(&out, "envrunner")
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			if err := m.Write(noon, "affine:abd", Metric{"A", Count, float64(i)}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 50 {
		t.Fatalf("%d lines, want 50", len(lines))
	}
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}
