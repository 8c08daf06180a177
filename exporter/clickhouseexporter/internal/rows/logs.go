// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package rows

import (
	"math"

	"github.com/ClickHouse/ch-go/proto"
	"go.opentelemetry.io/collector/pdata/plog"
)

// EventNameColumn is the column of the logs table that tables created by
// older exporters do not have.
const EventNameColumn = "EventName"

// Logs is the columns of the table of log records, one row a record.
type Logs struct {
	block

	timestamp          nanoseconds
	traceID            text
	spanID             text
	traceFlags         uint8s
	severityText       *lowCardinality
	severityNumber     uint8s
	serviceName        *lowCardinality
	body               text
	resourceSchemaURL  *lowCardinality
	resourceAttributes repeatedAttributeColumn
	scopeSchemaURL     *lowCardinality
	scopeName          repeatedText
	scopeVersion       *lowCardinality
	scopeAttributes    repeatedAttributeColumn
	logAttributes      attributeColumn
	eventName          text

	eventNames int64
}

// NewLogs makes an empty block for a table with Map columns.
func NewLogs() *Logs { return Layout{}.NewLogs() }

// NewLogs makes an empty block.
func (layout Layout) NewLogs() *Logs {
	l := &Logs{
		severityText:      newLowCardinality(),
		serviceName:       newLowCardinality(),
		resourceSchemaURL: newLowCardinality(),
		scopeSchemaURL:    newLowCardinality(),
		scopeVersion:      newLowCardinality(),
	}
	var resourcePaths, scopePaths, logPaths proto.Input
	l.resourceAttributes, resourcePaths = layout.repeatedWithPaths("ResourceAttributes", &l.corrected)
	l.scopeAttributes, scopePaths = layout.repeatedWithPaths("ScopeAttributes", &l.corrected)
	l.logAttributes, logPaths = layout.withPaths("LogAttributes", &l.corrected)
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
	}
	l.addOptional(resourcePaths, scopePaths, logPaths, proto.Input{{Name: EventNameColumn, Data: &l.eventName}})
	return l
}

// EventNames is the number of records that have an event name.
func (l *Logs) EventNames() int64 { return l.eventNames }

// Reset empties the block and keeps its memory.
func (l *Logs) Reset() {
	l.block.Reset()
	l.eventNames = 0
}

// Append adds a row for each log record.
func (l *Logs) Append(logs plog.Logs) {
	for _, resourceLogs := range logs.ResourceLogs().All() {
		resource := resourceLogs.Resource().Attributes()
		l.resourceAttributes.set(resource)
		service := serviceName(resource)
		for _, scopeLogs := range resourceLogs.ScopeLogs().All() {
			n := scopeLogs.LogRecords().Len()
			l.serviceName.repeat(service, n)
			l.resourceSchemaURL.repeat(resourceLogs.SchemaUrl(), n)
			l.resourceAttributes.repeat(n)
			l.appendScope(scopeLogs, n)
			for i := range n {
				l.appendRecord(scopeLogs.LogRecords().At(i))
			}
		}
	}
}

// appendScope adds what n records have of their scope.
func (l *Logs) appendScope(scopeLogs plog.ScopeLogs, n int) {
	scope := scopeLogs.Scope()
	l.scopeSchemaURL.repeat(scopeLogs.SchemaUrl(), n)
	l.scopeName.set(scope.Name())
	l.scopeName.repeat(n)
	l.scopeVersion.repeat(scope.Version(), n)
	l.scopeAttributes.set(scope.Attributes())
	l.scopeAttributes.repeat(n)
}

func (l *Logs) appendRecord(record plog.LogRecord) {
	timestamp := record.Timestamp()
	if timestamp == 0 {
		timestamp = record.ObservedTimestamp()
	}
	l.timestamp.append(timestamp, &l.corrected)
	l.traceID.appendTraceID(record.TraceID())
	l.spanID.appendSpanID(record.SpanID())
	// The W3C trace flags are the low 8 bits; OTLP reserves the others.
	l.traceFlags.append(uint8(record.Flags()))
	l.severityText.append(record.SeverityText())
	l.severityNumber.append(severity(record.SeverityNumber(), &l.corrected))
	appendValue(&l.body, record.Body())
	l.logAttributes.append(record.Attributes())
	l.eventName.append(record.EventName())
	if record.EventName() != "" {
		l.eventNames++
	}
}

// severity is the severity number, or 0 where a UInt8 cannot hold it.
func severity(number plog.SeverityNumber, corrected *Corrections) uint8 {
	if number < 0 || number > math.MaxUint8 {
		corrected[SeverityOutOfRange]++
		return 0
	}
	return uint8(number)
}
