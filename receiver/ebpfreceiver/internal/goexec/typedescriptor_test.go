// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// sameDescriptors compares what type descriptors say with debug information, of
// all fields that are read of the runtime's structs on the heap.
func sameDescriptors(t *testing.T, b *Binary) {
	t.Helper()
	fields := []Field{
		{"runtime.p", "status"}, {"runtime.p", "gFree"}, {"runtime.p", "gFree.n"}, {"runtime.p", "gFree.size"}, {"runtime.p", "goroutinesCreated"},
		{"runtime.m", "alllink"}, {"runtime.g", "nosuchfield"}, {"runtime.g", "goid.inner"}, {"runtime.g", "m.curg"},
	}
	for _, field := range runtimeFields {
		if _, ok := descriptorRoots[field.Type]; ok {
			fields = append(fields, field)
		}
	}
	compared := 0
	for _, field := range fields {
		want, wantErr := resolve(b.dwarfTypes(), field)
		got, err := resolve(b.descriptors(), field)
		require.Equal(t, wantErr == nil, err == nil, "%v: %v; %v", field, wantErr, err)
		assert.Equal(t, want, got, field)
		if err == nil {
			compared++
		}
	}
	assert.Greater(t, compared, 15)
	for name := range descriptorRoots {
		want, err := b.dwarfTypes().find(name)
		if !strings.HasPrefix(name, "runtime.") && err != nil {
			continue // another release's, or not linked
		}
		require.NoError(t, err)
		got, err := b.descriptors().find(name)
		require.NoError(t, err)
		assert.Equal(t, want.size, got.size, name)
	}
}

func TestDescriptorsAgreeWithDWARF(t *testing.T) {
	for _, variant := range []string{"normal", "pie"} {
		t.Run(variant, func(t *testing.T) {
			b := open(t, fixture(t, variant))
			sameDescriptors(t, b)
			sameHTTP2(t, b)
		})
	}
}

// Of a release that the table does not know, the descriptors are what is left.
func TestOffsetsOfAnUnknownRelease(t *testing.T) {
	want, err := open(t, fixture(t, "normal")).Offsets(runtimeFields)
	require.NoError(t, err)
	for _, variant := range []string{"stripped", "pie-stripped"} {
		b := open(t, fixture(t, variant))
		b.version = "go1.26.999"
		got, err := b.Offsets(runtimeFields)
		require.ErrorIs(t, err, ErrNoOffset, "not all structs are on the heap")
		for _, field := range runtimeFields {
			_, described := descriptorRoots[field.Type]
			assert.Equal(t, described, got[field].Source == SourceDescriptor, field)
			if described {
				assert.Equal(t, want[field].Bytes, got[field].Bytes, field)
			}
		}
		size, err := b.TypeSize("runtime.g")
		require.NoError(t, err)
		assert.NotZero(t, size)
	}
	_, err = open(t, fixture(t, "arm64")).descriptors().find("runtime.g")
	require.ErrorIs(t, err, ErrUnsupported)
}

// flat is memory that begins at address 0.
type flat []byte

func (f flat) read(addr, n uint64) ([]byte, error) {
	if addr > uint64(len(f)) || n > uint64(len(f))-addr {
		return nil, fmt.Errorf("%w: %d bytes at %#x", ErrTruncated, n, addr)
	}
	return f[addr : addr+n : addr+n], nil
}

func (f flat) readRelocated(addr, n uint64) ([]byte, error) { return f.read(addr, n) }

// describe lays out the descriptor of struct{goid at 8; m at 16} at 0.
func describe() flat {
	const fields, first, second = descriptorSize, descriptorSize + 2*descriptorField, descriptorSize + 2*descriptorField + 6
	data := make(flat, second)
	word := func(at int, value uint64) { binary.LittleEndian.PutUint64(data[at:], value) }
	word(0, 24)
	data[descriptorKind] = 1<<5 | kindStruct
	word(descriptorFields, fields)
	word(descriptorFields+8, 2)
	for i, at := range []uint64{first, second} {
		word(fields+descriptorField*i, at)
		word(fields+descriptorField*i+16, uint64(8+8*i))
	}
	copy(data[first:], "\x00\x04goid")
	return append(data, "\x00\x01m"...)
}

func readFlat(data flat) (structType, error) {
	count, err := describedFields(data, 0)
	if err != nil {
		return structType{}, err
	}
	return readDescriptor(data, 0, count)
}

func TestReadDescriptor(t *testing.T) {
	got, err := readFlat(describe())
	require.NoError(t, err)
	assert.Equal(t, structType{size: 24, members: map[string]member{"goid": {offset: 8}, "m": {offset: 16}}}, got)
	for name, change := range map[string]func(data flat) flat{
		"empty":             func(flat) flat { return nil },
		"cut":               func(data flat) flat { return data[:len(data)-1] },
		"no struct":         func(data flat) flat { data[descriptorKind] = 22; return data },
		"a huge struct":     func(data flat) flat { data[7] = 1; return data },
		"too many fields":   func(data flat) flat { data[descriptorFields+8+3] = 1; return data },
		"fields elsewhere":  func(data flat) flat { data[descriptorFields+7] = 1; return data },
		"a name elsewhere":  func(data flat) flat { data[descriptorSize+7] = 1; return data },
		"a field outside":   func(data flat) flat { data[descriptorSize+16] = 25; return data },
		"a name of 16 KiB":  func(data flat) flat { data[descriptorSize+2*descriptorField+1] = 0x84; return data },
		"a name up to here": func(data flat) flat { data[descriptorSize+2*descriptorField+1] = 0x7f; return data },
	} {
		_, err := readFlat(change(describe()))
		require.Error(t, err, name)
	}
}

func FuzzDescriptor(f *testing.F) {
	f.Add([]byte(describe()))
	f.Fuzz(func(t *testing.T, data []byte) {
		described, err := readFlat(data)
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(described.members), maxDescribedFields)
		for name, m := range described.members {
			require.LessOrEqual(t, m.offset, described.size)
			require.Less(t, len(name), 128)
		}
	})
}
