// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// Epoch identifies what the objective counts: a hash of the service, the indicator,
// the grouping, the slices and the calendar. What was counted under another epoch
// says nothing about this one. Target, policy, guards and texts may change without a
// new epoch, since counts stay what they are, and so may maintenance, which is for
// the time to come.
func (o *Objective) Epoch() string {
	definition := struct {
		Service   string
		Indicator Indicator
		Slices    *Slices
		GroupBy   []string
		Calendar  Window
		Anchor    string
		TimeZone  string
	}{o.Service, o.Indicator, o.Slices, o.GroupBy, o.Window, o.Window.Anchor, o.TimeZone}
	definition.Calendar.Rolling = 0 // rings hold any rolling period
	encoded, err := json.Marshal(definition)
	if err != nil {
		// A number that JSON lacks, which no valid objective has.
		encoded = []byte(err.Error())
	}
	sum := sha256.Sum256(encoded)
	return hex.EncodeToString(sum[:8])
}
