// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package discover

import (
	"encoding/binary"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	const tail = " 1 42 42 0 -1 4194560 2300 0 0 0 1 2 0 0 20 0 1 0 8123 1000 100 18446744073709551615 93 94 140736 0 0"
	want := stat{state: 'S', flags: 4194560, startTicks: 8123, startStack: 140736}
	for _, name := range []string{"bash", "a b", "", ") S 1 (", "1) Z 2 3", "new\nline"} {
		got, err := parseStat("42 (" + name + ") S" + tail)
		require.NoError(t, err, "command %q", name)
		assert.Equal(t, want, got, "command %q", name)
	}
}

func TestParseStatRefusesOtherText(t *testing.T) {
	for _, content := range []string{
		"", ")", "42 (a) S", "42 a S 1 2 3",
		"1 (a) S" + strings.Repeat(" 1", 24),  // one field short of the stack's
		"1 (a) S" + strings.Repeat(" -1", 40), // negative
		"1 (a) S" + strings.Repeat(" 99999999999999999999", 40),
	} {
		_, err := parseStat(content)
		require.ErrorIs(t, err, errStat, "content %q", content)
	}
}

func TestStartTime(t *testing.T) {
	boot := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	assert.Equal(t, boot.Add(81*time.Second+230*time.Millisecond), stat{startTicks: 8123}.startTime(boot))
	assert.Equal(t, boot, stat{}.startTime(boot))
	assert.True(t, stat{startTicks: math.MaxUint64}.startTime(boot).After(boot), "a hostile number does not overflow")
}

// dirent is one entry as getdents64 writes it, padded to 8 bytes.
func dirent(inode uint64, name string) []byte {
	b := make([]byte, (19+len(name)+1+7)&^7)
	binary.NativeEndian.PutUint64(b, inode)
	binary.NativeEndian.PutUint16(b[16:], uint16(len(b)))
	copy(b[19:], name)
	return b
}

func TestParseDirents(t *testing.T) {
	var entries []byte
	for i, name := range []string{".", "..", "1", "acpi", "42", "4194304", "12a", "self", "99999999999999999999", "0x1"} {
		entries = append(entries, dirent(uint64(100+i), name)...)
	}
	want := []listed{{pid: 1, inode: 102}, {pid: 42, inode: 104}, {pid: 4194304, inode: 105}}
	assert.Equal(t, want, parseDirents(entries, nil))
}

func TestParseDirentsStopsAtDamage(t *testing.T) {
	good := dirent(7, "7")
	for name, length := range map[string]uint16{"zero": 0, "within the header": 19, "beyond the end": 4096} {
		bad := dirent(8, "8")
		binary.NativeEndian.PutUint16(bad[16:], length)
		assert.Equal(t, []listed{{pid: 7, inode: 7}}, parseDirents(append(append([]byte{}, good...), bad...), nil), name)
	}
	for cut := range len(good) {
		assert.Empty(t, parseDirents(good[:cut], nil), "cut at %d", cut)
	}
}

func TestParseEnvironment(t *testing.T) {
	tests := map[string]struct {
		content string
		want    environment
	}{
		"empty":     {"", environment{}},
		"unrelated": {"PATH=/bin\x00HOME=/root\x00", environment{}},
		"name":      {"A=1\x00OTEL_SERVICE_NAME=cart\x00", environment{serviceName: "cart"}},
		"first counts": {
			"OTEL_SERVICE_NAME=one\x00OTEL_SERVICE_NAME=two\x00OTEL_RESOURCE_ATTRIBUTES=a=1\x00OTEL_RESOURCE_ATTRIBUTES=a=2\x00",
			environment{serviceName: "one", resourceAttributes: map[string]string{"a": "1"}},
		},
		"attributes": {
			"OTEL_RESOURCE_ATTRIBUTES=service.name=cart, deployment.environment.name = a%2Cb%3Dc ,broken,=x,url=http://x?a=b,bad=%zz,empty=\x00",
			environment{resourceAttributes: map[string]string{
				"service.name": "cart", "deployment.environment.name": "a,b=c", "url": "http://x?a=b", "bad": "%zz", "empty": "",
			}},
		},
		"a name's suffix":   {"XOTEL_SERVICE_NAME=cart\x00", environment{}},
		"no terminating 0":  {"OTEL_SERVICE_NAME=cart", environment{serviceName: "cart"}},
		"overwritten by 0s": {strings.Repeat("\x00", 4096), environment{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, parseEnvironment(test.content))
		})
	}
}

func TestOutcomesHaveNames(t *testing.T) {
	names := map[string]bool{}
	for o := range Outcome(NumOutcomes) {
		assert.NotContains(t, o.String(), "(")
		names[o.String()] = true
	}
	assert.Len(t, names, NumOutcomes)
	assert.Equal(t, "outcome(8)", Outcome(NumOutcomes).String())
}

// FuzzParse gives the parsers of /proc any text: they must end.
func FuzzParse(f *testing.F) {
	f.Add("42 (a) S 1 1 1 0 -1 64 0 0 0 0 0 0 0 0 20 0 1 0 8123 0 0 0 0 0 5 0 0")
	f.Add("OTEL_SERVICE_NAME=a\x00OTEL_RESOURCE_ATTRIBUTES=a=b,c=%20\x00")
	f.Add("0::/docker/dc579f8a8319c8cf7d38e1adf263bc08d230600179e9d1f4a3d1a3b4c5d6e7f8\n")
	f.Add("0: 0100007F:1F90 00000000:0000 0A 0:0 00:0 0 0 0 4711 1\n8000-8999")
	f.Add(string(dirent(1, "1")) + string(dirent(2, "2")))
	f.Fuzz(func(t *testing.T, content string) {
		_, _ = parseStat(content)
		_ = parseEnvironment(content)
		if id := parseCgroups(content).containerID(); id != "" && !strings.Contains(content, id) {
			t.Errorf("container %q is not in %q", id, content)
		}
		if uid := parseCgroups(content).podUID(); uid != "" && !strings.Contains(strings.ReplaceAll(content, "_", "-"), uid) {
			t.Errorf("pod %q is not in %q", uid, content)
		}
		for line := range strings.Lines(content) {
			_, _, _ = parseListener(line)
			_, _ = parseSocketLink(line)
			if r, err := ParsePortRange(line); err == nil && (r.First == 0 || r.First > r.Last) {
				t.Errorf("%q is the range %v", line, r)
			}
		}
		if n := len(parseDirents([]byte(content), nil)); n > len(content)/19 {
			t.Errorf("%d processes in %d bytes", n, len(content))
		}
	})
}
