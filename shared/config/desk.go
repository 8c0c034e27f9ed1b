package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Desk is what the flags of a command say of the chain. What is left empty is for the
// settings to say.
type Desk struct {
	Endpoints []string // finney, test or ws(s):// URLs, in order of preference
	Archive   []string // the same, of nodes that keep the state of all blocks
	Genesis   string   // hash of block 0
}

// geneses are the chains' hashes of block 0, by the networks' names.
var geneses = map[string]string{
	"finney": FinneyGenesis,
	"test":   "0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105",
}

// ForDesk reads where the chain is for a command that a person starts: from its flags,
// and from SUBTENSOR_ENDPOINT, SUBTENSOR_FALLBACK and AFFINE_GENESIS where these say
// nothing; finney when nothing does. A person may look at any chain, so unlike that of a
// deployed program it is pinned only by a genesis given, or by a network's name in the
// first place.
func ForDesk(lookup Lookup, flags Desk) (chain Chain, err error) {
	d := desk{lookup: lookup}
	endpoints := flags.Endpoints
	if len(endpoints) == 0 {
		endpoints = d.settings(NameEndpoint, NameFallback)
	}
	if len(endpoints) == 0 {
		endpoints = []string{"finney"}
	}
	pin := flags.Genesis
	if pin == "" {
		pin = strings.Join(d.settings(NameGenesis), "")
	}
	if pin == "" {
		pin = geneses[endpoints[0]]
	}
	chain.Endpoints = d.endpoints(endpoints)
	if pin != "" {
		chain.Genesis = d.take(pin, genesis).Genesis
	}
	chain.Archive = d.archives(flags.Archive, chain.Genesis)
	if len(d.faults) > 0 {
		return Chain{}, &Error{Program: "the chain", Faults: d.faults}
	}
	return chain, nil
}

// desk collects the faults of what was given.
type desk struct {
	lookup Lookup
	faults []string
}

// settings are the texts of those of the settings that are set.
func (d *desk) settings(names ...string) []string {
	var texts []string
	for _, name := range names {
		if text, _ := d.lookup(name); strings.TrimSpace(text) != "" {
			texts = append(texts, strings.TrimSpace(text))
		}
	}
	return texts
}

func (d *desk) endpoints(texts []string) []string {
	var urls []string
	for _, text := range texts {
		urls = append(urls, d.take(text, endpoint).Endpoints...)
	}
	return urls
}

// archives are those that the flags name, else those of the settings, else the chain's
// public ones.
func (d *desk) archives(flags []string, genesis string) []string {
	if len(flags) > 0 {
		return d.endpoints(flags)
	}
	for _, text := range d.settings(NameArchive) {
		return d.take(text, archives).Archive
	}
	return archivesOf[genesis]
}

// take reads one text as a setting is read.
func (d *desk) take(text string, receive func(*Settings, string) error) Chain {
	var s Settings
	err := clean(text)
	if err == nil {
		err = receive(&s, text)
	}
	if err != nil {
		d.faults = append(d.faults, fmt.Sprintf("%s: %v", shown(text), err))
	}
	return s.Chain
}

// Public reports whether a hash of block 0 is that of a public network.
func Public(genesis string) bool {
	return slices.Contains(slices.Collect(maps.Values(geneses)), strings.ToLower(genesis))
}
