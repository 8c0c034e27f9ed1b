//go:build race

package part_test

// checkedPointers is set under the race detector, which checks pointers as well: a
// panic of parquet-go's over a damaged page, which Decode turns into an error, is then
// a fatal error that nothing can.
const checkedPointers = true
