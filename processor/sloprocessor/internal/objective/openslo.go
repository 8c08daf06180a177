// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package objective

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"gopkg.in/yaml.v3"
)

const openSLOVersion = "openslo/v1"

// Document is an object of OpenSLO v1, of any kind.
type document struct {
	file       string
	APIVersion string    `yaml:"apiVersion"`
	Kind       string    `yaml:"kind"`
	Metadata   metadata  `yaml:"metadata"`
	Spec       yaml.Node `yaml:"spec"`
}

type metadata struct {
	Name        string            `yaml:"name"`
	DisplayName string            `yaml:"displayName"`
	Labels      map[string]any    `yaml:"labels"`
	Annotations map[string]string `yaml:"annotations"`
}

func (d document) String() string { return fmt.Sprintf("%s: %s %s", d.file, d.Kind, d.Metadata.Name) }

// spec decodes what the document specifies; a key that into lacks is an error.
func (d document) spec(into any) error { return strict(&d.Spec, into) }

func strict(node *yaml.Node, into any) error {
	text, err := yaml.Marshal(node)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// OpenSLO gathers OpenSLO v1 documents, which may name each other over files.
type OpenSLO struct {
	slos   []document
	others map[[2]string]document // by kind and name
	// Notes say what is in the documents and has no meaning here.
	Notes []string
}

// Read reads the documents of a file.
func (o *OpenSLO) Read(file string, text []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	for {
		d := document{file: file}
		err := decoder.Decode(&d)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: read OpenSLO documents: %w", file, err)
		}
		if err := o.keep(d); err != nil {
			return err
		}
	}
}

func (o *OpenSLO) keep(d document) error {
	switch {
	case d.Kind == "" && d.APIVersion == "":
		return nil // an empty document
	case d.APIVersion != openSLOVersion:
		return fmt.Errorf("%s: apiVersion: %q is not %s", d, d.APIVersion, openSLOVersion)
	case d.Metadata.Name == "":
		return fmt.Errorf("%s: metadata.name is missing", d)
	}
	switch d.Kind {
	case "SLO":
		o.slos = append(o.slos, d)
	case "SLI", "AlertPolicy", "AlertCondition":
		if o.others == nil {
			o.others = map[[2]string]document{}
		}
		key := [2]string{d.Kind, d.Metadata.Name}
		if first, twice := o.others[key]; twice {
			return fmt.Errorf("%s: there is one of that name in %s", d, first.file)
		}
		o.others[key] = d
	case "Service", "DataSource", "AlertNotificationTarget":
		o.note(d, "documents of this kind have no meaning here")
	default:
		return fmt.Errorf("%s: kind: %q is none of %s", d, d.Kind, openSLOVersion)
	}
	return nil
}

func (o *OpenSLO) note(d document, format string, args ...any) {
	o.Notes = append(o.Notes, fmt.Sprintf("%s: "+format, append([]any{d}, args...)...))
}

// Objectives are those of the SLOs that were read, or all that cannot be mapped. They
// are not validated yet.
func (o *OpenSLO) Objectives() ([]Objective, error) {
	var objectives []Objective
	var errs []error
	for _, d := range o.slos {
		mapped, err := o.slo(d)
		objectives = append(objectives, mapped...)
		errs = append(errs, within(d.String(), err))
	}
	return objectives, errors.Join(errs...)
}

// within puts a place before each of the errors in err.
func within(place string, err error) error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var errs []error
		for _, one := range joined.Unwrap() {
			errs = append(errs, within(place, one))
		}
		return errors.Join(errs...)
	}
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", place, err)
}
