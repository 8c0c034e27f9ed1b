package validator

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/affine-go/affine/shared/queue"
	"github.com/affine-go/affine/shared/subnet"
)

// tasksOf spells out the moves as tasks: the first of every miner, then the second
// of every miner, and so on, so that a long queue serves all alike.
func tasksOf(plan subnet.WindowPlan, env EnvRange, block subnet.Block, miners []subnet.Miner, moves []move) ([]subnet.Task, error) {
	var lanes [][]subnet.Task
	for i, m := range moves {
		if !m.moved {
			continue
		}
		indexes := slices.Clone(m.again)
		for k := m.from; k < m.to.Next; k++ {
			indexes = append(indexes, k)
		}
		var lane []subnet.Task
		for _, k := range indexes {
			t, err := taskAt(plan, env, block, miners[i], k)
			if err != nil {
				return nil, err
			}
			lane = append(lane, t)
		}
		lanes = append(lanes, lane)
	}
	return interleave(lanes), nil
}

func taskAt(plan subnet.WindowPlan, env EnvRange, block subnet.Block, m subnet.Miner, index uint32) (subnet.Task, error) {
	id, attempt, err := plan.Task(env.ID, env.Lo, env.Hi, index)
	if err != nil {
		return subnet.Task{}, err
	}
	return subnet.Task{
		Schema: subnet.TaskSchema, Netuid: m.Netuid, UID: m.UID, Hotkey: m.Hotkey, Model: m.Model, Revision: m.Revision,
		Slug: m.Slug, Commit: m.CommitBlock, Env: env.ID, Window: plan.Window, Index: index, TaskID: id, Attempt: attempt, Block: block,
	}, nil
}

func interleave(lanes [][]subnet.Task) []subnet.Task {
	var out []subnet.Task
	for k := 0; ; k++ {
		before := len(out)
		for _, lane := range lanes {
			if k < len(lane) {
				out = append(out, lane[k])
			}
		}
		if len(out) == before {
			return out
		}
	}
}

func send(ctx context.Context, q queue.Queue, tasks []subnet.Task) error {
	msgs := make([]queue.Message, len(tasks))
	for i, t := range tasks {
		body, err := json.Marshal(t)
		if err != nil {
			return fmt.Errorf("encode task %s: %w", t.SampleID(), err)
		}
		msgs[i] = queue.Message{Group: string(t.Hotkey), Body: body}
	}
	if len(msgs) == 0 {
		return nil
	}
	return q.Send(ctx, msgs)
}

// windowDocument is what is published of a closed window: with it and WindowPlan.Task
// anyone can tell which tasks were due, and in which order.
func windowDocument(p subnet.WindowPlan, envs []EnvRange) ([]byte, error) {
	type envRange struct {
		Env subnet.EnvID  `json:"env"`
		Lo  subnet.TaskID `json:"lo"`
		Hi  subnet.TaskID `json:"hi"`
	}
	doc := struct {
		Schema string                  `json:"schema"`
		Netuid subnet.Netuid           `json:"netuid"`
		Window uint64                  `json:"window"`
		Opened subnet.Block            `json:"opened"`
		Secret string                  `json:"secret"`
		Cursor map[subnet.EnvID]uint32 `json:"cursor"`
		Envs   []envRange              `json:"envs"`
	}{"affine.window.v1", p.Netuid, p.Window, p.Opened, hex.EncodeToString(p.Secret), p.Cursor, nil}
	for _, e := range envs {
		doc.Envs = append(doc.Envs, envRange{e.ID, e.Lo, e.Hi})
	}
	out, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode the document of window %d: %w", p.Window, err)
	}
	return out, nil
}
