// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import (
	"errors"
	"fmt"
)

const (
	maxSettings = 1000

	flagImportant = 1 << 0
	flagCustom    = 1 << 1
)

// Setting is a setting of one query.
type Setting struct {
	Key, Value string
	// Important settings may not be ignored when they are unknown.
	Important bool
	// Custom values are dumps of a field, such as 'text' in quotes.
	Custom bool
}

// Query is a statement with its settings.
type Query struct {
	ID         string
	Body       string
	Compressed bool
	Settings   []Setting
}

// minRevision is the oldest client that is spoken to: settings as strings and
// all fields of the client's information are there.
const minRevision = 54449

// Query reads a query packet behind its code, from a client of the given
// revision.
func (r *Reader) Query(revision uint64) (Query, error) {
	if revision < minRevision {
		return Query{}, fmt.Errorf("the client's revision %d is older than %d", revision, minRevision)
	}
	var query Query
	var secret string
	var stage, compression uint64
	err := r.all(
		field("query id", r.text, &query.ID),
		func() error { return r.skipClientInfo(revision) },
		func() (err error) { query.Settings, err = r.settings(); return err },
		field("secret", r.text, &secret),
		field("stage", r.uvarint, &stage),
		field("compression", r.uvarint, &compression),
		field("query", func() (string, error) { return r.textWithin(maxQuery) }, &query.Body),
	)
	query.Compressed = compression != 0
	return query, err
}

func (r *Reader) settings() ([]Setting, error) {
	var settings []Setting
	for {
		key, err := r.text()
		if err != nil {
			return nil, fmt.Errorf("reading the name of a setting: %w", err)
		}
		if key == "" {
			return settings, nil
		}
		if len(settings) == maxSettings {
			return nil, fmt.Errorf("a query has more than %d settings", maxSettings)
		}
		var flags uint64
		var value string
		if err := r.all(field("flags of "+key, r.uvarint, &flags), field("value of "+key, r.text, &value)); err != nil {
			return nil, err
		}
		settings = append(settings, Setting{
			Key: key, Value: value,
			Important: flags&flagImportant != 0, Custom: flags&flagCustom != 0,
		})
	}
}

// skipClientInfo reads over what the client tells of itself with each query
// (src/Interpreters/ClientInfo.cpp): nothing of it changes the answer.
func (r *Reader) skipClientInfo(revision uint64) error {
	const initialTimeSize = 8
	kind, err := r.byte()
	if err != nil || kind == 0 {
		return err
	}
	if err := r.skipTexts(3); err != nil { // initial user, query id, address
		return err
	}
	if err := r.skip(initialTimeSize); err != nil {
		return err
	}
	transport, err := r.byte()
	if err != nil {
		return err
	}
	if transport != 1 {
		return errors.New("the client's interface is not TCP")
	}
	if err := r.skipTexts(3); err != nil { // OS user, host, client name
		return err
	}
	if err := r.skipUvarints(3); err != nil { // major, minor, revision
		return err
	}
	if err := r.skipTexts(1); err != nil { // quota key
		return err
	}
	if err := r.skipUvarints(2); err != nil { // distributed depth, patch
		return err
	}
	if err := r.skipTrace(); err != nil {
		return err
	}
	if revision >= 54453 { // parallel replicas
		return r.skipUvarints(3)
	}
	return nil
}

// skipTrace reads over the client's OpenTelemetry context.
func (r *Reader) skipTrace() error {
	const traceAndSpanSize = 16 + 8
	present, err := r.byte()
	if err != nil || present == 0 {
		return err
	}
	if err := r.skip(traceAndSpanSize); err != nil {
		return err
	}
	if err := r.skipTexts(1); err != nil {
		return err
	}
	return r.skip(1)
}

func (r *Reader) skipTexts(n int) error {
	for range n {
		if _, err := r.text(); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) skipUvarints(n int) error {
	for range n {
		if _, err := r.uvarint(); err != nil {
			return err
		}
	}
	return nil
}
