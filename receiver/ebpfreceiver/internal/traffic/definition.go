// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package traffic sums up what the TCP connections of a process carried, by
// peer. The number of peers is bounded; what is beyond goes to one series of its
// own.
package traffic

// Attributes of the data points, beside those of package events.
const (
	// Direction is transmit or receive.
	Direction = "network.io.direction"
	// Overflow is true on the one series of the peers that had no place.
	Overflow = "otel.metric.overflow"
)

// Definition describes a metric. All are cumulative since the process was attached.
type Definition struct {
	Name        string
	Unit        string
	Description string
}

func connections() Definition {
	return Definition{
		Name:        "fathom.network.connections",
		Unit:        "{connection}",
		Description: "TCP connections that were opened or accepted, by peer.",
	}
}

func bytes() Definition {
	return Definition{
		Name:        "fathom.network.io",
		Unit:        "By",
		Description: "Payload of TCP connections, each byte once, by peer and direction.",
	}
}

func retransmits() Definition {
	return Definition{
		Name:        "fathom.network.retransmits",
		Unit:        "{segment}",
		Description: "TCP segments that were sent again, by peer.",
	}
}

func roundTrips() Definition {
	return Definition{
		Name:        "fathom.network.rtt",
		Unit:        "s",
		Description: "Smoothed round-trip times of TCP connections, read at each interval in which they carried something and at their end, by peer.",
	}
}

// Definitions returns all metrics of this package, sorted as they are emitted.
func Definitions() []Definition {
	return []Definition{connections(), bytes(), retransmits(), roundTrips()}
}

// bounds of the histogram of round-trip times, in seconds.
func bounds() []float64 {
	return []float64{
		0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
	}
}
