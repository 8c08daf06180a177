// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package service

// Stock is what inventory answers to GET /stock/{item}.
type Stock struct {
	Item       string `json:"item"`
	Available  int    `json:"available"`
	Suspicious bool   `json:"suspicious"`
}

// Charge is what payment answers to POST /charge.
type Charge struct {
	Receipt uint64 `json:"receipt"`
	Cents   int    `json:"cents"`
}

// Receipt is what checkout answers to POST /checkout. The IDs are those of its
// server span, in hexadecimal.
type Receipt struct {
	Stock   Stock  `json:"stock"`
	Charge  Charge `json:"charge"`
	TraceID string `json:"trace_id"`
	SpanID  string `json:"span_id"`
}
