// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The table was read from other programs' debug information, through other
// code: it must say the same as this program's own.
func TestTableAgreesWithDWARF(t *testing.T) {
	for _, variant := range []string{"normal", "pie", "arm64"} {
		t.Run(variant, func(t *testing.T) {
			b := open(t, fixture(t, variant))
			fields := wantedFields()
			fromDWARF, err := b.Offsets(fields)
			require.NoError(t, err)
			require.Len(t, fromDWARF, len(fields))
			for _, field := range fields {
				assert.Equal(t, SourceDWARF, fromDWARF[field].Source, field)
				fromTable, err := resolve(b.table(), field)
				require.NoError(t, err, field)
				assert.Equal(t, fromDWARF[field].Bytes, fromTable, field)
				size, err := b.TypeSize(field.Type)
				require.NoError(t, err)
				known, err := b.table().find(field.Type)
				require.NoError(t, err)
				assert.Equal(t, size, known.size, field.Type)
			}
		})
	}
}

func TestOffsetsOfStrippedBinary(t *testing.T) {
	want, err := open(t, fixture(t, "normal")).Offsets(wantedFields())
	require.NoError(t, err)
	for _, variant := range []string{"stripped", "pie-stripped"} {
		b := open(t, fixture(t, variant))
		got, err := b.Offsets(wantedFields())
		require.NoError(t, err)
		for field, offset := range got {
			assert.Equal(t, SourceTable, offset.Source)
			assert.Equal(t, want[field].Bytes, offset.Bytes, field)
		}
		assert.Len(t, got, len(want))
	}
}

// What is missing is named, and does not take the rest with it.
func TestOffsetsReturnsWhatItHas(t *testing.T) {
	good := Field{"runtime.g", "goid"}
	bad := []Field{
		{"runtime.g", "nosuchfield"}, {"runtime.g", "goid.inner"}, {"runtime.g", ""}, {"runtime.g", "sched."},
		{"runtime.nosuchtype", "x"}, {"", ""}, {"runtime.g", "m.curg"}, // behind a pointer
	}
	for _, variant := range []string{"normal", "stripped"} {
		got, err := open(t, fixture(t, variant)).Offsets(append(bad, good))
		require.ErrorIs(t, err, ErrNoOffset)
		assert.Len(t, got, 1)
		assert.Contains(t, got, good)
		for _, field := range bad {
			assert.Contains(t, err.Error(), field.String())
		}
	}
	_, err := open(t, fixture(t, "normal")).TypeSize("runtime.nosuchtype")
	require.ErrorIs(t, err, ErrNoOffset)
}

// A module that does not go with the one that the table was made with may have
// other layouts inside.
func TestTableRefusesOtherVersions(t *testing.T) {
	span := Field{"go.opentelemetry.io/otel/sdk/trace.recordingSpan", "name"}
	ngsys := Field{"runtime.schedt", "ngsys"}
	status := func(change func(b *Binary)) (sdk, std error) {
		b := open(t, fixture(t, "stripped"))
		change(b)
		_, sdk = b.fieldOffset(span)
		_, std = b.fieldOffset(ngsys)
		return sdk, std
	}
	sdk, std := status(func(*Binary) {})
	require.NoError(t, errors.Join(sdk, std))
	tests := map[string]struct {
		change         func(b *Binary)
		sdkBad, stdBad bool
	}{
		"newer companion": {func(b *Binary) { b.modules["go.opentelemetry.io/otel/trace"] = "v1.48.0" }, true, false},
		"fork":            {func(b *Binary) { delete(b.modules, "go.opentelemetry.io/otel/sdk") }, true, false},
		"unknown minor": {func(b *Binary) {
			b.modules["go.opentelemetry.io/otel/sdk"] = "v1.999.0"
			b.modules["go.opentelemetry.io/otel/trace"] = "v1.999.0"
		}, true, false},
		"experiment":        {func(b *Binary) { b.version += " X:staticlockranking" }, false, true},
		"release candidate": {func(b *Binary) { b.version = "go1.26rc1" }, false, true},
		"unknown Go":        {func(b *Binary) { b.version = "go1.99.0" }, false, true},
		"newer patch":       {func(b *Binary) { b.version = "go1.26.999" }, false, true},
		"unknown patch":     {func(b *Binary) { b.version = "go1.26.2" }, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			sdk, std := status(test.change)
			assert.Equal(t, test.sdkBad, sdk != nil, "%v", sdk)
			assert.Equal(t, test.stdBad, std != nil, "%v", std)
		})
	}
}
