// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package wire

import "fmt"

// Hello is what a client says of itself when it connects.
type Hello struct {
	Name                   string
	Major, Minor, Revision uint64
	Database               string
	User                   string
}

// Hello reads the client's hello behind its code. The password is read and
// forgotten.
func (r *Reader) Hello() (Hello, error) {
	var hello Hello
	var password string
	err := r.all(
		field("client name", r.text, &hello.Name),
		field("client major version", r.uvarint, &hello.Major),
		field("client minor version", r.uvarint, &hello.Minor),
		field("client revision", r.uvarint, &hello.Revision),
		field("database", r.text, &hello.Database),
		field("user", r.text, &hello.User),
		field("password", r.text, &password),
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
