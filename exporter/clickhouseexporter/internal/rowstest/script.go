// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rowstest

import (
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// Script makes telemetry that no SDK sends out of bytes: each byte decides about one
// thing, and a script that is at its end leaves all empty. Long and deep things are
// bounded by what one script may spend.
type Script struct {
	bytes []byte
	// left is how many bytes of text it may still make.
	left int
	// Seen are the hostile things that it made.
	Seen map[string]bool
}

// NewScript makes a script.
func NewScript(bytes []byte) *Script {
	return &Script{bytes: bytes, left: 12 << 20, Seen: map[string]bool{}}
}

// Seeds are scripts that have every hostile thing between them.
func Seeds() [][]byte {
	seeds := [][]byte{{}, []byte(strings.Repeat("\xff", 300)), []byte(strings.Repeat("\x01", 300))}
	random := rand.New(rand.NewPCG(1, 2))
	for range 6 {
		seed := make([]byte, 600)
		for i := range seed {
			seed[i] = byte(random.Uint32())
		}
		seeds = append(seeds, seed)
	}
	return seeds
}

func (s *Script) next() byte {
	if len(s.bytes) == 0 {
		return 0
	}
	b := s.bytes[0]
	s.bytes = s.bytes[1:]
	return b
}

// upTo is a number below n, that of a byte at most.
func (s *Script) upTo(n int) int { return int(s.next()) % n }

func (s *Script) saw(what string) { s.Seen[what] = true }

func (s *Script) text() string {
	switch s.upTo(9) {
	case 0:
		return ""
	case 1:
		return "key " + string(rune('a'+s.upTo(4)))
	case 2:
		s.saw("invalid UTF-8")
		return "\xff\xfe\x80 \xed\xa0\x80\xc0\xaf"
	case 3:
		s.saw("control characters")
		return "\x00\x01\n\r\t\"'`\\ \u2028\ufeff"
	case 4:
		length := 1 << s.upTo(18)
		if s.upTo(8) == 0 {
			length = 10 << 20
		}
		if s.left < length {
			return "too long"
		}
		s.left -= length
		if length == 10<<20 {
			s.saw("10 MiB")
		}
		return strings.Repeat("x", length)
	case 5:
		return "service.name"
	case 6:
		s.saw("lengths around those of varints")
		return strings.Repeat("é", 63+s.upTo(3))
	default:
		n := s.upTo(12)
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = s.next()
		}
		return string(raw)
	}
}

func (s *Script) time() pcommon.Timestamp {
	const last = math.MaxUint32 * 1_000_000_000 // of a DateTime
	times := [...]pcommon.Timestamp{
		0, 1, math.MaxUint64, math.MaxInt64, math.MaxInt64 + 1, last, last + 1,
		pcommon.NewTimestampFromTime(time.Date(2026, 3, 1, 12, 0, 0, 1, time.UTC)),
	}
	return times[s.upTo(len(times))]
}

func (s *Script) int() int64 {
	ints := [...]int64{0, 1, -1, math.MinInt64, math.MaxInt64, math.MaxInt32 + 1, 255, -256}
	return ints[s.upTo(len(ints))]
}

func (s *Script) float() float64 {
	floats := [...]float64{
		0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1e21, 1e-7, -123.456,
	}
	return floats[s.upTo(len(floats))]
}

func (s *Script) id() (id [16]byte) {
	if s.upTo(2) == 1 {
		id[0], id[15] = s.next(), s.next()
	}
	return id
}

func (s *Script) attributes(m pcommon.Map) {
	n := s.upTo(6)
	if s.upTo(64) == 1 {
		s.saw("a thousand attributes")
		for i := range 1000 {
			m.PutInt(strings.Repeat("k", i%7)+string(rune(0x400+i)), int64(i))
		}
	}
	for range n {
		s.value(m.PutEmpty(s.text()))
	}
}

func (s *Script) value(v pcommon.Value) {
	switch s.upTo(9) {
	case 0: // none
	case 1, 2:
		v.SetStr(s.text())
	case 3:
		v.SetInt(s.int())
	case 4:
		v.SetDouble(s.float())
	case 5:
		v.SetBool(s.upTo(2) == 1)
	case 6:
		v.SetEmptyBytes().FromRaw([]byte(s.text()))
	case 7:
		slice := v.SetEmptySlice()
		for range s.upTo(4) {
			s.value(slice.AppendEmpty())
		}
	case 8:
		depth := 1 << s.upTo(11)
		if depth >= 1024 {
			s.saw("deep nesting")
		}
		for range depth {
			v = v.SetEmptyMap().PutEmpty("k").SetEmptySlice().AppendEmpty()
		}
		v.SetStr("bottom")
	}
}
