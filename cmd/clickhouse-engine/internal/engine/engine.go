// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/fathom-otel/fathom/cmd/clickhouse-engine/internal/chdb"
)

// Config says which engine to open, and on what.
type Config struct {
	// Library is the path of libchdb.so.
	Library string
	// Path is the directory of the storage; it is made when it is not there.
	Path string
	// MemoryMiB is how much memory the engine may track before it refuses
	// queries.
	MemoryMiB int
}

// Engine is an open storage. It is safe for use by several goroutines.
type Engine struct {
	library   *chdb.Library
	path      string
	lock      *os.File
	arguments []string

	// Identity is what the engine says of itself.
	Identity Identity

	sessions atomic.Uint64 // numbers them
	control  *Session      // runs the engine's own statements
	killer   killer
}

// Identity is the version of an engine and where it believes to be.
type Identity struct {
	Major, Minor, Patch int
	Timezone            string
}

// Open locks the storage path, loads the library and boots the engine.
func Open(config Config) (*Engine, error) {
	path, err := filepath.Abs(config.Path)
	if err != nil {
		return nil, fmt.Errorf("resolving the storage path: %w", err)
	}
	lock, err := lockPath(path)
	if err != nil {
		return nil, err
	}
	library, err := chdb.Open(config.Library)
	if err != nil {
		return nil, errors.Join(err, lock.Close())
	}
	e := &Engine{library: library, path: path, lock: lock, arguments: arguments(config)}
	e.killer = killer{engine: e, targets: map[string]struct{}{}}
	if err := e.boot(); err != nil {
		return nil, errors.Join(fmt.Errorf("starting the engine on %s: %w", path, err), lock.Close())
	}
	return e, nil
}

// arguments keep the engine small: its defaults are those of a server that has
// its machine to itself.
func arguments(config Config) []string {
	memory := config.MemoryMiB << 20
	return []string{
		"--max_server_memory_usage=" + strconv.Itoa(memory),
		"--mark_cache_size=" + strconv.Itoa(memory/16),
		"--uncompressed_cache_size=0",
	}
}

func (e *Engine) boot() error {
	control, err := e.Session("")
	if err != nil {
		return err
	}
	result, err := control.Query("SELECT version(), timezone()", "TabSeparated")
	if err != nil {
		control.Close()
		return err
	}
	version, timezone, _ := strings.Cut(strings.TrimSpace(string(result.Data)), "\t")
	e.control = control
	e.Identity.Timezone = timezone
	if _, err := fmt.Sscanf(version, "%d.%d.%d", &e.Identity.Major, &e.Identity.Minor, &e.Identity.Patch); err != nil {
		control.Close()
		return fmt.Errorf("reading the engine's version %q: %w", version, err)
	}
	return nil
}

// Close ends the engine and unlocks the path. All sessions must be closed.
func (e *Engine) Close() error {
	e.killer.group.Wait()
	e.control.Close()
	return e.lock.Close()
}
