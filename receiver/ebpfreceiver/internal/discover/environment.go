// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package discover

import (
	"net/url"
	"strings"
)

// environment is what a process's environment says of its telemetry.
type environment struct {
	serviceName        string
	resourceAttributes map[string]string
}

// parseEnvironment reads the content of /proc/<pid>/environ: NUL-terminated
// name=value. As for getenv(3), the first of two variables of one name counts.
func parseEnvironment(content string) environment {
	var env environment
	named := false
	for variable := range strings.SplitSeq(content, "\x00") {
		if value, ok := strings.CutPrefix(variable, "OTEL_SERVICE_NAME="); ok && !named {
			env.serviceName, named = value, true
		}
		if value, ok := strings.CutPrefix(variable, "OTEL_RESOURCE_ATTRIBUTES="); ok && env.resourceAttributes == nil {
			env.resourceAttributes = parseResourceAttributes(value)
		}
	}
	return env
}

// parseResourceAttributes reads key=value pairs parted by commas, the values
// percent-encoded, as the OpenTelemetry SDK for Go does: a pair without = is
// left out, a value that does not decode is taken as it stands.
func parseResourceAttributes(text string) map[string]string {
	attributes := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		key, value, ok := strings.Cut(pair, "=")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if !ok || key == "" {
			continue
		}
		if decoded, err := url.PathUnescape(value); err == nil {
			value = decoded
		}
		attributes[key] = value
	}
	return attributes
}
