// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sdkspan

import (
	"encoding/binary"
	"math/rand"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/headertest"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
)

func TestNumbersAreThoseOfThePrograms(t *testing.T) {
	header := headertest.Constants(t, "image.h")
	for name, here := range map[string]int64{
		"IMAGE_SPAN": rootSpan, "IMAGE_TRACER": rootTracer,
		"CHUNK_BYTES": chunkBytes, "CHUNK_STRINGS": chunkStrings, "CHUNK_KEY_VALUES": chunkKeyValues, "CHUNK_VALUES": chunkValues,
		"CHUNK_EVENTS": chunkEvents, "CHUNK_LINKS": chunkLinks, "CHUNK_BOXED_EVENTS": chunkBoxedEvents,
		"CHUNK_BOXED_LINKS": chunkBoxedLinks, "CHUNK_SPAN": chunkSpan, "CHUNK_TRACER": chunkTracer, "CHUNK_RESOURCE": chunkResource,
		"STRING_SIZE": stringSize, "KEY_VALUE_SIZE": keyValueSize, "KEY_VALUE_VALUE": keyValueValue, "VALUE_SIZE": valueSize,
		"VALUE_STRING": valueText, "VALUE_SLICE": valueSlice,
		"TYPE_STRING": typeString, "TYPE_BOOLS": typeBools, "TYPE_STRINGS": typeStrings, "TYPE_BYTES": typeBytes,
		"TYPE_SLICE": typeSlice, "TYPE_MAP": typeMap,
	} {
		there, ok := header[name]
		require.True(t, ok, name)
		require.Equal(t, there, here, name)
	}
}

// Times are read as Go itself has them in memory.
func TestTimesAreThoseOfGo(t *testing.T) {
	random := rand.New(rand.NewSource(1))
	times := []time.Time{{}, time.Now(), time.Unix(0, 0), time.Unix(-5, 999_999_999), time.Now().Round(0), time.Now().Add(300 * 24 * time.Hour)}
	for range 1000 {
		times = append(times, time.Unix(random.Int63n(4e9), random.Int63n(1e9)), time.Now().Add(time.Duration(random.Int63())/100))
	}
	for _, moment := range times {
		memory := *(*[16]byte)(unsafe.Pointer(&moment))
		require.Equal(t, moment.UnixNano(), image(memory[:]).unixNano(0), moment)
	}
}

// builder makes images as the programs do.
type builder struct{ image }

func (b *builder) chunk(kind uint32, whole int, content []byte) uint64 {
	header := make([]byte, headerSize)
	binary.LittleEndian.PutUint32(header, uint32(len(content)))
	binary.LittleEndian.PutUint32(header[4:], uint32(whole))
	binary.LittleEndian.PutUint32(header[8:], kind)
	b.image = append(b.image, header...)
	at := uint64(len(b.image))
	b.image = append(append(b.image, content...), make([]byte, -len(content)&7)...)
	return at
}

func (b *builder) set(at int, word uint64) { binary.LittleEndian.PutUint64(b.image[at:], word) }

// small is a layout of a span that has a name and attributes.
func small() *plan.SDKLayout {
	return &plan.SDKLayout{
		SpanSize: 400, Name: 0, Attributes: 16, DroppedAttributes: 40, Kind: 48, StartTime: 56, EndTime: 72, StatusCode: 88,
		StatusText: 96, Events: 112, DroppedEvents: 136, Links: 144, DroppedLinks: 168, Context: contextAt(200),
		Parent: contextAt(300), Event: plan.EventLayout{Size: 72, Attributes: 16, Dropped: 40, Time: 48},
		Link: plan.LinkLayout{Size: 96, Attributes: 64, Dropped: 88, Context: contextAt(0)},
	}
}

func contextAt(at uint16) plan.ContextLayout {
	return plan.ContextLayout{TraceID: at, SpanID: at + 16, Flags: at + 24, State: at + 32, Remote: at + 56}
}

// What is missing in an image is counted, as is what was cut.
func TestWhatIsMissingIsCounted(t *testing.T) {
	b := &builder{make(image, 16)}
	span := b.chunk(chunkSpan, 400, make([]byte, 400))
	b.set(rootSpan, span)
	at := int(span)
	b.set(at, b.chunk(chunkBytes, 9, []byte("abc\xc3"))) // in the middle of a character
	b.set(at+8, 9)
	values := int(b.chunk(chunkKeyValues, 4*keyValueSize, make([]byte, 3*keyValueSize)))
	b.set(at+16, uint64(values))
	b.set(at+24, 4) // of which three were copied
	b.set(at+40, 7) // the SDK's own
	b.set(at+112+8, 5)
	b.set(at+144+8, 2)
	for i, key := range []string{"first", "second"} {
		b.set(values+i*keyValueSize, b.chunk(chunkBytes, len(key), []byte(key)))
		b.set(values+i*keyValueSize+8, uint64(len(key)))
	}
	b.set(values+2*keyValueSize+8, 3) // a key that is not there
	b.set(values+keyValueValue, typeStrings)
	b.set(values+keyValueValue+valueSlice, 1) // an array that is not there
	b.set(values+keyValueSize+keyValueValue, typeBytes)
	b.set(values+keyValueSize+keyValueValue+valueText+8, 3)

	into := ptrace.NewSpan()
	cut, ok := Read(into, b.image, small())
	require.True(t, ok)
	require.Equal(t, Cut{Attributes: 2, Events: 5, Links: 2, Texts: 1, Values: 2}, cut)
	require.Equal(t, "abc", into.Name())
	require.EqualValues(t, 9, into.DroppedAttributesCount())
	require.EqualValues(t, 5, into.DroppedEventsCount())
	require.EqualValues(t, 2, into.DroppedLinksCount())
	require.Equal(t, map[string]any{"first": []any{}, "second": []byte(nil)}, into.Attributes().AsRaw())
	require.Equal(t, pcommon.Timestamp(0), into.StartTimestamp(), "the zero time")
}

// Go's strings hold any bytes, and OTLP's only UTF-8.
func TestTextsAreUTF8(t *testing.T) {
	for text, want := range map[string]string{"naïve": "naïve", "a\xff\xfeb": "a\uFFFDb", "\xc3": "\uFFFD"} {
		b := &builder{make(image, 16)}
		b.set(0, b.chunk(chunkBytes, len(text), []byte(text)))
		b.set(8, uint64(len(text)))
		got, whole := b.image.text(0)
		require.True(t, whole, "%q", text)
		require.Equal(t, want, got)
	}
}

func TestImagesWithoutASpan(t *testing.T) {
	for name, bytes := range map[string]image{"none": nil, "empty": make(image, 16), "cut": {16, 0, 0, 0, 0, 0, 0, 0}} {
		_, ok := Read(ptrace.NewSpan(), bytes, small())
		require.False(t, ok, name)
		_, _, ok = ReadTracer(bytes, small())
		require.False(t, ok, name)
	}
}

// Whatever is in an image, reading it ends.
func FuzzRead(f *testing.F) {
	b := &builder{make(image, 16)}
	b.set(rootSpan, b.chunk(chunkSpan, 400, make([]byte, 400)))
	b.set(rootTracer, b.chunk(chunkTracer, 400, make([]byte, 400)))
	f.Add([]byte(b.image))
	f.Fuzz(func(t *testing.T, bytes []byte) {
		l := small()
		for _, l.Boxed = range []bool{false, true} {
			span := ptrace.NewSpan()
			cut, _ := Read(span, bytes, l)
			require.LessOrEqual(t, span.Events().Len()+span.Links().Len()+span.Attributes().Len(), maxElements)
			require.GreaterOrEqual(t, cut.Attributes, 0)
			ReadTracer(bytes, l)
		}
	})
}
