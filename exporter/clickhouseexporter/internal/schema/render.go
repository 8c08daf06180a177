// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
	"time"
)

//go:embed sql/*.sql
var files embed.FS

// templates is every file under sql/, parsed once.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"ident":  Identifier,
	"list":   func(items ...string) []string { return items },
	"ttl":    ttlClause,
	"causes": causeColumns,
}).ParseFS(files, "sql/*.sql"))

// statement is one template and the table that it is rendered for.
type statement struct {
	file  string
	table string
	// source is the table out of whose rows this one is filled.
	source    string
	textIndex bool
}

// parameters is what the templates see.
type parameters struct {
	Database, Table, Source, Cluster string
	Engine                           string
	TTL                              time.Duration
	TextIndex                        bool
	// Window is Schema's, or 0 where the engine does not take it.
	Window int
}

// AggregatingEngine is the engine of a table of partial aggregates.
func (p parameters) AggregatingEngine() (string, error) { return AggregatingEngine(p.Engine) }

func (s Schema) renderAll(statements ...statement) ([]string, error) {
	window := 0
	if s.deduplicates() {
		window = Window
	}
	rendered := make([]string, 0, len(statements))
	for _, statement := range statements {
		var text strings.Builder
		err := templates.ExecuteTemplate(&text, statement.file, parameters{
			Database:  s.Database,
			Table:     statement.table,
			Source:    statement.source,
			Cluster:   clusterClause(s.Cluster),
			Engine:    s.Engine,
			TTL:       s.TTL,
			TextIndex: statement.textIndex,
			Window:    window,
		})
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", statement.file, err)
		}
		rendered = append(rendered, strings.TrimSpace(text.String()))
	}
	return rendered, nil
}

// Identifier quotes the parts of a name, such as database and table, and joins
// them with dots. Source: ClickHouse's lexer, where a backslash escapes inside
// of backticks.
func Identifier(parts ...string) string {
	quoted := make([]string, len(parts))
	for i, part := range parts {
		quoted[i] = "`" + strings.NewReplacer("\\", "\\\\", "`", "\\`").Replace(part) + "`"
	}
	return strings.Join(quoted, ".")
}

func clusterClause(cluster string) string {
	if cluster == "" {
		return ""
	}
	return "ON CLUSTER " + Identifier(cluster)
}

// ttlClause is the TTL clause in the largest unit that divides the age: so
// that SHOW CREATE TABLE reads like the configuration.
func ttlClause(ttl time.Duration, column string) string {
	const day = 24 * time.Hour
	switch {
	case ttl <= 0:
		return ""
	case ttl%day == 0:
		return fmt.Sprintf("TTL %s + toIntervalDay(%d)", column, ttl/day)
	case ttl%time.Hour == 0:
		return fmt.Sprintf("TTL %s + toIntervalHour(%d)", column, ttl/time.Hour)
	case ttl%time.Minute == 0:
		return fmt.Sprintf("TTL %s + toIntervalMinute(%d)", column, ttl/time.Minute)
	default:
		return fmt.Sprintf("TTL %s + toIntervalSecond(%d)", column, ttl/time.Second)
	}
}
