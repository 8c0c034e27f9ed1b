//go:build linux && (amd64 || arm64)

package sandbox

// WithoutLandlock is the sandbox as it is on a kernel that has no Landlock.
func (s *Sandbox) WithoutLandlock() *Sandbox {
	return &Sandbox{config: s.config, interpreter: s.interpreter, root: s.root, slots: s.slots}
}
