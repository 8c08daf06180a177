// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sqltext

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLiteralsAreTakenOut(t *testing.T) {
	for name, test := range map[string]struct {
		text    string
		dialect Dialect
		want    string
	}{
		"strings":                 {`SELECT 'a', 'it''s', '' FROM t`, Unknown, `SELECT ?, ?, ? FROM t`},
		"numbers":                 {`VALUES (1, -2.5, .5, 1e-9, 1.E+3, 0xFF, 0b01, 1_000, 5kg)`, Unknown, `VALUES (?, -?, ?, ?, ?, ?, ?, ?, ?)`},
		"hexadecimal less one":    {`SELECT 0xE-1`, Unknown, `SELECT ?-?`},
		"an exponent cut short":   {"SELECT 2e-- it's\n, 3E+a, 'b'", Unknown, `SELECT ? , ?+a, ?`},
		"no exponent in MySQL":    {"SELECT * FROM 2e-- bob's shard\nWHERE token='hunter2'", MySQL, `SELECT * FROM ? WHERE token=?`},
		"names with digits":       {`SELECT c1, t2.c_3 FROM t2`, Unknown, `SELECT c1, t2.c_3 FROM t2`},
		"kinds of strings":        {`SELECT N'a', x'FF', b'01', E'b', R'c'`, Unknown, `SELECT ?, ?, ?, ?, ?`},
		"with a type":             {`SELECT DATE '2020-01-01', date'2020-01-01', _utf8'x', U&'d'`, Unknown, `SELECT DATE ?, date?, _utf8?, U&?`},
		"truth":                   {`SELECT TRUE, false, NULL`, Unknown, `SELECT ?, ?, NULL`},
		"money":                   {`SELECT $1.50, £5, $7`, Unknown, `SELECT ?, ?, ?`},
		"parameters":              {`DELETE t WHERE a = ? AND b = ?2 AND c = :name AND d = @p1 AND e = $name AND f = %s`, Unknown, `DELETE t WHERE a = ? AND b = ? AND c = :name AND d = @p1 AND e = $name AND f = %s`},
		"parameters by number":    {`WHERE a = $1 AND b = $23::text`, PostgreSQL, `WHERE a = $1 AND b = $23::text`},
		"dollar quotes":           {`SELECT $$it's$$, $a$b $$ c$a$`, PostgreSQL, `SELECT ?, ?`},
		"dollar quotes anywhere":  {`SELECT $$secret$$ , 5`, Unknown, `SELECT ? , ?`},
		"double quotes":           {`SELECT "a" FROM "b"."c""d"`, Unknown, `SELECT ? FROM ?.?`},
		"names in double quotes":  {`SELECT "a" FROM "b"."c""d"`, PostgreSQL, `SELECT "a" FROM "b"."c""d"`},
		"back quotes":             {"SELECT `a-b`, `c`.`d` FROM `e.f`", MySQL, "SELECT `a-b`, `c`.`d` FROM `e.f`"},
		"brackets":                {`SELECT [a b], c[1]`, Unknown, `SELECT [a b], c[?]`},
		"arrays":                  {`SELECT ARRAY['a', 'b']`, PostgreSQL, `SELECT ARRAY[?, ?]`},
		"comments":                {"SELECT /* 'a' */ 1 -- it's\n FROM t --", Unknown, "SELECT ? FROM t"},
		"an optimizer's hint":     {`SELECT /*+ INDEX(t 5) */ a`, Oracle, `SELECT a`},
		"comments of MySQL":       {"SELECT 1 # it's\n+ 2", MySQL, "SELECT ? + ?"},
		"comments of ClickHouse":  {"SELECT 1 # it's\n+ 2 #! it's\n+ 3", ClickHouse, "SELECT ? + ? + ?"},
		"operators of PostgreSQL": {`SELECT a #>> '{b}', c->'d'`, PostgreSQL, `SELECT a #>> ?, c->?`},
		"tables of SQL Server":    {`SELECT a FROM #t WHERE b = 5`, Unknown, `SELECT a FROM #t WHERE b = ?`},
		"white space":             {"\n SELECT\t1\r\n\tFROM  t \n", Unknown, `SELECT ? FROM t`},
		"a backslash":             {`SELECT 'C:\\', 'a\n'`, Unknown, `SELECT ?, ?`},
		"nothing":                 {``, Unknown, ``},
	} {
		t.Run(name, func(t *testing.T) {
			got, _ := Append(nil, test.text, false, test.dialect)
			assert.Equal(t, test.want, string(got))
		})
	}
}

// Each of these holds "secret" where some dialect takes it for a part of a literal,
// or of what is no part of the statement.
func TestWhatIsInDoubtIsNotKept(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a quote escaped":                 {`SELECT 'it\'s', secret'`, `SELECT ?…`},
		"a quote escaped, in E":           {`SELECT E'it\'s', secret'`, `SELECT ?…`},
		"three quotes":                    {`SELECT '''it' secret '''`, `SELECT ?…`},
		"three double quotes":             {`SELECT """it" secret """`, `SELECT ?…`},
		"a string without an end":         {`SELECT 'secret`, `SELECT ?…`},
		"a name without an end":           {"SELECT `secret", "SELECT ?…"},
		"back quotes that are none":       {"SELECT a ` b, 'secret ` c', secret'", "SELECT a ?…"},
		"back quotes around a number":     {"SELECT a `5` secret", "SELECT a ?…"},
		"a quote in brackets":             {`SELECT [it's], 'secret'`, `SELECT [it?…`},
		"a bracket in brackets":           {`SELECT [a]]b's], 'secret'`, `SELECT [a?…`},
		"a comment in brackets":           {"SELECT [a -- b] = 'x\nsecret'", "SELECT [a ?…"},
		"Oracle's quotes":                 {`SELECT q'[it's]', secret'`, `SELECT ?…`},
		"a dollar quote without an end":   {`SELECT $a$ secret`, `SELECT ?…`},
		"a dollar quote with a quote":     {`SELECT $a$ ' $a$ secret '`, `SELECT ?…`},
		"a comment without a space":       {"SELECT 5--'a\nsecret'", "SELECT ??…"},
		"a hash that may be a comment":    {"SELECT a # 'b\n, secret'", "SELECT a ?…"},
		"a comment that another one ends": {"SELECT 1 -- a\rb 'c\nsecret'", "SELECT ? ?…"},
		"comments in comments":            {`SELECT 1 /* a /* b */ secret */`, `SELECT ?…`},
		"a comment that is executed":      {`SELECT 1 /*! + '*/ secret' */`, `SELECT ?…`},
		"a comment without an end":        {`SELECT 1 /* secret`, `SELECT ?…`},
		"data of ClickHouse":              {"INSERT INTO t FORMAT CSV\n1,secret", "INSERT INTO t FORMAT…"},
		"a hash, and a space":             {"SELECT a # secret", "SELECT a ?…"},
		"no exponent, then a comment":     {"SELECT 5e--it's\n, 'secret'", "SELECT ??…"},
		"data of another statement":       {"SELECT 1; INSERT INTO t FORMAT CSV\n1,secret", "SELECT ?; INSERT INTO t FORMAT…"},
	} {
		t.Run(name, func(t *testing.T) {
			got, statement := Append(nil, test.text, false, Unknown)
			assert.Equal(t, test.want, string(got))
			assert.NotContains(t, string(got), "secret")
			assert.Empty(t, statement.Collection)
		})
	}
}

// A text that was cut anywhere tells no more than the whole, and nothing of the
// literal that was cut.
func TestTextsThatWereCut(t *testing.T) {
	for text, dialect := range map[string]Dialect{
		`SELECT a FROM t WHERE b = 'secret''secret' AND c = N'secret' AND d IN (5, 0xFF, TRUE) /* secret */ -- secret`: Unknown,
		`SELECT "a" FROM "t" WHERE b = $$secret$$ AND c = $tag$secret$tag$ AND d = $12`:                                PostgreSQL,
		"SELECT `a` FROM `t` WHERE b = \"secret\" # secret":                                                            MySQL,
	} {
		whole, _ := Append(nil, text, false, dialect)
		for n := range text {
			got, statement := Append(nil, text[:n], true, dialect)
			require.True(t, strings.HasSuffix(string(got), Cut), "%s", got)
			require.NotRegexp(t, "sec|[3-9]|F$", string(got), text[:n])
			require.Empty(t, statement.Collection)
			kept := strings.TrimRight(strings.TrimSuffix(string(got), Cut), "?/-$ ") // the beginning of what was cut
			require.True(t, strings.HasPrefix(string(whole), kept), "%q of %q", kept, text[:n])
		}
	}
}

func TestStatements(t *testing.T) {
	for text, want := range map[string]Statement{
		"select a, b from items where c = 1":                               {"SELECT", "items"},
		"SELECT * FROM shop.items AS i ORDER BY a, b":                      {"SELECT", "shop.items"},
		"SELECT * FROM `items`":                                            {"SELECT", "items"},
		"SELECT * FROM `a`.`b`":                                            {"SELECT", "`a`.`b`"},
		"SELECT * FROM items;":                                             {"SELECT", "items"},
		"SELECT * FROM items FOR UPDATE":                                   {"SELECT", "items"},
		"INSERT INTO items (a, b) VALUES (1, 2), (3, 4)":                   {"INSERT", "items"},
		"INSERT INTO items (a) VALUES (1) ON CONFLICT DO UPDATE SET a = 1": {"INSERT", "items"},
		"REPLACE INTO items VALUES (1)":                                    {"REPLACE", "items"},
		"UPDATE items SET a = 1, b = 2 WHERE c IN (1, 2)":                  {"UPDATE", "items"},
		"DELETE FROM items WHERE a = :from":                                {"DELETE", "items"},
		"/* c */ SELECT 1":                                                 {"SELECT", ""},
		"SELECT * FROM a, b":                                               {"SELECT", ""},
		"SELECT * FROM a JOIN b USING (c)":                                 {"SELECT", ""},
		"SELECT * FROM a STRAIGHT_JOIN b":                                  {"SELECT", ""},
		"SELECT * FROM (SELECT 1) x":                                       {"SELECT", ""},
		"SELECT * FROM a WHERE b IN (SELECT c FROM d)":                     {"SELECT", ""},
		"SELECT * FROM generate(1)":                                        {"SELECT", ""},
		"SELECT EXTRACT(YEAR FROM a) FROM b":                               {"SELECT", ""},
		"SELECT * FROM #temporary":                                         {"SELECT", ""},
		"SELECT * FROM a/* 'secret' */.b":                                  {"SELECT", ""},
		"SELECT * FROM a. /* 'secret' */ b":                                {"SELECT", ""},
		"SELECT :from a":                                                   {"SELECT", ""},
		"SELECT * FROM $1":                                                 {"SELECT", ""},
		"UPDATE ONLY items SET a = 1":                                      {"UPDATE", ""},
		"INSERT INTO a SELECT * FROM b":                                    {"INSERT", ""},
		"WITH x AS (SELECT * FROM a) DELETE FROM b":                        {"DELETE", ""},
		"SELECT 1; DROP TABLE a":                                           {},
		"CREATE TABLE a (b int)":                                           {"CREATE", ""},
		"hunter2":                                                          {},
		"":                                                                 {},
	} {
		_, got := Append(nil, text, false, Unknown)
		assert.Equal(t, want, got, text)
	}
}

func FuzzAppend(f *testing.F) {
	for _, text := range []string{`SELECT 'a', "b", 5`, "SELECT `a` -- b\n$$c$$", `[a]] /* b`, `q'[x]' E'\''`, "1e-", "$"} {
		f.Add(text, false, uint8(0))
		f.Add(text, true, uint8(1))
	}
	f.Fuzz(func(t *testing.T, text string, cut bool, dialect uint8) {
		got, statement := Append(nil, text, cut, Dialect(dialect%5))
		names := Dialect(dialect % 5).quotedNames() // may hold anything
		if len(got) > len(text)+len("?")+len(Cut) {
			t.Fatalf("%q is longer than %q", got, text)
		}
		plain := strings.TrimSuffix(string(got), Cut)
		for i := range len(plain) {
			if plain[i] == '\'' && !names {
				t.Fatalf("%q has a string", got)
			}
			if isDigit(plain[i]) && !names && (i == 0 || strings.IndexByte(" ,()+*/=<>'", plain[i-1]) >= 0) {
				t.Fatalf("%q has a number", got)
			}
		}
		if !strings.Contains(text, statement.Collection) {
			t.Fatalf("%q is not in %q", statement.Collection, text)
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	text := strings.Repeat(`SELECT i.id, i.name, price * 1.19 FROM items AS i WHERE i.name = 'it''s' AND i.stock > 5 AND i.kind IN (1, 2, 3) `, 8)
	dst := make([]byte, 0, len(text)+len(Cut))
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		dst, _ = Append(dst[:0], text, false, Unknown)
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	text := `SELECT "a" FROM t WHERE b = 'c' AND d = 5 -- e`
	dst := make([]byte, 0, 2*len(text))
	require.Zero(t, testing.AllocsPerRun(100, func() { dst, _ = Append(dst[:0], text, true, PostgreSQL) }))
}
