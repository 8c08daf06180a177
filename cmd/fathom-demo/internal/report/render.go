// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
)

const (
	// least time of a cause that is shown.
	least = 50 * time.Microsecond
	// leastShare of a route's time that is shown, in percent.
	leastShare = 0.5
	indent     = "  "
	branch     = "└ "
)

// Render prints the report.
func Render(w io.Writer, r *Report) error {
	p := &printer{}
	p.line("stored in ClickHouse: %d spans, %d log records, %d metric points", r.Spans, r.Logs, r.Points)
	p.line("")
	p.line("the slowest traces, those of different causes first (times in ms)")
	for _, trace := range r.Traces {
		p.line("")
		p.trace(trace)
	}
	p.line("")
	p.routes(r.Routes)
	p.line("")
	p.runtimes(r.Runtimes)
	_, err := io.WriteString(w, p.text.String())
	return err
}

type printer struct{ text strings.Builder }

// line prints one without blanks at its end.
func (p *printer) line(format string, arguments ...any) {
	p.text.WriteString(strings.TrimRight(fmt.Sprintf(format, arguments...), " ") + "\n")
}

func (p *printer) trace(t Trace) {
	for i, root := range t.Roots {
		title := ""
		if i == 0 {
			title = "trace " + t.ID + "  "
		}
		p.span(title, "", root)
	}
}

// span prints a span in three lines and the spans below it.
func (p *printer) span(title, margin string, s *Span) {
	failed := ""
	if s.Failed {
		failed = "  failed"
	}
	p.line("%s%s%s  %s ms   %s (%s)%s", margin, title, s.Name, whole(s.Duration), s.Service, s.Maker, failed)
	inner := margin + indent
	if strings.HasPrefix(title, branch) {
		inner += indent
	}
	if s.HasLedger {
		p.line("%s%s", inner, parts(s.Ledger))
		p.line("%s%s", inner, strings.Join(slices.Concat([]string{dominant(s)}, collections(s), files(s)), "   "))
	} else {
		p.line("%sno time ledger", inner)
	}
	for _, child := range s.Children {
		p.span(branch, inner, child)
	}
}

// parts lists the causes of at least 0.05 ms, in the order of their declaration.
func parts(l ledger.Ledger) string {
	var shown []string
	for cause, ns := range l {
		if time.Duration(ns) >= least {
			shown = append(shown, fmt.Sprintf("%s %s", ledger.Cause(cause), millis(time.Duration(ns))))
		}
	}
	if len(shown) == 0 {
		return "every cause below 0.05"
	}
	return strings.Join(shown, indent)
}

func dominant(s *Span) string {
	cause, ns := s.Ledger.Dominant()
	return fmt.Sprintf("dominant: %s %s", cause, percent(ns, s.Ledger.Total()))
}

func collections(s *Span) []string {
	var said []string
	if s.GCOverlap > 0 {
		said = append(said, fmt.Sprintf("GC cycle %d overlapped %s ms", s.GCCycle, millis(s.GCOverlap)))
	}
	if s.StopOverlap >= least {
		said = append(said, fmt.Sprintf("world stopped %s ms", millis(s.StopOverlap)))
	}
	return said
}

func files(s *Span) []string {
	var said []string
	for _, file := range s.Files {
		times := ""
		if file.Times > 1 {
			times = fmt.Sprintf(" in %d calls", file.Times)
		}
		said = append(said, fmt.Sprintf("%s %s %s ms%s", file.Operation, file.Path, millis(file.Duration), times))
	}
	return said
}

func (p *printer) routes(routes []Route) {
	rows := [][]string{{"service", "route", "spans", "p50 ms", "p99 ms", "where the time went"}}
	for _, route := range routes {
		rows = append(rows, []string{
			fmt.Sprintf("%s (%s)", route.Service, route.Maker), route.Name, fmt.Sprint(route.Count),
			fine(route.P50), fine(route.P99), shares(route.Ledger) + bare(route),
		})
	}
	p.line("by route")
	p.table(rows, 2, 3, 4)
}

// shares lists the causes by share, the largest first.
func shares(l ledger.Ledger) string {
	total := l.Total()
	if total == 0 {
		return "no time ledger"
	}
	type share struct {
		cause ledger.Cause
		ns    uint64
	}
	var all []share
	for cause, ns := range l {
		if float64(ns)/float64(total)*100 >= leastShare {
			all = append(all, share{ledger.Cause(cause), ns})
		}
	}
	slices.SortStableFunc(all, func(a, b share) int { return cmp.Compare(b.ns, a.ns) })
	var shown []string
	for _, s := range all {
		shown = append(shown, fmt.Sprintf("%s %s", s.cause, percent(s.ns, total)))
	}
	return strings.Join(shown, indent)
}

// bare says how many spans have no ledger, where others have one.
func bare(r Route) string {
	if r.WithoutLedger == 0 || r.WithoutLedger == r.Count {
		return ""
	}
	return fmt.Sprintf("%s(%d without ledger)", indent, r.WithoutLedger)
}

func (p *printer) runtimes(runtimes []Runtime) {
	rows := [][]string{{"service", "heap MiB", "allocated MiB", "goroutines", "schedule p99 ms", "series"}}
	for _, r := range runtimes {
		rows = append(rows, []string{
			r.Service, mebibytes(r.HeapBytes), mebibytes(r.AllocatedBytes),
			fmt.Sprintf("%.0f", r.Goroutines), fine(r.ScheduleP99), fmt.Sprint(r.Series),
		})
	}
	p.line("Go runtimes")
	p.table(rows, 1, 2, 3, 4, 5)
}

// table aligns columns, those in right at their right end.
func (p *printer) table(rows [][]string, right ...int) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		cells := make([]string, len(row))
		for i, cell := range row {
			width := -widths[i]
			if slices.Contains(right, i) {
				width = widths[i]
			}
			cells[i] = fmt.Sprintf("%*s", width, cell)
		}
		p.line("%s%s", indent, strings.Join(cells, indent))
	}
}

func millis(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()*1e3) }

func fine(d time.Duration) string { return fmt.Sprintf("%.3f", d.Seconds()*1e3) }

// whole is in whole milliseconds where these are enough to tell.
func whole(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fine(d)
	case d < 10*time.Millisecond:
		return millis(d)
	default:
		return fmt.Sprintf("%.0f", d.Seconds()*1e3)
	}
}

func percent(part, total uint64) string {
	return fmt.Sprintf("%.0f %%", float64(part)/float64(max(total, 1))*100)
}

func mebibytes(bytes float64) string { return fmt.Sprintf("%.1f", bytes/(1<<20)) }
