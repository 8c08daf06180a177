// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouseexporter

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"go.opentelemetry.io/collector/consumer/consumererror"
)

func TestOutcome(t *testing.T) {
	away := errors.New("away")
	refused := consumererror.NewPermanent(errors.New("refused"))
	for name, test := range map[string]struct {
		failures  []error
		again     bool
		permanent bool
	}{
		"all stored":         {failures: make([]error, 5)},
		"one away":           {failures: []error{nil, away, nil, nil, nil}, again: true},
		"all away":           {failures: []error{away, away, away, away, away}, again: true},
		"one refused":        {failures: []error{nil, nil, refused, nil, nil}, permanent: true},
		"away and refused":   {failures: []error{refused, nil, nil, nil, away}, again: true},
		"everything refused": {failures: []error{refused, refused, refused, refused, refused}, permanent: true},
	} {
		t.Run(name, func(t *testing.T) {
			err := outcome(test.failures)
			assert.Equal(t, test.permanent, consumererror.IsPermanent(err))
			assert.Equal(t, test.permanent || test.again, err != nil)
			assert.Equal(t, test.again, errors.Is(err, away))
		})
	}
}
