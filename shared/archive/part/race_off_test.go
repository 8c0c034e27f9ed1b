//go:build !race

package part_test

const checkedPointers = false
