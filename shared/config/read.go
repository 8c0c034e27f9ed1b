package config

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Error lists every fault of a program's settings.
type Error struct {
	Program string
	Faults  []string // one sentence each, beginning with the setting's name
}

// Error gives all faults in one line.
func (e *Error) Error() string {
	plural := "s"
	if len(e.Faults) == 1 {
		plural = ""
	}
	return fmt.Sprintf("settings of %s: %d fault%s: %s", e.Program, len(e.Faults), plural, strings.Join(e.Faults, "; "))
}

// maxText is the longest text of a setting, in bytes: the limit that Lambda puts on
// all variables together.
const maxText = 4096

// read goes through the fields that a program reads and collects every fault.
func read(name string, who program, lookup Lookup) (Settings, error) {
	var s Settings
	var faults []string
	for _, f := range fields {
		if f.readBy&who == 0 {
			continue
		}
		if err := f.read(&s, who, lookup); err != nil {
			faults = append(faults, err.Error())
		}
	}
	if s.Chain.Archive == nil {
		s.Chain.Archive = archivesOf[s.Chain.Genesis]
	}
	faults = append(faults, s.disagreements(who)...)
	if len(faults) > 0 {
		return Settings{}, &Error{Program: name, Faults: faults}
	}
	return s, nil
}

// read takes one setting. The error names it, its text unless it is secret, and
// what was expected.
func (f field) read(s *Settings, who program, lookup Lookup) error {
	text, _ := lookup(f.name)
	text = strings.TrimSpace(text)
	if text == "" {
		text = f.unset
	}
	if text == "" {
		if f.needs&who != 0 {
			return fmt.Errorf("%s is not set (%s)", f.name, f.doc)
		}
		return nil
	}
	err := clean(text)
	if err == nil {
		err = f.receive(s, text)
	}
	if err == nil {
		return nil
	}
	if f.secret {
		return fmt.Errorf("%s: %w (%s)", f.name, err, f.doc)
	}
	return fmt.Errorf("%s=%s: %w (%s)", f.name, shown(text), err, f.doc)
}

// clean refuses texts that no setting may have.
func clean(text string) error {
	switch {
	case len(text) > maxText:
		return fmt.Errorf("%d bytes, at most %d", len(text), maxText)
	case !utf8.ValidString(text):
		return fmt.Errorf("not UTF-8")
	case strings.ContainsFunc(text, unicode.IsControl):
		return fmt.Errorf("contains a control character")
	}
	return nil
}

// shown quotes a text for an error, cut to what a line can bear.
func shown(text string) string {
	const most = 80
	if len(text) > most {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(text[:most], ""))
	}
	return fmt.Sprintf("%q", text)
}

// disagreements are the faults that no setting has by itself.
func (s Settings) disagreements(who program) []string {
	var faults []string
	if n := count(s.R2.Endpoint != "", s.R2.KeyID != "", s.R2.Key.Set()); n != 0 && n != 3 {
		faults = append(faults, fmt.Sprintf("%s, %s and %s belong together: set all of them for R2 or none for S3",
			NameR2Endpoint, NameR2KeyID, NameR2SecretKey))
	}
	if n := count(s.Signer.Secret != "", s.Signer.KMS != "", s.Signer.File != ""); who == signer && n != 1 {
		faults = append(faults, fmt.Sprintf("%s, %s and %s: %d are set; exactly one says where the hotkey is",
			NameHotkeySecret, NameHotkeyKMS, NameHotkeyFile, n))
	}
	return faults
}

func count(conditions ...bool) (n int) {
	for _, holds := range conditions {
		if holds {
			n++
		}
	}
	return n
}
