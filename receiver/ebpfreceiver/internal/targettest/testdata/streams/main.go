// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Streams is a server of HTTP/2 under observation that Go 1.21 compiles.
package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
)

func main() {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/panic":
			panic(http.ErrAbortHandler)
		case "/missing":
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	fmt.Println(strings.TrimPrefix(server.URL, "https://"))
	select {}
}
