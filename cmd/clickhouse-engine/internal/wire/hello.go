// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import "fmt"

// Hello is what a client says when it connects, as far as it changes the
// answers.
type Hello struct {
	Revision uint64
	Database string
}

// Hello reads the client's hello behind its code. The client's name and
// version, the user and the password are read and forgotten.
func (r *Reader) Hello() (Hello, error) {
	var hello Hello
	var text string
	var number uint64
	err := r.all(
		field("client name", r.text, &text),
		field("client major version", r.uvarint, &number),
		field("client minor version", r.uvarint, &number),
		field("client revision", r.uvarint, &hello.Revision),
		field("database", r.text, &hello.Database),
		field("user", r.text, &text),
		field("password", r.text, &text),
	)
	return hello, err
}

// all reads fields in order until one fails.
func (r *Reader) all(fields ...func() error) error {
	for _, read := range fields {
		if err := read(); err != nil {
			return err
		}
	}
	return nil
}

// field reads one value of a packet, and names it when that fails.
func field[T any](name string, read func() (T, error), into *T) func() error {
	return func() (err error) {
		if *into, err = read(); err != nil {
			return fmt.Errorf("reading the %s: %w", name, err)
		}
		return nil
	}
}
