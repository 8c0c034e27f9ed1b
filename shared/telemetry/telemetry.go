// Package telemetry sets up what a program says about itself: log lines with fixed
// keys and without secrets, and metrics in CloudWatch's embedded format.
package telemetry

import (
	"io"
	"log/slog"
)

// Keys of log attributes. One thing has one key in all programs, so that a hotkey or
// a sample can be followed through all of their logs.
const (
	KeyNetuid  = "netuid"
	KeyBlock   = "block"
	KeyEpoch   = "epoch"
	KeyHotkey  = "hotkey"
	KeyUID     = "uid"
	KeyEnv     = "env"
	KeyTask    = "task_id"
	KeySample  = "sample_id"
	KeyMessage = "msg_id"
	KeyAttempt = "attempt"
	KeyProgram = "program"
	KeyError   = "err"
)

// Format is how log lines are written.
type Format int

// JSON is for CloudWatch and other machines, Text for people.
const (
	JSON Format = iota
	Text
)

// Options of a program's log.
type Options struct {
	Program string
	Format  Format
	Level   slog.Leveler // nil means info
	Hide    []string     // texts that must not appear, such as config.Settings.Secrets
}

// NewLogger returns a logger that writes to w. Whatever it is given, it writes
// neither the texts in Options.Hide, nor API tokens of Chutes and Hugging Face, nor
// the values of keys that are named like secrets.
func NewLogger(w io.Writer, o Options) *slog.Logger {
	handling := &slog.HandlerOptions{Level: o.Level, ReplaceAttr: newGuard(o.Hide).replace}
	var handler slog.Handler = slog.NewJSONHandler(w, handling)
	if o.Format == Text {
		handler = slog.NewTextHandler(w, handling)
	}
	return slog.New(handler).With(KeyProgram, o.Program)
}
