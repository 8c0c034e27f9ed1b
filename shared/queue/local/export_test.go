package local

// LimitPages bounds the file as a full disk would.
func (q *Queue) LimitPages(n int) error { return q.file.LimitPages(n) }
