package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// terminal makes a pseudo-terminal: what is written to person is typed at tty.
func terminal(t *testing.T) (person, tty *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("NOT CHECKED: no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = person.Close() })
	if err := unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("NOT CHECKED: no pseudo-terminals here: %v", err)
	}
	t.Cleanup(func() { _ = tty.Close() })
	return person, tty
}

func echoes(t *testing.T, tty *os.File) bool {
	t.Helper()
	state, err := unix.IoctlGetTermios(int(tty.Fd()), getTermios)
	if err != nil {
		t.Fatal(err)
	}
	return state.Lflag&unix.ECHO != 0
}

// What is typed is not shown, and the terminal is afterwards as it was.
func TestPasswordIsAskedWithoutEcho(t *testing.T) {
	person, tty := terminal(t)
	shown := make(chan string, 1)
	go func() {
		question := make([]byte, 10)
		_, err := io.ReadFull(person, question)
		_, werr := person.WriteString("se cret\n")
		line := make([]byte, 64)
		n, rerr := person.Read(line)
		shown <- fmt.Sprint(string(question), "|", string(line[:n]), err, werr, rerr)
	}()
	got, err := askPassword(t.Context(), tty, "Password? ")
	if err != nil || string(got) != "se cret" {
		t.Errorf("%q, %v", got, err)
	}
	if text := <-shown; strings.Contains(text, "cret") || !strings.HasPrefix(text, "Password? |") {
		t.Errorf("shown: %q", text)
	}
	if !echoes(t, tty) {
		t.Error("the terminal was left without echo")
	}
}

func TestPasswordQuestionIsInterrupted(t *testing.T) {
	person, tty := terminal(t)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		question := make([]byte, 10)
		_, _ = io.ReadFull(person, question) // whatever comes, the question ends
		cancel()
	}()
	got, err := askPassword(ctx, tty, "Password? ")
	if !errors.Is(err, context.Canceled) || got != nil || !echoes(t, tty) {
		t.Errorf("%q, %v; echo %v", got, err, echoes(t, tty))
	}
	_, _ = person.WriteString("\n") // ends the reading that goes on
}

func TestPasswordFromElsewhereThanATerminal(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := askPassword(t.Context(), file, "?"); err == nil || !strings.Contains(err.Error(), "the terminal: ") {
		t.Errorf("%v", err)
	}
	for text, want := range map[string]string{"a b\n": "a b", "a": "a", "a\r\n": "a", "\n": "", "": "EOF", strings.Repeat("x", maxPassword+1): "buffer full"} {
		got, err := readPassword(t.Context(), strings.NewReader(text))
		if err != nil && !strings.Contains(err.Error(), want) || err == nil && string(got) != want {
			t.Errorf("%.20q: %.20q, %v; want %q", text, got, err, want)
		}
	}
}
