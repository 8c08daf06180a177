// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"cmp"
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed sql/*.sql migrations/*.sql
var files embed.FS

// templates is every file under sql/ and migrations/, parsed once.
var templates = template.Must(template.New("").Funcs(template.FuncMap{
	"ident":    Identifier,
	"list":     func(items ...string) []string { return items },
	"ttl":      Retention.clause,
	"settings": settingsClause,
	"causes":   causeColumns,
	"literal":  literal,
}).ParseFS(files, "sql/*.sql", "migrations/*.sql"))

// statement is one template and the table that it is rendered for.
type statement struct {
	file  string
	table string
	// source is the table out of whose rows this one is filled.
	source    string
	retention Retention
	textIndex bool
	// shardingKey is an expression, of a Distributed table only.
	shardingKey string
	// window is in place of what the engine asks for, where it is not 0.
	window int
}

// parameters is what the templates see.
type parameters struct {
	Database, Table, Source, Cluster string
	// ClusterName is the cluster, which Cluster is the clause of.
	ClusterName, ShardingKey string
	Engine                   string
	Retention                Retention
	TextIndex, JSON          bool
	// Window is Schema's, or 0 where the engine does not take it.
	Window int
}

// AggregatingEngine is the engine of a table of partial aggregates.
func (p parameters) AggregatingEngine() (string, error) { return AggregatingEngine(p.Engine) }

// Attribute is an expression for the text of an attribute in a column of the
// source table; empty where a row does not have it.
func (p parameters) Attribute(column, key string) string {
	if p.JSON {
		return "ifNull(toString(" + Identifier(column, key) + "), '')"
	}
	return column + "[" + literal(key) + "]"
}

func (s Schema) renderAll(statements ...statement) ([]string, error) {
	window := 0
	if s.deduplicates() {
		window = Window
	}
	rendered := make([]string, 0, len(statements))
	for _, statement := range statements {
		var text strings.Builder
		err := templates.ExecuteTemplate(&text, statement.file, parameters{
			Database: s.Database,
			Table:    statement.table,
			Source:   statement.source,
			Cluster:  clusterClause(s.Cluster),

			ClusterName: s.Cluster,
			ShardingKey: statement.shardingKey,

			Engine:    s.Engine,
			Retention: statement.retention,
			TextIndex: statement.textIndex,
			JSON:      s.JSON,
			Window:    cmp.Or(statement.window, window),
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

// settingsClause is the SETTINGS of a table.
func settingsClause(p parameters) string {
	clause := "SETTINGS index_granularity = 8192, ttl_only_drop_parts = 1"
	if p.Window > 0 {
		clause += fmt.Sprintf(", non_replicated_deduplication_window = %d", p.Window)
	}
	if p.Retention.Policy != "" {
		clause += ", storage_policy = " + literal(p.Retention.Policy)
	}
	return clause
}

// literal quotes a string. Source: ClickHouse's lexer, where a backslash
// escapes inside of single quotes.
func literal(s string) string {
	return "'" + strings.NewReplacer("\\", "\\\\", "'", "\\'").Replace(s) + "'"
}
