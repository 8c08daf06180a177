// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package sqltext

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// Passwords and values that some database takes without quotes.
func TestWhatNeedsNoQuotes(t *testing.T) {
	for text, want := range map[string]string{
		`CREATE USER bob IDENTIFIED BY hunter2`:               `CREATE USER bob IDENTIFIED…`,
		`CREATE USER join IDENTIFIED BY hunter2`:              `CREATE USER join IDENTIFIED…`,
		`CREATE USER bob PASSWORD hunter2`:                    `CREATE USER bob PASSWORD…`,
		`alter user join password hunter2`:                    `alter user join password…`,
		`SELECT 1; CREATE USER bob PASSWORD hunter2`:          `SELECT ?; CREATE USER bob PASSWORD…`,
		`ATTACH DATABASE 'a' AS b KEY hunter2`:                `ATTACH DATABASE ? AS b KEY…`,
		`EXEC sp_addlogin bob, hunter2`:                       `EXEC sp_addlogin…`,
		"execute  [master].dbo.[sp_addlogin]\thunter2":        `execute [master].dbo.[sp_addlogin]…`,
		`EXEC @rc = sp_addlogin bob, hunter2`:                 `EXEC…`,
		`EXEC "sp_addlogin" hunter2`:                          `EXEC…`,
		`BEGIN TRAN EXEC sp_addlogin bob, hunter2`:            `BEGIN TRAN EXEC sp_addlogin…`,
		`INSERT INTO t EXEC sp_addlogin bob, hunter2`:         `INSERT INTO t EXEC sp_addlogin…`,
		`IF @a = 1 EXEC sp_addlogin bob, hunter2`:             `IF @a = ? EXEC sp_addlogin…`,
		`sp_addlogin bob, hunter2`:                            `sp_addlogin…`,
		"-- c\n[dbo].[sp_addlogin] bob, hunter2":              `[dbo].[sp_addlogin]…`,
		`"sp_addlogin" hunter2`:                               `?…`,
		`PRAGMA key = hunter2`:                                `PRAGMA key = ?`,
		`PRAGMA main.key(hunter2)`:                            `PRAGMA main.key(?)`,
		"EXPLAIN PRAGMA key = `hunter2`":                      `EXPLAIN PRAGMA key = ?`,
		`SELECT 1; PRAGMA key = abc.hunter2; SELECT a FROM b`: `SELECT ?; PRAGMA key = ?.?; SELECT a FROM b`,
		`SET app.token = hunter2`:                             `SET app.token = ?`,
		`SET LOCAL app.token TO bob, hunter2`:                 `SET LOCAL app.token TO ?, ?`,
		`SET a = DEFAULT; SET b to on; SET c = off, d = null`: `SET a = DEFAULT; SET b to on; SET c = off, ? = null`,
		`ALTER ROLE join SET app.token = hunter2`:             `ALTER ROLE join SET app.token = ?`,
		`EXEC sp_who`: `EXEC sp_who`,
		"sp_who \n":   `sp_who`,
		`SELECT password, key FROM identities WHERE password = 1`: `SELECT password, key FROM identities WHERE password = ?`,
		`UPDATE a SET b = c WHERE d = e`:                          `UPDATE a SET b = c WHERE d = e`,
		`(SELECT a FROM b) UNION (SELECT c FROM d)`:               `(SELECT a FROM b) UNION (SELECT c FROM d)`,
		`WITH a AS (SELECT password FROM b) SELECT c FROM a`:      `WITH a AS (SELECT password FROM b) SELECT c FROM a`,
	} {
		got, _ := Append(nil, text, false, Unknown)
		assert.Equal(t, want, string(got), text)
	}
}

// What is known of the dialect keeps more, and the value of a setting out.
func TestWhatNeedsNoQuotesInADialect(t *testing.T) {
	for _, test := range []struct {
		text    string
		dialect Dialect
		want    string
	}{
		{`SET app.token = "hunter2"`, PostgreSQL, `SET app.token = ?`},
		{`SET app.token = hunter2`, PostgreSQL, `SET app.token = ?`},
		{`CREATE USER "bob" PASSWORD hunter2`, PostgreSQL, `CREATE USER "bob" PASSWORD…`}, // CockroachDB
		{`EXECUTE a(b)`, PostgreSQL, `EXECUTE a(b)`},
		{`EXECUTE a USING @b`, MySQL, `EXECUTE a USING @b`},
		{`TABLE a`, PostgreSQL, `TABLE a`},
		{`SYSTEM RELOAD CONFIG`, ClickHouse, `SYSTEM RELOAD CONFIG`},
	} {
		got, _ := Append(nil, test.text, false, test.dialect)
		assert.Equal(t, test.want, string(got), test.text)
	}
}

func TestAProcedureThatWasCut(t *testing.T) {
	for _, text := range []string{`EXEC sp_add`, `EXEC `, `EXEC`, `sp_add`} {
		got, _ := Append(nil, text, true, Unknown)
		assert.NotContains(t, string(got), "sp_", text)
		assert.Regexp(t, "^(EXEC)? ?…$", string(got), text)
	}
}
