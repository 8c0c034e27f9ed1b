package dominance

// lattice is a set of sets of environments: bit T stands for the set whose mask
// is T.
type lattice []uint64

func newLattice(envs int) lattice { return make(lattice, max(1, 1<<envs>>6)) }

func (l lattice) has(t mask) bool { return l[t>>6]>>(t&63)&1 != 0 }
func (l lattice) add(t mask)      { l[t>>6] |= 1 << (t & 63) }

// within[e] marks, in a word of 64 masks, those that contain environment e.
var within = [6]uint64{
	0xaaaaaaaaaaaaaaaa, 0xcccccccccccccccc, 0xf0f0f0f0f0f0f0f0,
	0xff00ff00ff00ff00, 0xffff0000ffff0000, 0xffffffff00000000,
}

// closeDown adds every subset of every set in the lattice: environment by
// environment, each set also without it.
func (l lattice) closeDown(envs int) {
	for e := range min(envs, len(within)) {
		for i := range l {
			l[i] |= l[i] & within[e] >> (1 << e)
		}
	}
	for e := len(within); e < envs; e++ {
		stride := 1 << (e - len(within))
		for i := range l {
			if i&stride != 0 {
				l[i^stride] |= l[i]
			}
		}
	}
}

// addContaining adds those sets of other that contain environment e.
func (l lattice) addContaining(other lattice, e int) {
	if e < len(within) {
		for i := range l {
			l[i] |= other[i] & within[e]
		}
		return
	}
	stride := 1 << (e - len(within))
	for i := range l {
		if i&stride != 0 {
			l[i] |= other[i]
		}
	}
}

// siege finds the sets on which one member is dominated. A rival that wins the
// environments W and loses L dominates on every set that avoids L and meets W. If
// no environment is tied, those are the non-empty subsets of W, and one lattice,
// closed once, takes in all such rivals. Ties leave sets that avoid L without
// meeting W; so a rival with ties is entered once per environment of W, and only
// sets that contain that environment are taken from there.
type siege struct {
	field   *field
	wins    []mask // by rival, as field.duels sets them
	losses  []mask
	plain   lattice
	through []lattice // by environment of W
}

func newSiege(f *field) *siege {
	s := &siege{
		field: f, wins: make([]mask, f.members()), losses: make([]mask, f.members()),
		plain: newLattice(f.envs), through: make([]lattice, f.envs),
	}
	for e := range s.through {
		s.through[e] = newLattice(f.envs)
	}
	return s
}

// lost adds the sets on which some rival dominates the member to the lattice. The
// bit of the empty set is without meaning.
func (s *siege) lost(member int, into lattice) {
	clear(s.plain)
	used := s.enter(member)
	s.plain.closeDown(s.field.envs)
	copy(into, s.plain)
	for e, l := range s.through {
		if used&(1<<e) != 0 {
			l.closeDown(s.field.envs)
			into.addContaining(l, e)
		}
	}
}

// enter marks each rival's largest set, and returns the environments whose own
// lattice has marks.
func (s *siege) enter(member int) (used mask) {
	all := mask(1)<<s.field.envs - 1
	s.field.duels(member, s.wins, s.losses)
	for rival, wins := range s.wins {
		switch losses := s.losses[rival]; {
		case wins == 0: // as the member itself
		case wins|losses == all:
			s.plain.add(wins)
		default:
			used = s.enterTied(wins, all&^losses, used)
		}
	}
	return used
}

func (s *siege) enterTied(wins, avoiding, used mask) mask {
	for e, l := range s.through {
		if wins&(1<<e) == 0 {
			continue
		}
		if used&(1<<e) == 0 {
			clear(l)
		}
		l.add(avoiding)
		used |= 1 << e
	}
	return used
}

// frontiers answers which members nobody dominates on a set.
type frontiers struct {
	lost []lattice // by member
}

func newFrontiers(f *field) frontiers {
	words := len(newLattice(f.envs))
	all := make(lattice, words*f.members())
	fr := frontiers{lost: make([]lattice, f.members())}
	s := newSiege(f)
	for m := range fr.lost {
		fr.lost[m] = all[m*words : (m+1)*words]
		s.lost(m, fr.lost[m])
	}
	return fr
}

// on appends the frontier of a non-empty set. Dominance can run in a circle and
// leave nobody; then everybody is in.
func (fr frontiers) on(set mask, into []int) []int {
	for m, lost := range fr.lost {
		if !lost.has(set) {
			into = append(into, m)
		}
	}
	if len(into) > 0 {
		return into
	}
	for m := range fr.lost {
		into = append(into, m)
	}
	return into
}
