// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package deadletter

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"

	"github.com/DeRuina/timberjack"
)

// Outcome is what became of refused rows.
type Outcome struct {
	// Written is rows that were written.
	Written int
	// LeftOut is rows that the bound on the log left out.
	LeftOut int
	// Failed is rows that could not be written, for Err.
	Failed int
	Err    error
}

const (
	// maxLine is the length of a line, unless one row makes it longer: the receiver
	// otlp_json_file reads lines of up to 1 MiB, unless max_log_size says otherwise.
	maxLine = 1 << 20
	// rowsALine is the most rows that a line begins with.
	rowsALine = 256
)

// File is a file of OTLP JSON, one request a line. It is rotated when it is full.
// It is safe for concurrent use.
type File struct {
	mu   sync.Mutex
	file *timberjack.Logger
	// torn is set after a write that failed: a part of a line may be there.
	torn bool
}

// NewFile makes the directory, and a file in it for an exporter of that ID and
// signal. The file is opened with the first row.
func NewFile(directory, id, signal string, maxMegabytes, maxBackups int) (*File, error) {
	if err := os.MkdirAll(directory, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory for dead letters: %w", err)
	}
	return &File{file: &timberjack.Logger{
		Filename:    filepath.Join(directory, url.PathEscape(id)+"-"+signal+".jsonl"),
		MaxSize:     maxMegabytes,
		MaxBackups:  maxBackups,
		FileMode:    0o600,
		Compression: "none",
	}}, nil
}

// Write writes the rows from up to to. Table and reason are not in the file, which
// holds what came and nothing else.
func (f *File) Write(_, _ string, rows Excerpt, from, to int) Outcome {
	f.mu.Lock()
	defer f.mu.Unlock()
	var all Outcome
	for ; from < to; from += rowsALine {
		one := f.write(rows, from, min(from+rowsALine, to))
		all.Written += one.Written
		all.Failed += one.Failed
		all.Err = errors.Join(all.Err, one.Err)
	}
	return all
}

// write writes a line, or halves of one that is too long.
func (f *File) write(rows Excerpt, from, to int) Outcome {
	line, err := rows(from, to)
	if err == nil && len(line) >= maxLine && to-from > 1 {
		middle := from + (to-from)/2
		first, second := f.write(rows, from, middle), f.write(rows, middle, to)
		return Outcome{
			Written: first.Written + second.Written, Failed: first.Failed + second.Failed,
			Err: errors.Join(first.Err, second.Err),
		}
	}
	if err == nil {
		if f.torn {
			line = append([]byte{'\n'}, line...)
		}
		_, err = f.file.Write(append(line, '\n'))
		f.torn = err != nil
	}
	if err != nil {
		return Outcome{Failed: to - from, Err: fmt.Errorf("write %d refused rows to %s: %w", to-from, f.file.Filename, err)}
	}
	return Outcome{Written: to - from}
}

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }
