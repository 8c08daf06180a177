// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package statement

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestParseInsert(t *testing.T) {
	for sql, want := range map[string]Insert{
		"INSERT INTO t":                        {Body: "INSERT INTO t", Target: "t"},
		"insert into t values":                 {Body: "insert into t", Target: "t"},
		"INSERT INTO t VALUES;":                {Body: "INSERT INTO t", Target: "t"},
		"INSERT INTO TABLE db.t (a, b) VALUES": {Body: "INSERT INTO TABLE db.t (a, b)", Target: "db.t", Columns: []string{"a", "b"}},
		`INSERT INTO "db"."t" ("a b",` + " `c`) FORMAT Native": {
			Body: `INSERT INTO "db"."t" ("a b",` + " `c`)", Target: `"db"."t"`, Columns: []string{"a b", "c"},
		},
		"INSERT INTO t (Events.Name, `Links.Id`) VALUES": {
			Body: "INSERT INTO t (Events.Name, `Links.Id`)", Target: "t", Columns: []string{"Events.Name", "Links.Id"},
		},
		"-- a comment (\nINSERT /* another ' */ INTO t(a)\n#! third\nVALUES": {
			Body: "-- a comment (\nINSERT /* another ' */ INTO t(a)", Target: "t", Columns: []string{"a"},
		},
		"INSERT INTO t (a) SETTINGS async_insert = 1, x = 'FORMAT' VALUES": {
			Body: "INSERT INTO t (a) SETTINGS async_insert = 1, x = 'FORMAT'", Target: "t", Columns: []string{"a"},
		},
		"INSERT INTO t SETTINGS async_insert=1": {Body: "INSERT INTO t SETTINGS async_insert=1", Target: "t"},
		"INSERT INTO FUNCTION null('a UInt8') VALUES": {
			Body: "INSERT INTO FUNCTION null('a UInt8')", Target: "FUNCTION null('a UInt8')",
		},
		"INSERT INTO `a``b\\`c` (`d``e`)": {Body: "INSERT INTO `a``b\\`c` (`d``e`)", Target: "`a``b\\`c`", Columns: []string{"d`e"}},
	} {
		got, ok := ParseInsert(sql)
		assert.True(t, ok, sql)
		assert.Equal(t, want, got, sql)
	}
}

func TestOthersDoNotWaitForBlocks(t *testing.T) {
	for _, sql := range []string{
		"", ";", "SELECT 1", "INSERT", "INSERT INTO", "INSERT INTO FUNCTION null('a UInt8'",
		"INSERT INTO t VALUES (1, 2)",
		"INSERT INTO t (a) VALUES (1), (2);",
		"INSERT INTO t SELECT 1",
		"INSERT INTO t (a) SELECT 1 FORMAT Native",
		"INSERT INTO t (SELECT 1)",
		"INSERT INTO t ((SELECT 1))",
		"INSERT INTO t WITH x AS (SELECT 1) SELECT * FROM x",
		"INSERT INTO t (a) SETTINGS x = 1 SELECT 1",
		"INSERT INTO t FROM INFILE 'x' FORMAT CSV",
		`INSERT INTO t FORMAT JSONEachRow {"a": 1}`,
		"INSERT INTO t FORMAT",
		"EXPLAIN INSERT INTO t VALUES",
		"'INSERT INTO t'", "INSERT INTO t (a",
	} {
		_, ok := ParseInsert(sql)
		assert.False(t, ok, sql)
	}
}

func TestWithoutFormat(t *testing.T) {
	for sql, want := range map[string]string{
		"SELECT 1":                            "SELECT 1",
		"SELECT 1;;":                          "SELECT 1",
		"SELECT 1 FORMAT JSON":                "SELECT 1",
		"SELECT 1 format JSON; -- end":        "SELECT 1",
		"SELECT 1 FORMAT JSON SETTINGS a = 1": "SELECT 1 SETTINGS a = 1",
		"SELECT format FROM t":                "SELECT format FROM t",
		"SELECT * FROM (SELECT 1 FORMAT CSV)": "SELECT * FROM (SELECT 1 FORMAT CSV)",
		"SELECT 'FORMAT CSV'":                 "SELECT 'FORMAT CSV'",
		"SELECT $x$ FORMAT CSV $x$":           "SELECT $x$ FORMAT CSV $x$",
		"SELECT 1 AS format, 2 AS x":          "SELECT 1 AS format, 2 AS x",
		"SELECT format('{}', x) FROM t":       "SELECT format('{}', x) FROM t",
		"SELECT 1 -- FORMAT CSV":              "SELECT 1",
		"":                                    "",
	} {
		assert.Equal(t, want, WithoutFormat(sql), sql)
	}
}

func TestIsSelect(t *testing.T) {
	for sql, want := range map[string]bool{
		"SELECT 1": true, "-- x\n((select 1))": true, "WITH 1 AS x SELECT x": true,
		"": false, "SHOW TABLES": false, "'SELECT'": false, "INSERT INTO t SELECT 1": false, "EXPLAIN SELECT 1": false,
	} {
		assert.Equal(t, want, IsSelect(sql), sql)
	}
}

func TestQuotes(t *testing.T) {
	assert.Equal(t, "`a\\`b\\\\`", Identifier("a`b\\"))
	assert.Equal(t, `'a\'b\\'`, Text(`a'b\`))
}

func FuzzStatement(f *testing.F) {
	f.Add("INSERT INTO `a``b` (c, \"d\") SETTINGS x = 'y' VALUES")
	f.Add("SELECT $a$ x $a$ /* y */ FORMAT JSON SETTINGS a=1;")
	f.Fuzz(func(t *testing.T, sql string) {
		end := 0
		for _, token := range tokens(sql) {
			if token.start < end || token.end <= token.start || token.text != sql[token.start:token.end] {
				t.Fatalf("%q has token %+v behind %d", sql, token, end)
			}
			end = token.end
		}
		if insert, ok := ParseInsert(sql); ok && insert.Target == "" {
			t.Fatalf("%q inserts into nothing", sql)
		}
		WithoutFormat(sql)
	})
}
