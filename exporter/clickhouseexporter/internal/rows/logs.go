// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/plog"
)

// EventNameColumn is the one column of the logs table that tables created by
// older exporters do not have.
const EventNameColumn = "EventName"

// Logs is the columns of the table of log records, one row a record.
type Logs struct {
	block

	timestamp          nanoseconds
	traceID            proto.ColStr
	spanID             proto.ColStr
	traceFlags         proto.ColUInt8
	severityText       *proto.ColLowCardinality[string]
	severityNumber     proto.ColUInt8
	serviceName        *proto.ColLowCardinality[string]
	body               proto.ColStr
	resourceSchemaURL  *proto.ColLowCardinality[string]
	resourceAttributes *attributes
	scopeSchemaURL     *proto.ColLowCardinality[string]
	scopeName          proto.ColStr
	scopeVersion       *proto.ColLowCardinality[string]
	scopeAttributes    *attributes
	logAttributes      *attributes
	eventName          proto.ColStr

	resource, scope sortedAttributes
}

// NewLogs makes an empty block.
func NewLogs() *Logs {
	l := &Logs{
		severityText:       newLowCardinality(),
		serviceName:        newLowCardinality(),
		resourceSchemaURL:  newLowCardinality(),
		resourceAttributes: newAttributes(),
		scopeSchemaURL:     newLowCardinality(),
		scopeVersion:       newLowCardinality(),
		scopeAttributes:    newAttributes(),
		logAttributes:      newAttributes(),
	}
	l.columns = proto.Input{
		{Name: "Timestamp", Data: &l.timestamp},
		{Name: "TraceId", Data: &l.traceID},
		{Name: "SpanId", Data: &l.spanID},
		{Name: "TraceFlags", Data: &l.traceFlags},
		{Name: "SeverityText", Data: l.severityText},
		{Name: "SeverityNumber", Data: &l.severityNumber},
		{Name: "ServiceName", Data: l.serviceName},
		{Name: "Body", Data: &l.body},
		{Name: "ResourceSchemaUrl", Data: l.resourceSchemaURL},
		{Name: "ResourceAttributes", Data: l.resourceAttributes},
		{Name: "ScopeSchemaUrl", Data: l.scopeSchemaURL},
		{Name: "ScopeName", Data: &l.scopeName},
		{Name: "ScopeVersion", Data: l.scopeVersion},
		{Name: "ScopeAttributes", Data: l.scopeAttributes},
		{Name: "LogAttributes", Data: l.logAttributes},
		{Name: EventNameColumn, Data: &l.eventName},
	}
	return l
}

// InputWithoutEventName is Input for a table that has no EventName column.
func (l *Logs) InputWithoutEventName() proto.Input { return l.columns[:len(l.columns)-1] }

// EventNames is the number of records that have an event name.
func (l *Logs) EventNames() int64 {
	var named int64
	for _, position := range l.eventName.Pos {
		if position.End > position.Start {
			named++
		}
	}
	return named
}

// Reset empties the block and keeps its memory.
func (l *Logs) Reset() {
	l.block.Reset()
	l.resource.forget()
	l.scope.forget()
}

// Append adds a row for each log record.
func (l *Logs) Append(logs plog.Logs) {
	for _, resourceLogs := range logs.ResourceLogs().All() {
		resource := resourceLogs.Resource().Attributes()
		l.resource.fill(resource)
		service := serviceName(resource)
		for _, scopeLogs := range resourceLogs.ScopeLogs().All() {
			scope := scopeLogs.Scope()
			l.scope.fill(scope.Attributes())
			for _, record := range scopeLogs.LogRecords().All() {
				l.serviceName.Append(service)
				l.resourceSchemaURL.Append(resourceLogs.SchemaUrl())
				l.resourceAttributes.appendSorted(l.resource)
				l.scopeSchemaURL.Append(scopeLogs.SchemaUrl())
				l.scopeName.Append(scope.Name())
				l.scopeVersion.Append(scope.Version())
				l.scopeAttributes.appendSorted(l.scope)
				l.appendRecord(record)
			}
		}
	}
}

func (l *Logs) appendRecord(record plog.LogRecord) {
	timestamp := record.Timestamp()
	if timestamp == 0 {
		timestamp = record.ObservedTimestamp()
	}
	l.timestamp.append(timestamp, &l.corrected)
	appendTraceID(&l.traceID, record.TraceID())
	appendSpanID(&l.spanID, record.SpanID())
	// The W3C trace flags are the low 8 bits; OTLP reserves the others.
	l.traceFlags.Append(uint8(record.Flags()))
	l.severityText.Append(record.SeverityText())
	l.severityNumber.Append(severity(record.SeverityNumber(), &l.corrected))
	appendText(&l.body, record.Body())
	l.logAttributes.append(record.Attributes())
	l.eventName.Append(record.EventName())
}

// severity is the severity number, or 0 where a UInt8 cannot hold it.
func severity(number plog.SeverityNumber, corrected *Corrections) uint8 {
	if number < 0 || number > math.MaxUint8 {
		corrected[SeverityOutOfRange]++
		return 0
	}
	return uint8(number)
}
