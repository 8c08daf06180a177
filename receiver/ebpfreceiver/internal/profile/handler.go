// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package profile

import (
	"bytes"
	"cmp"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
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
// now, else all that is kept. Requests must name an IP address, localhost or name,
// which is that of the server and may be empty: by any other one a page that
// somebody looks at could read profiles (DNS rebinding).
func Handler(source Source, name string, now func() time.Time) http.Handler {
	h := &handler{source: source, name: name, now: now}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Path, h.serveProfile)
	mux.HandleFunc("GET "+indexPath, h.serveIndex)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !h.isNamed(r.Host) {
			http.Error(w, fmt.Sprintf("Host: %q is neither an IP address nor localhost nor in the endpoint of the server", r.Host), http.StatusForbidden)
			return
		}
		mux.ServeHTTP(w, r)
	})
}

type handler struct {
	source Source
	name   string
	now    func() time.Time
	making sync.Mutex // held while a profile is made, which takes far more memory than it does kept
}

// isNamed reports whether a request's Host is the server.
func (h *handler) isNamed(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if host == "" {
		return false
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || strings.EqualFold(host, "localhost") || strings.EqualFold(host, h.name)
}

func (h *handler) serveIndex(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	subjects := h.source.Subjects()
	slices.SortFunc(subjects, func(a, b Subject) int { return cmp.Compare(a.PID, b.PID) })
	for _, s := range subjects {
		fmt.Fprintf(w, "%s?pid=%d\t%s\t%s\n", Path, s.PID, s.Service, s.Executable)
	}
}

func (h *handler) serveProfile(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	pid, err := strconv.Atoi(query.Get("pid"))
	if err != nil {
		http.Error(w, fmt.Sprintf("pid: %q is no process's ID: GET /debug/pprof/ lists those of which there are profiles", query.Get("pid")), http.StatusBadRequest)
		return
	}
	from, to, err := interval(query, h.now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	made, found := h.pprof(pid, from, to)
	if !found {
		http.Error(w, fmt.Sprintf("no samples of process %d from %s to %s", pid, from.Format(time.RFC3339), to.Format(time.RFC3339)), http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="profile"`)
	_, _ = w.Write(made) // the client has gone: there is nobody to tell
}

// pprof is the profile that a request asks for, compressed: a client that is slow
// to take it keeps nobody waiting. Found is false where there are no samples.
func (h *handler) pprof(pid int, from, to time.Time) (made []byte, found bool) {
	h.making.Lock()
	defer h.making.Unlock()
	profiles, subjects := h.source.Between(pid, from, to), h.source.Subjects()
	at := slices.IndexFunc(subjects, func(s Subject) bool { return s.PID == pid })
	if len(profiles) == 0 || at < 0 {
		return nil, false
	}
	var text bytes.Buffer
	_ = Pprof(subjects[at].Executable, profiles).Write(&text) // a buffer takes everything
	return text.Bytes(), true
}

// interval is what a request asks for.
func interval(query url.Values, now time.Time) (from, to time.Time, err error) {
	from, to = time.Time{}, now
	for name, into := range map[string]*time.Time{"from": &from, "to": &to} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		if *into, err = time.Parse(time.RFC3339, text); err != nil {
			return from, to, fmt.Errorf("%s: %q is no time: want RFC 3339, such as %s", name, text, now.UTC().Format(time.RFC3339))
		}
	}
	if text := query.Get("seconds"); text != "" {
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
