package subnet

// Outcome says how an attempt ended. It is decided from typed errors, never from
// the text of a message, and it alone decides whether a sample counts.
type Outcome string

const (
	OK            Outcome = "ok"             // the model answered and was graded
	ModelFault    Outcome = "model_fault"    // the model is to blame (context overflow, unreadable reply): scored 0
	TaskTimeout   Outcome = "task_timeout"   // the deadline passed on a healthy endpoint: scored 0
	Capacity      Outcome = "capacity"       // every instance was busy (429)
	Cold          Outcome = "cold"           // no instance is up (503)
	MinerUnfunded Outcome = "miner_unfunded" // the chute's owner has no balance (402)
	NotFound      Outcome = "not_found"      // the chute does not exist (404)
	Upstream5xx   Outcome = "upstream_5xx"   // the provider's instances or its edge failed
	Transport     Outcome = "transport"      // the connection failed
	Truncated     Outcome = "truncated"      // the reply broke off before finish_reason or [DONE]
	OperatorAuth  Outcome = "operator_auth"  // our key is wrong or lacks a right: stop all, blame nobody
	OperatorFunds Outcome = "operator_funds" // our account is empty: stop all, blame nobody
	EnvFault      Outcome = "env_fault"      // our environment failed: retry elsewhere
)

// Outcomes lists every outcome, in the order of the constants.
var Outcomes = []Outcome{
	OK, ModelFault, TaskTimeout, Capacity, Cold, MinerUnfunded, NotFound,
	Upstream5xx, Transport, Truncated, OperatorAuth, OperatorFunds, EnvFault,
}

// Scored reports whether a sample with this outcome counts towards a miner's
// standing. Which outcomes count depends on the outcome alone, never on the score,
// so that no miner can choose which of its tasks are omitted.
func (o Outcome) Scored() bool {
	return o == OK || o == ModelFault || o == TaskTimeout
}

// Operator reports whether the fault is the validator's own account, which stops
// all sampling and blames no miner.
func (o Outcome) Operator() bool { return o == OperatorAuth || o == OperatorFunds }

// Retryable reports whether another attempt at the same task may end otherwise.
func (o Outcome) Retryable() bool {
	switch o {
	case Capacity, Cold, Upstream5xx, Transport, Truncated, EnvFault:
		return true
	default:
		return false
	}
}
