package local

// LimitPages bounds the file as a full disk would.
func (s *Store) LimitPages(n int) error { return s.file.LimitPages(n) }
