// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.opentelemetry.io/collector/confmap"
)

// foreignKey is a key of contrib's exporter that this one does not have.
type foreignKey struct {
	// advice says what to do about it.
	advice string
	// harmless are the values with which this exporter does what contrib's
	// would, contrib's default among them.
	harmless []any
}

func foreignKeys() map[string]foreignKey {
	return map[string]foreignKey{
		"json": {
			advice:   "this version writes Map columns only; remove the key",
			harmless: []any{false},
		},
		"metrics_table_name": {
			advice:   "set metrics_tables.<kind>.name instead, and remove the key",
			harmless: []any{nil, "", "otel_metrics"},
		},
		"profiles_table_name": {
			advice:   "this version does not store profiles; remove the key",
			harmless: []any{nil, "", "otel_profiles"},
		},
	}
}

var _ confmap.Unmarshaler = (*Config)(nil)

// Unmarshal says what to do about foreign keys, where an unknown key would only
// be called unknown, and leaves out those that do no harm: a configuration of
// contrib's exporter may have its defaults written out.
func (cfg *Config) Unmarshal(conf *confmap.Conf) error {
	var errs error
	foreign := foreignKeys()
	for _, key := range slices.Sorted(maps.Keys(foreign)) {
		if !conf.IsSet(key) {
			continue
		}
		value := conf.Get(key)
		conf.Delete(key)
		if slices.Contains(foreign[key].harmless, value) {
			cfg.leftOut = append(cfg.leftOut, fmt.Sprintf("%s is left out: %s", key, foreign[key].advice))
			continue
		}
		errs = errors.Join(errs, fmt.Errorf("%s is not supported: %s", key, foreign[key].advice))
	}
	return errors.Join(errs, conf.Unmarshal(cfg))
}
