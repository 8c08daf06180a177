// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package native

import (
	"fmt"
	"io"
)

// RowBinaryColumns reads the columns that begin RowBinaryWithNamesAndTypes:
// their number, all names, all types.
func RowBinaryColumns(src Source) ([]Column, error) {
	c := &copier{src: src, dst: io.Discard}
	n, err := c.uvarint()
	if err != nil {
		return nil, err
	}
	if n > maxColumns {
		return nil, fmt.Errorf("a result claims %d columns, more than %d", n, maxColumns)
	}
	columns := make([]Column, n)
	for i := range columns {
		if columns[i].Name, err = c.text(maxNameSize); err != nil {
			return nil, err
		}
	}
	for i := range columns {
		if columns[i].Type, err = c.text(maxNameSize); err != nil {
			return nil, err
		}
	}
	return columns, nil
}
