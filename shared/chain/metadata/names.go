package metadata

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// polkadot.js writes names its own way in the JSON that it hands out: variants with a
// small first letter, fields in camel case. Values are accepted under such names where
// nothing has the name as it stands.

// smallFirst is a variant's name in polkadot.js's JSON: rawFive for RawFive.
func smallFirst(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}

// camelCase is a field's name in polkadot.js's JSON: revealRound for reveal_round.
func camelCase(name string) string {
	var out strings.Builder
	for i, word := range strings.Split(name, "_") {
		if i > 0 && word != "" {
			first, size := utf8.DecodeRuneInString(word)
			word = string(unicode.ToUpper(first)) + word[size:]
		}
		out.WriteString(word)
	}
	return out.String()
}

// pick finds a field's value under either name.
func pick(given map[string]any, name string) (any, bool) {
	if value, ok := given[name]; ok {
		return value, true
	}
	value, ok := given[camelCase(name)]
	return value, ok
}
