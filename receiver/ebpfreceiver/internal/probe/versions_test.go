// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/allocations"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/goexec"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/plan"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/procmem"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/record"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/targettest"
)

// testedReleases are the last ones of each line of Go, as far as the module
// proxy serves them, and the last one that the table of offsets knows of 1.26.
func testedReleases() []string {
	return []string{"go1.21.13", "go1.22.12", "go1.23.12", "go1.24.13", "go1.25.14", "go1.26.8"}
}

// testedKinds are all ways of building with all releases.
func testedKinds() []targettest.Kind {
	var all []targettest.Kind
	for _, release := range testedReleases() {
		for _, kind := range []targettest.Kind{
			{}, {Stripped: true}, {PIE: true}, {Stripped: true, PIE: true}, {Cgo: true}, {Cgo: true, Stripped: true},
		} {
			kind.Toolchain = release
			if !kind.Cgo || release == testedReleases()[len(testedReleases())-1] {
				all = append(all, kind)
			}
		}
	}
	return all
}

// testedFeature is what is looked for in the records of a process.
type testedFeature struct {
	name    string
	feature plan.Feature
	seen    func(process) bool
}

const slept = 100 * time.Millisecond // by the handler of /sleep

var givenTrace = [16]byte{0: 0xab, 15: 0xcd}

func testedFeatures() []testedFeature {
	return []testedFeature{
		{"Requests of `net/http` servers", plan.Requests, func(p process) bool {
			r := p.request("/sleep")
			return r != nil && r.Status == http.StatusNoContent && r.Method == http.MethodGet
		}},
		{"Exact time ledger", plan.Ledger, func(p process) bool {
			r := p.request("/sleep")
			return r != nil && r.Exact && r.Ledger.Total() == r.End-r.Start && r.Ledger[ledger.Sleep] > uint64(slept*9/10)
		}},
		{"Trace of the caller by `traceparent`", plan.TraceContext, func(p process) bool {
			r := p.request("/sleep")
			return r != nil && r.TraceID == givenTrace
		}},
		{"Requests of `http.Client`", plan.Clients, func(p process) bool {
			r := p.request("/call")
			return r != nil && slices.ContainsFunc(p.clients, func(c *record.Client) bool {
				return c.ParentID == r.SpanID && c.Path == "/nothing" && c.Status == http.StatusOK
			})
		}},
		{"Stops of the world", plan.StopTheWorld, func(p process) bool { return len(p.stops) >= 2 }},
		{"Work that is taken over a channel", plan.HandOver, func(p process) bool {
			r := p.request("/work")
			return r != nil && r.HandOvers == 2
		}},
		{"GC cycle numbers", plan.GCCycles, func(p process) bool {
			return slices.ContainsFunc(p.stops, func(s *record.Stop) bool { return s.GCCycle > 0 })
		}},
		{"Heap profile", plan.Allocations, func(p process) bool { return p.heap }},
	}
}

// process is what was recorded of one.
type process struct {
	requests []*record.Request
	clients  []*record.Client
	stops    []*record.Stop
	heap     bool // its heap profile is what it says itself
}

func (p process) request(path string) *record.Request {
	for _, r := range p.requests {
		if r.Path == path {
			return r
		}
	}
	return nil
}

// observed is a running server with its plan.
type observed struct {
	kind   targettest.Kind
	binary string
	server *targettest.Target
	plan   *plan.Plan
	heap   *allocations.Layout // nil: refused
	bias   uint64
}

// The programs see of every build what its plan has, and nothing of what it
// refuses; the README has the table of it.
func TestReleasesOfGo(t *testing.T) {
	all := make([]observed, len(testedKinds()))
	var builds errgroup.Group
	builds.SetLimit(2)
	for i, kind := range testedKinds() {
		builds.Go(func() (err error) {
			all[i].kind = kind
			all[i].binary, err = targettest.BuildPlain(t, kind)
			return err
		})
	}
	require.NoError(t, builds.Wait())
	programs, err := Load(Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, programs.Close()) })
	for i := range all {
		attachObserved(t, programs, &all[i])
	}
	for i := range all {
		all[i].drive(t)
	}
	recorded := map[int]process{}
	for _, r := range readAll(t, programs) {
		p := recorded[r.Process()]
		switch r := r.(type) {
		case *record.Request:
			p.requests = append(p.requests, r)
		case *record.Client:
			p.clients = append(p.clients, r)
		case *record.Stop:
			p.stops = append(p.stops, r)
		}
		recorded[r.Process()] = p
	}
	table := newVersionTable()
	for i := range all {
		o := &all[i]
		of := recorded[o.server.PID]
		of.heap = o.heap != nil && o.readsHeap(t)
		for _, f := range testedFeatures() {
			refused := slices.ContainsFunc(o.plan.Refused, func(r plan.Refusal) bool { return r.Feature == f.feature })
			seen := f.seen(of)
			assert.NotEqual(t, refused, seen, "%s of %s with %s: refused %v, seen %v", f.name, o.kind, o.kind.Toolchain, refused, seen)
			table.note(f.name, o.kind, seen)
		}
	}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	if !strings.Contains(string(readme), table.String()) {
		t.Errorf("README.md has not this table:\n%s", table)
	}
}

func attachObserved(t *testing.T, programs *Programs, o *observed) {
	t.Helper()
	analysed, err := goexec.Open(o.binary)
	require.NoError(t, err)
	defer analysed.Close()
	o.plan = plan.For(analysed)
	if o.heap, err = allocations.Resolve(analysed); err != nil {
		o.plan.Refused = append(o.plan.Refused, plan.Refusal{Feature: plan.Allocations, Reason: err})
	}
	o.server = targettest.Start(t, o.binary)
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", o.server.PID))
	require.NoError(t, err)
	defer maps.Close()
	o.bias, err = analysed.LoadBias(maps)
	require.NoError(t, err)
	attachment, err := programs.Attach(Target{
		PID: o.server.PID, Executable: opened(t, o.binary), Bias: o.bias, SampleRate: 1000, Events: NoEvents(), Plan: o.plan,
	}, TierScheduler)
	require.NoError(t, err)
	t.Cleanup(func() {
		_, err := attachment.Close()
		require.NoError(t, err)
	})
}

// drive makes the process do what is looked for.
func (o *observed) drive(t *testing.T) {
	t.Helper()
	header := http.Header{"Traceparent": {"00-" + hex.EncodeToString(givenTrace[:]) + "-00f067aa0ba902b7-01"}}
	for _, path := range []string{"/sleep", "/gc", "/call", "/work", "/allocate"} {
		_, status, err := o.server.Get(path, header)
		require.NoError(t, err)
		require.Less(t, status, http.StatusBadRequest)
	}
}

// readsHeap says whether the heap profile that is read is what the program itself
// tells before and after: the collector may publish another meanwhile.
func (o *observed) readsHeap(t *testing.T) bool {
	t.Helper()
	memory, err := procmem.Open(o.server.PID)
	require.NoError(t, err)
	defer memory.Close()
	for range 10 {
		before, _, err := o.server.Get("/heap", nil)
		require.NoError(t, err)
		var lines []string
		_, err = allocations.NewReader().Read(o.heap, memory, o.bias, func(b *allocations.Bucket) {
			lines = append(lines, fmt.Sprintln(b.Size, b.Allocs, b.Frees))
		})
		require.NoError(t, err)
		after, _, err := o.server.Get("/heap", nil)
		require.NoError(t, err)
		if before == after {
			slices.Sort(lines)
			return assert.NotEmpty(t, lines) && assert.Equal(t, before, strings.Join(lines, ""), "%s with %s", o.kind, o.kind.Toolchain)
		}
	}
	t.Errorf("%s with %s: another profile each time", o.kind, o.kind.Toolchain)
	return false
}

// versionTable is the README's, by feature and release.
type versionTable struct {
	cells map[string]map[string][]string // the kinds in which it was not seen
	built map[string]int                 // kinds by release
}

func newVersionTable() *versionTable {
	return &versionTable{cells: map[string]map[string][]string{}, built: map[string]int{}}
}

func (v *versionTable) note(feature string, kind targettest.Kind, seen bool) {
	if v.cells[feature] == nil {
		v.cells[feature] = map[string][]string{}
	}
	if feature == testedFeatures()[0].name {
		v.built[kind.Toolchain]++
	}
	if !seen {
		v.cells[feature][kind.Toolchain] = append(v.cells[feature][kind.Toolchain], kind.String())
	}
}

func (v *versionTable) String() string {
	var text strings.Builder
	text.WriteString("| Built with Go |")
	for _, release := range testedReleases() {
		text.WriteString(" " + strings.TrimPrefix(release, "go") + " |")
	}
	text.WriteString("\n|---|" + strings.Repeat("---|", len(testedReleases())) + "\n")
	for _, f := range testedFeatures() {
		text.WriteString("| " + f.name + " |")
		for _, release := range testedReleases() {
			switch unseen := v.cells[f.name][release]; len(unseen) {
			case 0:
				text.WriteString(" yes |")
			case v.built[release]:
				text.WriteString(" – |")
			default:
				text.WriteString(" not " + strings.Join(unseen, ", ") + " |")
			}
		}
		text.WriteString("\n")
	}
	return text.String()
}
