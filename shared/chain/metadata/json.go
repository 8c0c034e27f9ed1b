package metadata

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// JSON returns a decoded value in the form in which it is best shown as JSON, and which
// EncodeType takes back: bytes as "0x" and hex, variants as "Name", {"variant": "Name",
// …fields}, {"variant": "Name", "hex": "0x…"} or {"variant": "Name", "value": value}.
func JSON(v any) any {
	switch v := v.(type) {
	case []byte:
		return "0x" + hex.EncodeToString(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = JSON(v[i])
		}
		return out
	case map[string]any:
		return jsonFields(v)
	case Variant:
		return jsonVariant(v)
	}
	return v
}

func jsonFields(fields map[string]any) map[string]any {
	out := make(map[string]any, len(fields)+1)
	for name, value := range fields {
		out[name] = JSON(value)
	}
	return out
}

func jsonVariant(v Variant) any {
	switch value := v.Value.(type) {
	case nil:
		return v.Name
	case []byte:
		return map[string]any{"variant": v.Name, "hex": JSON(value)}
	case map[string]any:
		out := jsonFields(value)
		if _, clash := out["variant"]; clash {
			return map[string]any{v.Name: out}
		}
		out["variant"] = v.Name
		return out
	}
	return map[string]any{"variant": v.Name, "value": JSON(v.Value)}
}

// shapeOf names the shape of a value in the words of JSON, in which most are given.
func shapeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case string:
		return "text"
	case json.Number, int, float64:
		return "a number"
	case map[string]any:
		return "an object"
	}
	if isSlice(v) {
		return "a list"
	}
	return fmt.Sprintf("a value of type %T", v)
}
