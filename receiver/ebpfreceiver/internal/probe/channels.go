// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package probe

// describeChannels is what the BPF programs know of channels in a process.
func describeChannels(d *spansProcess, t Target) {
	o, h := t.Plan.Offsets.Channel, t.Plan.HandOvers
	d.Channels.Waiting, d.Channels.Param = o.Waiting, o.Param
	d.Channels.Channel, d.Channels.Success, d.Channels.Next = o.Channel, o.Success, o.Next
	d.Channels.Capacity, d.Channels.ElementSize, d.Channels.Closed = o.Capacity, o.ElementSize, o.Closed
	d.Channels.Receive, d.Channels.Send, d.Channels.Select = h.Receive, h.Send, h.Select
	d.Channels.Chanrecv.Begin, d.Channels.Chanrecv.End = h.Chanrecv.Begin+t.Bias, h.Chanrecv.End+t.Bias
	d.Channels.Sends.Begin, d.Channels.Sends.End = h.Sends.Begin+t.Bias, h.Sends.End+t.Bias
}
