// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package selfmetrics reads the agent's metrics about itself, in Prometheus'
// text format.
package selfmetrics

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// Sample is one line of the page.
type Sample struct {
	// Name without Prometheus' suffix _total.
	Name string
	// Labels as they stand between the braces, without those of the scope.
	Labels string
	Value  float64
}

// Fetch reads the page at url.
func Fetch(ctx context.Context, url string) (samples []Sample, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("reading the agent's metrics: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("reading the agent's metrics: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("reading the agent's metrics: %s answered %s", url, response.Status)
	}
	return Parse(response.Body)
}

// Parse reads a page.
func Parse(page io.Reader) ([]Sample, error) {
	var samples []Sample
	lines := bufio.NewScanner(page)
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		sample, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("reading the agent's metrics: line %q: %w", line, err)
		}
		samples = append(samples, sample)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading the agent's metrics: %w", err)
	}
	return samples, nil
}

// parseLine reads NAME{LABELS} VALUE. A label's value may hold braces.
func parseLine(line string) (Sample, error) {
	name, labels := line, ""
	end := strings.LastIndexByte(line, ' ')
	if end < 0 {
		return Sample{}, fmt.Errorf("it has no value")
	}
	value, err := strconv.ParseFloat(line[end+1:], 64)
	if err != nil {
		return Sample{}, err
	}
	name = strings.TrimSpace(line[:end])
	if open := strings.IndexByte(name, '{'); open >= 0 {
		labels = own(strings.TrimSuffix(name[open+1:], "}"))
		name = name[:open]
	}
	return Sample{Name: strings.TrimSuffix(name, "_total"), Labels: labels, Value: value}, nil
}

// own leaves out the labels that tell the instrumentation scope.
func own(labels string) string {
	var kept []string
	for _, label := range split(labels) {
		if !strings.HasPrefix(label, "otel_scope_") {
			kept = append(kept, label)
		}
	}
	return strings.Join(kept, ",")
}

// split cuts at the commas that stand outside of quotes.
func split(labels string) []string {
	var parts []string
	quoted, escaped, begin := false, false, 0
	for i, c := range []byte(labels) {
		switch {
		case escaped:
			escaped = false
		case c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			parts = append(parts, labels[begin:i])
			begin = i + 1
		}
	}
	if begin < len(labels) {
		parts = append(parts, labels[begin:])
	}
	return parts
}

// Sum adds up all samples of a name.
func Sum(samples []Sample, name string) float64 {
	var sum float64
	for _, s := range samples {
		if s.Name == name {
			sum += s.Value
		}
	}
	return sum
}
