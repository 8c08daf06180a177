// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// serveSynced adds a path whose spans each write and sync the file that it names:
// GET /synced?path=/tmp/x&n=10.
func serveSynced(tracer trace.Tracer) {
	http.HandleFunc("/synced", func(w http.ResponseWriter, request *http.Request) {
		n, _ := strconv.Atoi(request.FormValue("n"))
		var truth []Span
		var err error
		done := make(chan struct{})
		go func() { // not in the span of a request
			defer close(done)
			for i := 0; i < n && err == nil; i++ {
				var span Span
				span, err = synced(tracer, request.FormValue("path"), i)
				truth = append(truth, span)
			}
		}()
		<-done
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(truth)
	})
}

func synced(tracer trace.Tracer, path string, i int) (Span, error) {
	_, span := tracer.Start(context.Background(), "synced", trace.WithAttributes(attribute.Int("number", i)))
	err := write(path)
	span.SetAttributes(attribute.StringSlice("written", []string{"x", strconv.Itoa(i)}))
	span.AddEvent("written", trace.WithAttributes(attribute.Int("bytes", 1)))
	span.End()
	return spanOf(span.(sdk.ReadOnlySpan)), err
}

func write(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	defer file.Close()
	if _, err := file.WriteString("x"); err != nil {
		return err
	}
	return file.Sync()
}
