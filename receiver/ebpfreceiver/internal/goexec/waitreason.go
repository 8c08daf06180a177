// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package goexec

import (
	"encoding/binary"
	"fmt"
)

const (
	waitReasonSymbol = "runtime.waitReasonStrings"
	stringHeader     = 16 // pointer, length
	maxWaitReasons   = 256
	maxWaitReason    = 128
)

// WaitReasons maps the values of runtime.g.waitreason to their texts, such as
// "chan receive": from the executable's own data where the symbol is there,
// else from the version table. The error wraps ErrNoSymbol.
func (b *Binary) WaitReasons() (map[uint8]string, error) {
	reasons, err := b.readWaitReasons()
	if err == nil {
		return reasons, nil
	}
	if reasons := b.table().waitReasons(); reasons != nil {
		return reasons, nil
	}
	return nil, fmt.Errorf("wait reasons of %s: %w", b.version, err)
}

func (b *Binary) readWaitReasons() (map[uint8]string, error) {
	symbol, err := b.Symbol(waitReasonSymbol)
	if err != nil {
		return nil, err
	}
	if symbol.Size%stringHeader != 0 || symbol.Size > maxWaitReasons*stringHeader {
		return nil, fmt.Errorf("%w: %s of %d bytes", ErrNoSymbol, waitReasonSymbol, symbol.Size)
	}
	headers, err := b.image.readRelocated(symbol.Addr, symbol.Size)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNoSymbol, waitReasonSymbol, err)
	}
	reasons := make(map[uint8]string, len(headers)/stringHeader)
	for i := 0; i < len(headers)/stringHeader; i++ {
		pointer := binary.LittleEndian.Uint64(headers[i*stringHeader:])
		length := binary.LittleEndian.Uint64(headers[i*stringHeader+8:])
		if length > maxWaitReason {
			return nil, fmt.Errorf("%w: wait reason %d of %d bytes", ErrNoSymbol, i, length)
		}
		if length == 0 {
			continue
		}
		text, err := b.image.read(pointer, length)
		if err != nil {
			return nil, fmt.Errorf("%w: wait reason %d: %w", ErrNoSymbol, i, err)
		}
		reasons[uint8(i)] = string(text)
	}
	return reasons, nil
}
