//go:build linux && (amd64 || arm64)

package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Run runs a program to its end. Whatever the program does is in the Result; an
// error means that it could not be run as it should have been, or that ctx ended
// first, and says nothing about the program.
func (s *Sandbox) Run(ctx context.Context, p Program) (Result, error) {
	select {
	case slot := <-s.slots:
		defer func() { s.slots <- slot }()
		return s.runIn(ctx, slot, p)
	case <-ctx.Done():
		return Result{}, fmt.Errorf("sandbox: wait for a slot: %w", ctx.Err())
	}
}

func (s *Sandbox) runIn(ctx context.Context, slot int, p Program) (_ Result, err error) {
	p.Limits = p.Limits.withDefaults()
	uid := 0
	if s.root {
		uid = s.config.FirstUID + slot
	}
	dir, err := privateDir(s.config.TempDir, uid, p.Source)
	if err != nil {
		return Result{}, fmt.Errorf("sandbox: make the private directory: %w", err)
	}
	defer func() {
		if rmErr := os.RemoveAll(dir); rmErr != nil && err == nil {
			err = fmt.Errorf("sandbox: remove the private directory: %w", rmErr)
		}
	}()
	c, err := newChild(s.spec(dir, uid, p.Limits), p)
	if err != nil {
		return Result{}, fmt.Errorf("sandbox: %w", err)
	}
	return c.run(ctx)
}

func (s *Sandbox) spec(dir string, uid int, l Limits) spec {
	return spec{
		Python: s.interpreter.path, Dir: dir, Parent: os.Getpid(), UID: uid,
		CPU:    uint64((l.CPU + time.Second - 1) / time.Second),
		Memory: uint64(l.Memory), Files: uint64(l.Files), Threads: uint64(l.Threads),
		Landlock: s.landlock, Grants: append([]grant{{dir, readTree}}, s.interpreter.grants...),
	}
}

// privateDir makes a directory that holds the program and belongs to its user.
func privateDir(parent string, uid int, source string) (dir string, err error) {
	dir, err = os.MkdirTemp(parent, dirPrefix)
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, sourceName)
	err = os.WriteFile(path, []byte(source), 0o600)
	if err == nil && uid != 0 {
		err = errors.Join(os.Chown(path, uid, uid), os.Chown(dir, uid, uid))
	}
	if err != nil {
		return "", errors.Join(err, os.RemoveAll(dir))
	}
	return dir, nil
}

// child is one run.
type child struct {
	cmd            *exec.Cmd
	limits         Limits
	stdout, stderr capped
	report         *os.File // read end; the child has the other

	mu     sync.Mutex
	ended  bool  // the process group is gone, or about to be reaped
	reason Limit // the limit for which it was killed
}

func newChild(s spec, p Program) (*child, error) {
	text, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("write the spec: %w", err)
	}
	c := &child{limits: p.Limits}
	overflow := func() { c.kill(LimitOutput) }
	c.stdout = capped{limit: p.Limits.Output, overflow: overflow}
	c.stderr = capped{limit: p.Limits.Output, overflow: overflow}
	c.cmd = &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{childName, string(text)},
		Env:   []string{"GOMAXPROCS=1", "GOGC=off"}, // the child lives for a millisecond before it is the interpreter
		Stdin: bytes.NewReader(p.Stdin), Stdout: &c.stdout, Stderr: &c.stderr,
		WaitDelay:   time.Second,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL},
	}
	return c, nil
}

// run starts the child and waits for it. The thread is kept throughout, because
// the kernel takes the end of the thread that forked for the end of the parent.
func (c *child) run(ctx context.Context) (Result, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	start := time.Now()
	if err := c.start(); err != nil {
		return Result{}, fmt.Errorf("sandbox: start the child: %w", err)
	}
	defer c.report.Close()
	wall := time.AfterFunc(c.limits.Wall, func() { c.kill(LimitWall) })
	defer wall.Stop()
	stop := context.AfterFunc(ctx, func() { c.kill(NoLimit) })
	defer stop()

	report, reportErr := io.ReadAll(io.LimitReader(c.report, 4096))
	c.settle()
	err := c.cmd.Wait()
	took := time.Since(start)
	switch exited := (*exec.ExitError)(nil); {
	case ctx.Err() != nil:
		return Result{}, fmt.Errorf("sandbox: %w", ctx.Err())
	case reportErr != nil:
		return Result{}, fmt.Errorf("sandbox: read the child's report: %w", reportErr)
	case string(report) != ready:
		return Result{}, fmt.Errorf("sandbox: the child could not be confined: %q", report)
	case err != nil && !errors.As(err, &exited):
		return Result{}, fmt.Errorf("sandbox: wait for the child: %w", err)
	}
	return c.result(took), nil
}

func (c *child) start() error {
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	defer write.Close()
	c.cmd.ExtraFiles = []*os.File{write}
	if err := c.cmd.Start(); err != nil {
		return errors.Join(err, read.Close())
	}
	c.report = read
	return nil
}

// kill ends the process group, once, and keeps why.
func (c *child) kill(reason Limit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.ended, c.reason = true, reason
		_ = unix.Kill(-c.cmd.Process.Pid, unix.SIGKILL)
	}
}

// settle waits until the child is dead but not reaped, so that its number still
// names its group, and ends whatever may be left of the group.
func (c *child) settle() {
	for unix.Waitid(unix.P_PID, c.cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil) == unix.EINTR {
	}
	c.kill(NoLimit)
}

func (c *child) result(took time.Duration) Result {
	state := c.cmd.ProcessState
	r := Result{
		Stdout: c.stdout.data, Stderr: c.stderr.data, ExitCode: state.ExitCode(),
		Wall: took, CPU: state.UserTime() + state.SystemTime(),
	}
	status, _ := state.Sys().(syscall.WaitStatus)
	if status.Signaled() {
		r.Signal = status.Signal().String()
	}
	r.Limit = c.limitHit(status, r)
	return r
}

func (c *child) limitHit(status syscall.WaitStatus, r Result) Limit {
	switch {
	case c.stdout.over || c.stderr.over:
		return LimitOutput
	case c.reason != NoLimit:
		return c.reason
	case status.Signaled() && (status.Signal() == syscall.SIGXCPU || r.CPU >= c.limits.CPU):
		return LimitCPU
	case r.ExitCode != 0 && diedOfMemory(r.Stderr):
		return LimitMemory
	default:
		return NoLimit
	}
}

// diedOfMemory reports whether the interpreter's last words are a MemoryError.
func diedOfMemory(stderr []byte) bool {
	last := bytes.TrimSpace(stderr)
	last = last[bytes.LastIndexByte(last, '\n')+1:]
	return bytes.HasPrefix(last, []byte("MemoryError"))
}

// capped keeps the first bytes of a stream and calls overflow, once, for the rest,
// which it still takes so that no one blocks.
type capped struct {
	limit    int
	overflow func()
	data     []byte
	over     bool
}

func (c *capped) Write(p []byte) (int, error) {
	keep := min(len(p), c.limit-len(c.data))
	c.data = append(c.data, p[:keep]...)
	if keep < len(p) && !c.over {
		c.over = true
		c.overflow()
	}
	return len(p), nil
}
