package telemetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"sync"
	"time"

	"github.com/affine-go/affine/shared/subnet"
)

// Namespace is CloudWatch's namespace of all metrics.
const Namespace = "Affine"

// Unit is a unit that CloudWatch knows.
type Unit string

// The units in use.
const (
	Count        Unit = "Count"
	Milliseconds Unit = "Milliseconds"
	Seconds      Unit = "Seconds"
	Bytes        Unit = "Bytes"
)

// Metric is one figure.
type Metric struct {
	Name  string
	Unit  Unit
	Value float64
}

// maxMetrics is how many figures CloudWatch takes from one line.
const maxMetrics = 100

// ErrMetric is wrapped by every refusal of Metrics.Write.
var ErrMetric = errors.New("metric refused")

// Metrics writes figures to a program's standard output in CloudWatch's embedded
// metric format, one JSON line per call, from which CloudWatch makes metrics.
//
// The dimensions are the program and, where it applies, the environment: there is no
// way to add one per miner, because CloudWatch bills every combination of dimensions
// as a metric of its own. What concerns one miner belongs in the log.
type Metrics struct {
	program string

	mu sync.Mutex
	w  io.Writer
}

// NewMetrics returns a writer of a program's metrics. It may be used by several
// goroutines.
func NewMetrics(w io.Writer, program string) *Metrics {
	return &Metrics{program: program, w: w}
}

// directive is the part of a line that tells CloudWatch what the rest is.
type directive struct {
	Timestamp         int64 // milliseconds since 1970
	CloudWatchMetrics []metricSet
}

type metricSet struct {
	Namespace  string
	Dimensions [][]string
	Metrics    []metricName
}

type metricName struct {
	Name string
	Unit Unit
}

// Write writes one line; env is empty for figures of no single environment. Figures
// that CloudWatch would drop silently (not finite, without a name, two of one name,
// more than 100) are an error, and then nothing is written.
func (m *Metrics) Write(at time.Time, env subnet.EnvID, metrics ...Metric) error {
	line := map[string]any{"Program": m.program}
	dimensions := []string{"Program"}
	if env != "" {
		line["Env"] = env
		dimensions = append(dimensions, "Env")
	}
	set := metricSet{Namespace: Namespace, Dimensions: [][]string{dimensions}}
	if len(metrics) == 0 || len(metrics) > maxMetrics {
		return fmt.Errorf("%w: %d figures in a line, 1 to %d are possible", ErrMetric, len(metrics), maxMetrics)
	}
	for _, metric := range metrics {
		if _, taken := line[metric.Name]; taken || metric.Name == "" || metric.Name == "Env" || metric.Name == "_aws" {
			return fmt.Errorf("%w: the name %q is empty, reserved or used twice", ErrMetric, metric.Name)
		}
		if math.IsNaN(metric.Value) || math.IsInf(metric.Value, 0) {
			return fmt.Errorf("%w: %s is %v", ErrMetric, metric.Name, metric.Value)
		}
		line[metric.Name] = metric.Value
		set.Metrics = append(set.Metrics, metricName{metric.Name, metric.Unit})
	}
	line["_aws"] = directive{Timestamp: at.UnixMilli(), CloudWatchMetrics: []metricSet{set}}
	return m.writeLine(line)
}

// writeLine writes with a single call, so that lines of several goroutines or of the
// log on the same output do not mix.
func (m *Metrics) writeLine(line map[string]any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("encode metrics: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.w.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write metrics: %w", err)
	}
	return nil
}
