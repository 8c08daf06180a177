// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package referee

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"
	"time"
)

// Table collects the differences of many spans, part by part.
type Table struct {
	spans    int
	agreeing int
	parts    []string
	rows     map[string]*row
}

// row is one part over all spans.
type row struct {
	// taking counts the spans in which either ledger has time in this part.
	taking int
	within int
	off    []time.Duration
}

// Add notes what Compare found out about one span.
func (t *Table) Add(differences []Difference) {
	if t.rows == nil {
		t.rows = map[string]*row{}
	}
	t.spans++
	if Agrees(differences) {
		t.agreeing++
	}
	for _, d := range differences {
		r := t.rows[d.Part]
		if r == nil {
			r = &row{}
			t.rows[d.Part] = r
			t.parts = append(t.parts, d.Part)
		}
		if d.Reference > 0 || d.Observed > 0 {
			r.taking++
		}
		if d.Within {
			r.within++
		}
		r.off = append(r.off, d.Off)
	}
}

// Spans is the number of spans that were added.
func (t *Table) Spans() int { return t.spans }

// Agreeing is the share of the spans in which every part is within the
// tolerance: 0 to 1, and 0 where there is no span.
func (t *Table) Agreeing() float64 { return share(t.agreeing, t.spans) }

// Within is the share of the spans in which this part is within the tolerance:
// 0 to 1, and 0 for a part that was never compared.
func (t *Table) Within(part string) float64 {
	r := t.rows[part]
	if r == nil {
		return 0
	}
	return share(r.within, len(r.off))
}

// Write prints a line a part: in how many spans it took time, how far it was
// off at most and in 99 of 100 spans, and the share of spans within the
// tolerance; at last the share of spans in which all parts are.
func (t *Table) Write(w io.Writer) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "part\tspans\tmax off\tp99 off\twithin\t")
	for _, part := range t.parts {
		t.writePart(out, part)
	}
	t.writeAll(out)
	if err := out.Flush(); err != nil {
		return fmt.Errorf("printing the table of differences: %w", err)
	}
	return nil
}

func (t *Table) writePart(out io.Writer, part string) {
	r := t.rows[part]
	sorted := slices.Sorted(slices.Values(r.off))
	fmt.Fprintf(out, "%s\t%d\t%s\t%s\t%s\t\n", part, r.taking,
		milliseconds(sorted[len(sorted)-1]), milliseconds(percentile(sorted, 99)), percent(t.Within(part)))
}

func (t *Table) writeAll(out io.Writer) {
	fmt.Fprintf(out, "all parts\t%d\t\t\t%s\t\n", t.spans, percent(t.Agreeing()))
}

// WritePrograms prints the tables of several programs as one, by name, without
// the parts that took no time in any span.
func WritePrograms(w io.Writer, programs map[string]*Table) error {
	out := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(out, "program\tpart\tspans\tmax off\tp99 off\twithin\t")
	for _, name := range slices.Sorted(maps.Keys(programs)) {
		t := programs[name]
		for _, part := range t.parts {
			if t.rows[part].taking > 0 {
				fmt.Fprintf(out, "%s\t", name)
				t.writePart(out, part)
			}
		}
		fmt.Fprintf(out, "%s\t", name)
		t.writeAll(out)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("printing the tables of differences: %w", err)
	}
	return nil
}

// percentile is the smallest value that p of 100 values do not exceed.
func percentile(sorted []time.Duration, p int) time.Duration {
	rank := (len(sorted)*p + 99) / 100
	return sorted[max(rank, 1)-1]
}

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.3f ms", float64(d)/float64(time.Millisecond))
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }
