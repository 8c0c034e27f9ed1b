// Package dominance decides who is paid: samples become intervals, intervals
// duels, duels a frontier for every set of environments, frontiers points and
// points weights, each step with its reasons.
//
// It is pure: a Rule is a function of its Input. Seed is the rule of subnet 120 as
// of November 2025 (upstream commit 344ae9f): in an environment the earlier of two
// miners wins unless the later one's 90 % interval lies above its own; on a set of
// environments a miner is dominated by one that wins some and loses none of them;
// those that nobody dominates share the set's points.
//
// # Where Seed differs from upstream, on purpose
//
// Order. Upstream ranks exact ties by the order of a hash set, so that two
// validators may pay differently. Here ties fall to the lower first block, then to
// the lesser hotkey. Scores are summed as integers, so that no sum depends on the
// order of its terms.
//
// Bad records. Upstream stops paying everybody at the first record without a
// block, and takes any number for a score. Here a record without a block, with a
// score that is no number or lies a thousand ranges away, or of an environment that
// is not scored, is quarantined: it is as if it had not arrived, and the verdict
// lists it. Other scores outside their range count as they are, as they do upstream.
//
// Late records of an old revision. Upstream empties all of a miner's queues
// whenever a record names another model or revision than the one before it, so
// that one late record of an old revision wipes the miner out. Here a miner's
// model is the one its newest commitment block names. Records of any other are
// superseded and have no effect, and so are records of that model older than the
// newest record of another one (the miner left it and came back). When two models
// name the same newest block, the one that arrived last stands. For records that
// arrive in the order of their blocks this is upstream's behaviour.
package dominance
