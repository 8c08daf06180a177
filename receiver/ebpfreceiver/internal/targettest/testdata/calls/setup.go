// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// handleSetup serves what looks up the name of the query, and what shakes hands
// with the server of that name.
func handleSetup(mux *http.ServeMux) error {
	names, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	go answerNames(names)
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", names.LocalAddr().String())
	}}
	mux.HandleFunc("GET /lookup", func(w http.ResponseWriter, r *http.Request) {
		addresses, err := resolver.LookupIP(r.Context(), "ip4", r.URL.Query().Get("name"))
		fmt.Fprintln(w, addresses, err)
	})

	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	server.StartTLS()
	trusted := server.Client().Transport.(*http.Transport).TLSClientConfig
	mux.HandleFunc("GET /handshake", func(w http.ResponseWriter, r *http.Request) {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			fmt.Fprintln(w, err)
			return
		}
		defer conn.Close()
		config := &tls.Config{RootCAs: trusted.RootCAs, ServerName: r.URL.Query().Get("name")}
		fmt.Fprintln(w, tls.Client(conn, config).Handshake())
	})
	return nil
}

// answerNames knows all that begin with slow, after 20 ms, and no others.
func answerNames(conn net.PacketConn) {
	buffer := make([]byte, 512)
	for {
		n, from, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		var message dnsmessage.Message
		if message.Unpack(buffer[:n]) != nil || len(message.Questions) != 1 {
			continue
		}
		question := message.Questions[0]
		message.Response, message.Additionals = true, nil
		message.RCode = dnsmessage.RCodeNameError
		if strings.HasPrefix(question.Name.String(), "slow") {
			time.Sleep(20 * time.Millisecond)
			message.RCode = dnsmessage.RCodeSuccess
			message.Answers = []dnsmessage.Resource{{
				Header: dnsmessage.ResourceHeader{Name: question.Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
				Body:   &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}},
			}}
		}
		if packed, err := message.Pack(); err == nil {
			_, _ = conn.WriteTo(packed, from)
		}
	}
}
