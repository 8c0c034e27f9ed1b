package chaintest

import (
	"strings"
	"testing"

	"github.com/affine-go/affine/shared/subnet"
)

func TestWeightsRules(t *testing.T) {
	type setting struct {
		signer       string
		uids, values []uint16
		change       func(*Config)
		edit         func(*draft)
	}
	for name, c := range map[string]struct {
		setting
		want string
	}{
		"good":                        {setting{}, ""},
		"commit-reveal is on":         {setting{change: func(c *Config) { c.Rules.CommitReveal = true }}, "CommitRevealEnabled"},
		"root network":                {setting{edit: func(d *draft) { d.args["netuid"] = 0 }}, "CanNotSetRootNetworkWeights"},
		"commit-reveal by default":    {setting{edit: func(d *draft) { d.args["netuid"] = 122 }}, "CommitRevealEnabled"},
		"lengths differ":              {setting{values: []uint16{1}}, "WeightVecNotEqualSize"},
		"no such subnet":              {setting{edit: func(d *draft) { d.args["netuid"] = 121 }}, "MechanismDoesNotExist"},
		"more uids than neurons":      {setting{uids: []uint16{0, 1, 2, 3}, values: []uint16{1, 2, 3, 4}}, "UidsLengthExceedUidsInSubNet"},
		"not registered":              {setting{signer: "Dave"}, "HotKeyNotRegisteredInSubNet"},
		"just enough stake":           {setting{change: func(c *Config) { c.Rules.StakeThreshold = 100 }}, ""},
		"old version key":             {setting{edit: func(d *draft) { d.args["version_key"] = 6 }}, "IncorrectWeightVersionKey"},
		"newer version key":           {setting{edit: func(d *draft) { d.args["version_key"] = 8 }}, ""},
		"no version key asked":        {setting{change: func(c *Config) { c.Rules.VersionKey = 0 }, edit: func(d *draft) { d.args["version_key"] = 0 }}, ""},
		"no permit":                   {setting{signer: "Bob"}, "NeuronNoValidatorPermit"},
		"no permit, weight on itself": {setting{signer: "Bob", uids: []uint16{1}, values: []uint16{9}}, ""},
		"no permit, weight on other":  {setting{signer: "Bob", uids: []uint16{2}, values: []uint16{9}}, "NeuronNoValidatorPermit"},
		"the owner needs no permit":   {setting{signer: "Bob", change: func(c *Config) { c.Owner = c.Neurons[1].Hotkey }}, ""},
		"owned by another":            {setting{signer: "Bob", change: func(c *Config) { c.Owner = c.Neurons[2].Hotkey }}, "NeuronNoValidatorPermit"},
		"a uid twice":                 {setting{uids: []uint16{1, 1}}, "DuplicateUids"},
		"no such uid":                 {setting{uids: []uint16{1, 3}}, "UidVecContainInvalidOne"},
		"too few":                     {setting{uids: []uint16{1}, values: []uint16{1}}, "WeightVecLengthIsLow"},
		"itself alone is enough":      {setting{uids: []uint16{0}, values: []uint16{1}}, ""},
		"fewer neurons than asked":    {setting{uids: []uint16{0, 1, 2}, values: []uint16{1, 1, 1}, change: func(c *Config) { c.Rules.MinAllowed = 1024 }}, ""},
		"above the ceiling":           {setting{values: []uint16{65535, 1}, change: func(c *Config) { c.Rules.MaxWeight = 40000 }}, "MaxWeightExceeded"},
		"at the ceiling":              {setting{values: []uint16{1, 1}, change: func(c *Config) { c.Rules.MaxWeight = 32768 }}, ""},
		"first broken rule counts":    {setting{signer: "Bob", uids: []uint16{7, 7}, edit: func(d *draft) { d.args["version_key"] = 0 }}, "IncorrectWeightVersionKey"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := trio(t)
			if c.change != nil {
				c.change(&cfg)
			}
			n := run(t, cfg)
			open(t, n, 0, 121)
			if c.signer == "" {
				c.signer = "Alice"
			}
			if c.uids == nil {
				c.uids = []uint16{1, 2}
			}
			if c.values == nil {
				c.values = []uint16{40000, 20000}
			}
			d := weightsDraft(t, n, c.signer, c.uids, c.values)
			if c.edit != nil {
				c.edit(d)
			}
			if err := submit(t, n, d.sign(t, c.signer)); err != nil {
				t.Fatal(err)
			}
			got := outcome(t, n)
			if strings.TrimPrefix(got, "SubtensorModule.") != c.want || (c.want != "" && got == c.want) {
				t.Errorf("dispatch ended with %q, want %q", got, c.want)
			}
		})
	}
}

func TestRateLimitCountsFromLastUpdate(t *testing.T) {
	n := run(t, trio(t))
	for _, step := range []struct {
		at   int // block that the weights get into
		want string
	}{
		{206, ""},
		{305, "SubtensorModule.SettingWeightsTooFast"}, // 99 blocks later
		{306, ""}, // 100 blocks later: the limit itself is enough
		{307, "SubtensorModule.SettingWeightsTooFast"},
	} {
		mine(t, n, step.at-1-int(n.Head()))
		if err := submit(t, n, weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{2, 1}).sign(t, "Alice")); err != nil {
			t.Fatal(err)
		}
		if got := outcome(t, n); got != step.want {
			t.Errorf("block %d: dispatch ended with %q, want %q", step.at, got, step.want)
		}
	}
}

func TestRateLimitCanBeLiedAbout(t *testing.T) {
	n := run(t, trio(t))
	n.LieAboutRateLimit(2)
	for i, want := range []string{"", "SubtensorModule.SettingWeightsTooFast", ""} {
		if err := submit(t, n, weightsDraft(t, n, "Alice", []uint16{1, 2}, []uint16{2, 1}).sign(t, "Alice")); err != nil {
			t.Fatal(err)
		}
		if got := outcome(t, n); got != want {
			t.Errorf("submission %d ended with %q, want %q", i, got, want)
		}
	}
}

// A hotkey that is registered later waits a full limit before its first weights.
func TestRegistrationStartsTheRateLimit(t *testing.T) {
	for registered, want := range map[subnet.Block]string{0: "", 106: "", 107: "SubtensorModule.SettingWeightsTooFast"} {
		cfg := trio(t)
		cfg.Neurons[0].Registered = registered
		n := run(t, cfg)
		args := map[string]any{"netuid": netuid, "dests": []uint16{1, 2}, "weights": []uint16{1, 2}, "version_key": 7}
		if got := do(t, n, "Alice", "SubtensorModule.set_weights", args); got != want {
			t.Errorf("registered at %d: %q, want %q", registered, got, want)
		}
	}
}
