package local

// Spoil has the next claim fail: its write stores so many bytes and fails or, when that
// is all of them, its sync does.
func (l *File) Spoil(stored int, failure error) {
	write, sync := l.write, l.sync
	l.write = func(b []byte) (int, error) {
		l.write = write
		if stored < len(b) {
			n, _ := write(b[:stored])
			return n, failure
		}
		l.sync = func() error {
			l.sync = sync
			return failure
		}
		return write(b)
	}
}
