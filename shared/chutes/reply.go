package chutes

import (
	"encoding/json"
	"github.com/affine-go/affine/shared/subnet"
	"strings"
)

// chunk is an event of a stream; a reply that is not streamed has the same shape
// but for message in place of delta.
type chunk struct {
	Choices []choice        `json:"choices"`
	Usage   json.RawMessage `json:"usage"`
	Error   json.RawMessage `json:"error"`
	Detail  json.RawMessage `json:"detail"`
}

type choice struct {
	Index        int    `json:"index"`
	Delta        text   `json:"delta"`
	Message      text   `json:"message"`
	FinishReason string `json:"finish_reason"`
}

type text struct {
	Content   string `json:"content"`
	Reasoning string `json:"reasoning_content"`
}

// failure is the error that an endpoint reported after its 200, if it did.
func (c chunk) failure() (json.RawMessage, bool) {
	for _, v := range []json.RawMessage{c.Error, c.Detail} {
		if len(v) > 0 && string(v) != "null" {
			return v, true
		}
	}
	return nil, false
}

// reply is what has arrived of a model's answer.
type reply struct {
	content   strings.Builder
	reasoning strings.Builder
	usage     json.RawMessage
	finish    string // finish_reason; empty until it came
	done      bool   // [DONE] came
}

func (r *reply) complete() bool { return r.done || r.finish != "" }

func (r *reply) size() int { return r.content.Len() + r.reasoning.Len() }

func (r *reply) add(c chunk) {
	if len(c.Usage) > 0 && string(c.Usage) != "null" {
		r.usage = c.Usage
	}
	for _, choice := range c.Choices {
		if choice.Index != 0 {
			continue
		}
		r.content.WriteString(choice.Delta.Content + choice.Message.Content)
		r.reasoning.WriteString(choice.Delta.Reasoning + choice.Message.Reasoning)
		if choice.FinishReason != "" {
			r.finish = choice.FinishReason
		}
	}
}

// completion counts tokens as the provider did. Counts that make no sense are left
// out; they are no reason to lose the reply.
func (r *reply) completion() subnet.Completion {
	var usage struct {
		Prompt   int `json:"prompt_tokens"`
		Complete int `json:"completion_tokens"`
	}
	if json.Unmarshal(r.usage, &usage) != nil {
		usage.Prompt, usage.Complete = 0, 0
	}
	return subnet.Completion{
		Text: r.content.String(), Reasoning: r.reasoning.String(),
		PromptTokens: max(usage.Prompt, 0), Tokens: max(usage.Complete, 0),
	}
}
