// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Source has the profiles that are kept, those under way included.
type Source interface {
	// Subjects are the processes of which there are profiles.
	Subjects() []Subject
	// Between are the profiles of one of them that overlap a time, oldest first.
	Between(pid int, from, to time.Time) []*Profile
}

// Subject is a process of which there are profiles.
type Subject struct {
	PID                 int
	Service, Executable string
}

// Path is where a Handler serves profiles; below its parent it lists processes.
const (
	Path      = "/debug/pprof/profile"
	indexPath = "/debug/pprof/{$}"
)

// Handler serves kept profiles in the format of pprof, as net/http/pprof does,
// but of the past: GET Path?pid=…, with from and to (RFC 3339), or seconds up to
// now, else all that is kept.
func Handler(source Source, now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, func(w http.ResponseWriter, r *http.Request) { serveProfile(w, r, source, now()) })
	mux.HandleFunc("GET "+indexPath, func(w http.ResponseWriter, _ *http.Request) { serveIndex(w, source) })
	return mux
}

func serveIndex(w http.ResponseWriter, source Source) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	subjects := source.Subjects()
	slices.SortFunc(subjects, func(a, b Subject) int { return cmp.Compare(a.PID, b.PID) })
	for _, s := range subjects {
		fmt.Fprintf(w, "%s?pid=%d\t%s\t%s\n", Path, s.PID, s.Service, s.Executable)
	}
}

func serveProfile(w http.ResponseWriter, r *http.Request, source Source, now time.Time) {
	pid, err := strconv.Atoi(r.FormValue("pid"))
	if err != nil {
		http.Error(w, fmt.Sprintf("pid: %q is no process's ID: GET /debug/pprof/ lists those of which there are profiles", r.FormValue("pid")), http.StatusBadRequest)
		return
	}
	from, to, err := interval(r, now)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	found := source.Between(pid, from, to)
	at := slices.IndexFunc(source.Subjects(), func(s Subject) bool { return s.PID == pid })
	if len(found) == 0 || at < 0 {
		http.Error(w, fmt.Sprintf("no samples of process %d from %s to %s", pid, from.Format(time.RFC3339), to.Format(time.RFC3339)), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="profile"`)
	_ = Pprof(source.Subjects()[at].Executable, found).Write(w) // the client has gone: there is nobody to tell
}

// interval is what a request asks for.
func interval(r *http.Request, now time.Time) (from, to time.Time, err error) {
	from, to = time.Time{}, now
	for name, into := range map[string]*time.Time{"from": &from, "to": &to} {
		text := r.FormValue(name)
		if text == "" {
			continue
		}
		if *into, err = time.Parse(time.RFC3339, text); err != nil {
			return from, to, fmt.Errorf("%s: %q is no time: want RFC 3339, such as %s", name, text, now.UTC().Format(time.RFC3339))
		}
	}
	if text := r.FormValue("seconds"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if err != nil || !(seconds > 0) || seconds > 1e9 {
			return from, to, fmt.Errorf("seconds: %q is no positive number", text)
		}
		from = to.Add(-time.Duration(seconds * float64(time.Second)))
	}
	if !from.Before(to) {
		return from, to, fmt.Errorf("from: %s is not before to: %s", from.Format(time.RFC3339), to.Format(time.RFC3339))
	}
	return from, to, nil
}
