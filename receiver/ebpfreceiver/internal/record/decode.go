// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/fathom-otel/fathom/internal/ledger"
)

// ErrMalformed is wrapped by every error of Decode.
var ErrMalformed = errors.New("malformed record")

// Sizes and offsets in bytes, kinds, flags and kinds of paths: bpf/headers/records.h.
const (
	headerSize      = 72
	causeSlots      = 16
	spanLedger      = headerSize + causeSlots*8
	spanFlags       = spanLedger + 4
	spanChildren    = spanFlags + 4
	spanHandOvers   = spanChildren + 4
	spanLooks       = spanHandOvers + 4
	spanCritical    = spanLooks + 8
	spanAllocated   = spanCritical + 16
	spanBlockWait   = spanAllocated + 16
	spanAssists     = spanBlockWait + 8
	spanCriticalDid = spanAssists + 8
	spanSize        = spanCriticalDid + causeSlots*8
	requestStatus   = spanSize
	requestLengths  = requestStatus + 4
	requestMethod   = requestLengths + 12
	methodSize      = 16
	pathSize        = 128
	requestPath     = requestMethod + methodSize
	requestRoute    = requestPath + pathSize
	requestMinor    = requestRoute + pathSize
	requestMajor    = requestMinor + 12
	requestAgent    = requestMinor + 16
	agentSize       = 64
	requestAccept   = requestAgent + agentSize
	requestSize     = requestAccept + agentSize
	stopPhase       = headerSize + 16
	stopSize        = headerSize + 24
	fileOperation   = headerSize
	fileError       = headerSize + 4
	filePathKind    = headerSize + 8
	filePathLength  = headerSize + 12
	fileBytes       = headerSize + 16
	filePath        = headerSize + 24
	filePathSize    = 512 + 256
	fileSize        = filePath + filePathSize
	ledgerExact     = 1
	ledgerSampled   = 2
	flagAborted     = 2
	flagHijacked    = 4
	pathGiven       = 0
	pathCut         = 2
	kindRequest     = 1
	kindSpan        = 2
	kindStop        = 3
	kindFile        = 4
	kindNetwork     = 8
	kindRunQueue    = 9
	kindBlockWait   = 12
	identityOffset  = 40
	parentIDOffset  = identityOffset + 24
	goroutineOffset = 16
)

// Decode reads one record as it came out of the ring buffer.
func Decode(raw []byte) (Record, error) {
	if len(raw) < headerSize {
		return nil, fmt.Errorf("%w: %d bytes are less than a header", ErrMalformed, len(raw))
	}
	kind := u32(raw, 0)
	size := recordSize(kind)
	if size == 0 {
		return nil, fmt.Errorf("%w: kind %d", ErrMalformed, kind)
	}
	if len(raw) < size {
		return nil, fmt.Errorf("%w: kind %d has %d bytes, want %d", ErrMalformed, kind, len(raw), size)
	}
	switch kind {
	case kindRequest:
		return decodeRequest(raw), nil
	case kindSpan:
		span := decodeSpan(raw)
		return &span, nil
	case kindStop:
		return decodeStop(raw), nil
	case kindRPC:
		return decodeRPC(raw), nil
	case kindClient:
		return decodeClient(raw), nil
	case kindRPCClient:
		return decodeRPCClient(raw), nil
	case kindNetwork:
		return decodeNetwork(raw)
	case kindRunQueue:
		return decodeRunQueue(raw), nil
	case kindBlockWait:
		return &BlockWait{Header: decodeHeader(raw)}, nil
	case kindSDKSpan:
		return decodeSDKSpan(raw)
	case kindSample:
		return decodeSample(raw)
	case kindSQL:
		return decodeSQL(raw), nil
	case kindSetup:
		return decodeSetup(raw)
	default:
		return decodeFile(raw), nil
	}
}

// recordSize is the size of a kind's records in bytes, 0 where there is no such kind.
func recordSize(kind uint32) int {
	switch kind {
	case kindRequest:
		return requestSize
	case kindSpan:
		return spanSize
	case kindStop:
		return stopSize
	case kindFile:
		return fileSize
	case kindRPC:
		return rpcSize
	case kindClient:
		return clientSize
	case kindRPCClient:
		return callSize
	case kindNetwork:
		return networkSize
	case kindRunQueue:
		return runQueueSize
	case kindBlockWait:
		return headerSize
	case kindSDKSpan:
		return sdkSpanSize
	case kindSample:
		return sampleStack
	case kindSQL:
		return sqlSize
	case kindSetup:
		return setupSize
	default:
		return 0
	}
}

func decodeHeader(raw []byte) Header {
	h := Header{
		PID:         u32(raw, 4),
		TID:         u32(raw, 8),
		Inherited:   Inherited(u32(raw, 12)),
		GoroutineID: u64(raw, goroutineOffset),
		Start:       u64(raw, goroutineOffset+8),
		End:         u64(raw, goroutineOffset+16),
	}
	copy(h.TraceID[:], raw[identityOffset:])
	copy(h.SpanID[:], raw[identityOffset+16:])
	copy(h.ParentID[:], raw[parentIDOffset:])
	return h
}

func decodeSpan(raw []byte) Span {
	kind := u32(raw, spanLedger)
	s := Span{
		Header: decodeHeader(raw), Exact: kind == ledgerExact, Sampled: kind == ledgerSampled, Looks: int(u32(raw, spanLooks)),
		Goroutines: int(u32(raw, spanChildren)), HandOvers: int(u32(raw, spanHandOvers)),
	}
	if id := u64(raw, spanCritical); id != 0 {
		s.Critical = Critical{
			GoroutineID: id,
			Wait:        time.Duration(u64(raw, spanCritical+8)),
			Ledger:      decodeLedger(raw[spanCriticalDid:]),
		}
	}
	s.AllocatedBytes, s.AllocationSamples = u64(raw, spanAllocated), u64(raw, spanAllocated+8)
	s.Assists, s.BlockWait = int(u64(raw, spanAssists)), time.Duration(u64(raw, spanBlockWait))
	s.Ledger = decodeLedger(raw[headerSize:])
	if s.Sampled && s.Looks == 0 {
		s.Ledger = ledger.Ledger{ledger.Unattributed: s.Ledger.Total()}
	}
	return s
}

func decodeLedger(raw []byte) (l ledger.Ledger) {
	for cause := range ledger.NumCauses {
		l[cause] = u64(raw, 8*cause)
	}
	return l
}

func decodeRequest(raw []byte) *Request {
	flags := u32(raw, spanFlags)
	return &Request{
		Span:      decodeSpan(raw),
		Aborted:   flags&flagAborted != 0,
		Hijacked:  flags&flagHijacked != 0,
		Status:    int(int32(u32(raw, requestStatus))),
		Method:    text(raw, requestMethod, methodSize, u32(raw, requestLengths)),
		Path:      text(raw, requestPath, pathSize, u32(raw, requestLengths+4)),
		Route:     text(raw, requestRoute, pathSize, u32(raw, requestLengths+8)),
		Major:     int(int32(u32(raw, requestMajor))),
		Minor:     int(int32(u32(raw, requestMinor))),
		UserAgent: text(raw, requestAgent, agentSize, u32(raw, requestMinor+4)),
		Accept:    text(raw, requestAccept, agentSize, u32(raw, requestMinor+8)),
	}
}

func decodeStop(raw []byte) *Stop {
	return &Stop{
		Header:  decodeHeader(raw),
		Stopped: u64(raw, headerSize),
		Reason:  StopReason(u32(raw, headerSize+8)),
		GCCycle: u32(raw, headerSize+12),
		Marking: u32(raw, stopPhase) != 0,
	}
}

func decodeFile(raw []byte) *File {
	f := &File{
		Header:    decodeHeader(raw),
		Operation: FileOperation(u32(raw, fileOperation)),
		Error:     syscall.Errno(u32(raw, fileError)),
		Bytes:     u64(raw, fileBytes),
	}
	path := raw[filePath : filePath+int(min(u32(raw, filePathLength), filePathSize))]
	if u32(raw, filePathKind) == pathGiven {
		f.Path = strings.ToValidUTF8(string(path), "\uFFFD")
		return f
	}
	names := strings.Split(strings.TrimSuffix(string(path), "\x00"), "\x00")
	slices.Reverse(names)
	f.Path = strings.ToValidUTF8("/"+strings.Join(names, "/"), "\uFFFD")
	if u32(raw, filePathKind) == pathCut {
		f.Path = "…" + f.Path
	}
	return f
}

// text is the string of the given length in a field of the given size. Cutting
// at the field's end may split a character.
func text(raw []byte, at, size int, length uint32) string {
	field := raw[at : at+int(min(length, uint32(size)))]
	return string(bytes.ToValidUTF8(field, nil))
}

func u32(raw []byte, at int) uint32 { return binary.LittleEndian.Uint32(raw[at:]) }
func u64(raw []byte, at int) uint64 { return binary.LittleEndian.Uint64(raw[at:]) }
