package awsstack

import (
	"log/slog"
	"os"

	"github.com/affine-go/affine/shared/config"
	"github.com/affine-go/affine/shared/telemetry"
)

// Logger is a program's log, on standard output and without its secrets. It begins with
// a warning for every variable of the environment (as os.Environ gives it) that looks
// like a misspelt setting.
func Logger(program string, s config.Settings, environ []string) *slog.Logger {
	log := telemetry.NewLogger(os.Stdout, telemetry.Options{Program: program, Level: s.LogLevel, Hide: s.Secrets()})
	for _, name := range config.Unknown(environ) {
		log.Warn("setting is not known and ignored", "name", name)
	}
	return log
}
