package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/affine-go/affine/shared/subnet"
)

// envIDs takes the environments. Two whose keys are equal would share queues and
// objects, so they are refused.
func envIDs(s *Settings, text string) error {
	byKey := make(map[string]subnet.EnvID)
	var ids []subnet.EnvID
	for _, item := range list(text) {
		id := subnet.EnvID(item)
		if err := envName(item); err != nil {
			return fmt.Errorf("%s: %w", shown(item), err)
		}
		if other, ok := byKey[id.Key()]; ok {
			return fmt.Errorf("%s and %s are one environment", other, id)
		}
		byKey[id.Key()] = id
		ids = append(ids, id)
	}
	if len(ids) == 0 {
		return errors.New("names no environment")
	}
	s.Envs = ids
	return nil
}

// envName accepts what may stand in object keys and row keys.
func envName(name string) error {
	odd := func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != ':' && r != '-' && r != '_'
	}
	if len(name) > 64 || strings.ContainsFunc(name, odd) {
		return errors.New("not the name of an environment: a-z, 0-9, : - _, at most 64")
	}
	return nil
}

func queues(s *Settings, text string) (err error) {
	s.Queues, err = byEnv(s.Envs, text)
	return err
}

func deadQueues(s *Settings, text string) (err error) {
	s.DeadQueues, err = byEnv(s.Envs, text)
	return err
}

// byEnv reads key=URL pairs, one for each environment and none for any other. An
// environment may be written as its id or as its key.
func byEnv(envs []subnet.EnvID, text string) (map[subnet.EnvID]string, error) {
	if len(envs) == 0 {
		return nil, nil // the fault is in AFFINE_ENVS and has been told there
	}
	byKey := make(map[string]subnet.EnvID)
	for _, id := range envs {
		byKey[id.Key()] = id
	}
	urls := make(map[subnet.EnvID]string)
	for _, item := range list(text) {
		key, target, ok := strings.Cut(item, "=")
		if !ok {
			return nil, fmt.Errorf("%s is not environment=URL", shown(item))
		}
		id, ok := byKey[subnet.EnvID(strings.TrimSpace(key)).Key()]
		if !ok {
			return nil, fmt.Errorf("%s names no environment of %s", shown(key), NameEnvs)
		}
		if urls[id] != "" {
			return nil, fmt.Errorf("%s has two queues", id)
		}
		target = strings.TrimSpace(target)
		if _, err := address(target, "http", "https"); err != nil {
			return nil, fmt.Errorf("%s: %w", shown(item), err)
		}
		urls[id] = target
	}
	return urls, complete(envs, urls)
}

// complete checks that no environment was forgotten and that no two share a queue:
// a runner would take one environment's messages for the other's.
func complete(envs []subnet.EnvID, urls map[subnet.EnvID]string) error {
	seen := make(map[string]subnet.EnvID)
	for _, id := range envs {
		target := urls[id]
		if target == "" {
			return fmt.Errorf("has no queue for %s", id)
		}
		if other, ok := seen[target]; ok {
			return fmt.Errorf("%s and %s have the same queue", other, id)
		}
		seen[target] = id
	}
	return nil
}
