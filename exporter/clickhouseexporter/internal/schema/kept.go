// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"regexp"
	"slices"
	"strconv"
	"time"
)

// Kept is what a statement says of how long, and where, a table's rows are kept.
type Kept struct {
	// TTL is the clause behind the word, empty if rows stay.
	TTL string
	// Policy is the storage policy as a literal, empty for the server's default.
	Policy string
}

var (
	ttlClause  = regexp.MustCompile(`(?s)\sTTL (.+?)\s*(?:\sSETTINGS\s|\n|$)`)
	policyRule = regexp.MustCompile(`\sstorage_policy = ('(?:[^'\\]|\\.)*')`)
	ageRule    = regexp.MustCompile(`toInterval(\w+)\((\d+)\)( TO (?:VOLUME|DISK) '(?:[^'\\]|\\.)*')?`)
)

// KeptBy reads a statement of this package's that creates a table, or the
// engine_full that the server has of one (ClickHouse 26.7, system.tables): the
// engine and its clauses in one line, ages as toInterval.
func KeptBy(statement string) Kept {
	var kept Kept
	if found := ttlClause.FindStringSubmatch(statement); found != nil {
		kept.TTL = found[1]
	}
	if found := policyRule.FindStringSubmatch(statement); found != nil {
		kept.Policy = found[1]
	}
	return kept
}

// Differs reports whether a table keeps its rows otherwise than it is wanted: other
// ages or places, however they are written, or another policy than the one that is
// named.
func (k Kept) Differs(wanted Kept) bool {
	return !slices.Equal(rules(k.TTL), rules(wanted.TTL)) || wanted.Policy != "" && k.Policy != wanted.Policy
}

// rules are the ages of a clause with what happens then, in order.
func rules(ttl string) []string {
	units := map[string]time.Duration{
		"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour, "Day": 24 * time.Hour, "Week": 7 * 24 * time.Hour,
	}
	var list []string
	for _, rule := range ageRule.FindAllStringSubmatch(ttl, -1) {
		age := rule[2] + rule[1]
		if n, err := strconv.Atoi(rule[2]); err == nil && units[rule[1]] > 0 {
			age = (time.Duration(n) * units[rule[1]]).String()
		}
		list = append(list, age+rule[3])
	}
	return list
}

// SetKept is the statement that has a table's rows kept as it is wanted.
func (s Schema) SetKept(table string, wanted Kept) string {
	alter := "ALTER TABLE " + Identifier(s.Database, table)
	if s.Cluster != "" {
		alter += " " + clusterClause(s.Cluster)
	}
	if wanted.Policy != "" {
		alter += " MODIFY SETTING storage_policy = " + wanted.Policy + ","
	}
	if wanted.TTL == "" {
		return alter + " REMOVE TTL"
	}
	return alter + " MODIFY TTL " + wanted.TTL
}

// CreatedBy is the statement among those of this package that creates a table, or
// empty where none does.
func (s Schema) CreatedBy(statements []string, table string) string {
	prefix := "CREATE TABLE IF NOT EXISTS " + Identifier(s.Database, table) + " "
	for _, statement := range statements {
		if len(statement) > len(prefix) && statement[:len(prefix)] == prefix {
			return statement
		}
	}
	return ""
}
