//go:build !linux || !(amd64 || arm64)

package sandbox

import "context"

// Sandbox cannot be made on this platform.
type Sandbox struct{}

// Main does nothing on this platform.
func Main() {}

// New fails with ErrUnsupported.
func New(Config) (*Sandbox, error) { return nil, ErrUnsupported }

// Run fails with ErrUnsupported.
func (s *Sandbox) Run(context.Context, Program) (Result, error) { return Result{}, ErrUnsupported }

// Describe says that there is no sandbox.
func (s *Sandbox) Describe() string { return ErrUnsupported.Error() }
