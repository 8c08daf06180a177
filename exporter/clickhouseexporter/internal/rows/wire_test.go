// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/ClickHouse/ch-go/proto"
	driver "github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
)

// bytesOf is what a column sends.
func bytesOf(c proto.ColInput) []byte {
	var buffer proto.Buffer
	if stateful, ok := c.(proto.StateEncoder); ok {
		stateful.EncodeState(&buffer)
	}
	c.EncodeColumn(&buffer)
	return buffer.Buf
}

// TestLowCardinalityAsTheDriver encodes dictionaries on both sides of each limit
// of the numbers' width, and compares the bytes with clickhouse-go's.
func TestLowCardinalityAsTheDriver(t *testing.T) {
	c := newLowCardinality()
	for _, distinct := range []int{1, 2, 254, 255, 256, 65534, 65535, 65536} {
		theirs, err := driver.Type("LowCardinality(String)").Column("c", &driver.ServerContext{})
		require.NoError(t, err)
		c.Reset()
		for i := range distinct + 10 { // ten come again
			value := fmt.Sprint("value ", i%distinct)
			if i == 0 {
				value = ""
			}
			c.append(value)
			require.NoError(t, theirs.AppendRow(value))
		}
		var want proto.Buffer
		require.NoError(t, theirs.(driver.CustomSerialization).WriteStatePrefix(&want))
		theirs.Encode(&want)
		assert.True(t, slices.Equal(want.Buf, bytesOf(c)), "%d distinct values", distinct)
	}
}

// TestDictionaryGenerations resets a dictionary until its generations begin anew.
func TestDictionaryGenerations(t *testing.T) {
	d := newDictionary()
	d.generation = math.MaxUint32 - 2
	for range 6 {
		for i := range 200 {
			assert.Equal(t, uint32(i), d.number(fmt.Sprint(i)))
		}
		assert.Equal(t, uint32(7), d.number("7"))
		d.reset()
	}
}

// TestRepeatedIsRepeated compares columns in which a value stands for many rows
// with those that hold it many times, whole and in parts.
func TestRepeatedIsRepeated(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	repeatedMaps, maps := newRepeatedAttributes(), newAttributes()
	repeatedTexts, texts := new(repeatedText), new(text)
	for range 40 {
		m := randomMap(random, random.IntN(5))
		repeatedMaps.set(m)
		word := fmt.Sprint(random.IntN(1000))
		repeatedTexts.set(word)
		for range random.IntN(3) { // once, several times, or never
			n := random.IntN(4)
			repeatedMaps.repeat(n)
			repeatedTexts.repeat(n)
			for range n {
				maps.append(m)
				texts.append(word)
			}
		}
	}
	rows := maps.Rows()
	for _, pair := range [][2]column{{repeatedMaps, maps}, {repeatedTexts, texts}} {
		require.Equal(t, rows, pair[0].Rows())
		assert.Equal(t, bytesOf(pair[1]), bytesOf(pair[0]))
		assert.GreaterOrEqual(t, pair[0].size(0, rows), pair[1].size(0, rows))
		for range 50 {
			from := random.IntN(rows)
			to := from + 1 + random.IntN(rows-from)
			assert.Equal(t, bytesOf(pair[1].window(from, to)), bytesOf(pair[0].window(from, to)), "%d to %d", from, to)
		}
	}
}

func TestRepeatedPieces(t *testing.T) {
	for n := range 20 {
		want := ""
		for range n {
			want += "abc"
		}
		assert.Equal(t, "x"+want, string(appendRepeated([]byte("x"), []byte("abc"), n)))
	}
	assert.Empty(t, appendRepeated(nil, nil, 5))
}

// TestSameAttributesSameBytes appends maps whose keys come in many sequences, some
// too many, too long or too varied to be learnt, batch after batch: each row is what
// sorting alone makes of it.
func TestSameAttributesSameBytes(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 4))
	learning := newAttributes()
	for range 60 {
		sorting := newAttributes()
		sorting.orders.learnt = learntPerBatch
		for range 30 {
			m := randomMap(random, random.IntN(maxKeys+3))
			learning.append(m)
			learning.append(m)
			sorting.append(m)
			sorting.append(m)
		}
		require.Equal(t, bytesOf(sorting), bytesOf(learning))
		require.LessOrEqual(t, len(learning.orders.nodes), maxNodes)
		learning.Reset()
	}
}

func randomMap(random *rand.Rand, keys int) pcommon.Map {
	m := pcommon.NewMap()
	for range keys {
		key := fmt.Sprint("key", random.IntN(300))
		if random.IntN(500) == 0 {
			key += string(make([]byte, maxKey))
		}
		m.PutStr(key, fmt.Sprint(random.IntN(10)))
	}
	return m
}

// TestValuesAsStrings compares the text of values of all types with pdata's.
func TestValuesAsStrings(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 5))
	values := []pcommon.Value{
		pcommon.NewValueEmpty(), pcommon.NewValueStr(""), pcommon.NewValueStr("\xff\x00"), pcommon.NewValueBool(true),
		pcommon.NewValueBool(false), pcommon.NewValueMap(), pcommon.NewValueSlice(), pcommon.NewValueBytes(),
	}
	for _, n := range []int64{0, -1, math.MinInt64, math.MaxInt64} {
		values = append(values, pcommon.NewValueInt(n))
	}
	for _, f := range []float64{
		0, math.Copysign(0, -1), 1e-6, 9.99e-7, 1e-9, 1e-10, 1e21, 9.99e20, 1e100, math.NaN(), math.Inf(1), math.Inf(-1),
		math.MaxFloat64, math.SmallestNonzeroFloat64, -1.7976931348623157e-7, 0.0000012345678901234567,
	} {
		values = append(values, pcommon.NewValueDouble(f))
	}
	for n := range 2000 {
		values = append(values, pcommon.NewValueDouble(math.Float64frombits(random.Uint64())))
		bytes := pcommon.NewValueBytes()
		for range n % 50 {
			bytes.Bytes().Append(byte(random.Uint32()))
		}
		values = append(values, bytes)
	}
	for _, length := range []int{0x7f, 0x80, 0x3fff, 0x4000} {
		values = append(values, pcommon.NewValueStr(string(make([]byte, length))))
	}
	var c text
	for _, value := range values {
		appendValue(&c, value)
	}
	for i, got := range decoded(t, &c) {
		assert.Equal(t, values[i].AsString(), got)
	}
}

// TestSteadyStateAllocatesByBlock appends the same kind of batch again and again:
// what is allocated does not depend on the number of rows.
func TestSteadyStateAllocatesByBlock(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 6))
	const rows = 1000
	maps := make([]pcommon.Map, 0, rows)
	for range rows {
		m := pcommon.NewMap()
		for key := range 12 {
			if key < 8 || random.IntN(2) == 0 {
				m.PutInt(fmt.Sprint("key", key), random.Int64())
			}
		}
		m.PutDouble("double", random.Float64())
		maps = append(maps, m)
	}
	c := newAttributes()
	var buffer proto.Buffer
	batch := func() {
		c.Reset()
		for _, m := range maps {
			c.append(m)
		}
		buffer.Reset()
		c.EncodeColumn(&buffer)
	}
	batch()
	allocated := testing.AllocsPerRun(10, batch)
	t.Logf("%d rows: %.0f allocations", rows, allocated)
	assert.LessOrEqual(t, allocated, 1.0)
}

// TestHugeBuffersAreLetGo resets a column after a batch of hostile size.
func TestHugeBuffersAreLetGo(t *testing.T) {
	var c text
	c.append(string(make([]byte, keptBytes/2)))
	c.Reset()
	assert.NotNil(t, c.buffer)
	c.append(string(make([]byte, keptBytes+1)))
	c.Reset()
	assert.Nil(t, c.buffer)
}
