// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"fmt"
	"strconv"

	"go.opentelemetry.io/collector/confmap"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/discover"
)

// PortRange is a port, written as a number or text, or a range such as 8000-8999.
// Empty: none.
type PortRange string

// UnmarshalScalar takes 8080 as well as "8080".
func (r *PortRange) UnmarshalScalar(value confmap.ScalarValue) error {
	switch raw := value.GetRaw().(type) {
	case int:
		*r = PortRange(strconv.Itoa(raw))
	case string:
		*r = PortRange(raw)
	default:
		return fmt.Errorf("%v is neither a port nor a range of ports: want one such as 8080, or 8000-8999", raw)
	}
	return nil
}

func (r PortRange) ports() (discover.PortRange, error) {
	if r == "" {
		return discover.PortRange{}, nil
	}
	return discover.ParsePortRange(string(r))
}
