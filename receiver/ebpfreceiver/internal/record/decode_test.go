// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package record

import (
	"bytes"
	"encoding/binary"
	"os"
	"syscall"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/stretchr/testify/require"

	"github.com/fathom-otel/fathom/internal/ledger"
	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/headertest"
)

func put(raw []byte, at int, values ...any) {
	var buffer bytes.Buffer
	for _, value := range values {
		_ = binary.Write(&buffer, binary.LittleEndian, value) // a bytes.Buffer takes all
	}
	copy(raw[at:], buffer.Bytes())
}

func header(kind uint32, size int) []byte {
	raw := make([]byte, size)
	put(raw, 0, kind, uint32(42), uint32(43), uint32(0), uint64(7), uint64(1000), uint64(1600))
	put(raw, identityOffset, [16]byte{1}, [8]byte{2}, [8]byte{3})
	return raw
}

func wantHeader() Header {
	return Header{PID: 42, TID: 43, GoroutineID: 7, Start: 1000, End: 1600, TraceID: [16]byte{1}, SpanID: [8]byte{2}, ParentID: [8]byte{3}}
}

func requestRecord() []byte {
	raw := header(kindRequest, requestSize)
	put(raw, headerSize+8*int(ledger.Sleep), uint64(600))
	put(raw, spanLedger, uint32(1), uint32(flagHijacked))
	put(raw, requestStatus, uint32(204), uint32(3), uint32(6), uint32(10))
	put(raw, requestMethod, []byte("GETxxx"))
	put(raw, requestPath, []byte("/items"))
	put(raw, requestRoute, []byte("GET /items"))
	put(raw, requestMinor, uint32(1), uint32(10), uint32(3), uint32(2))
	put(raw, requestAgent, []byte("Prometheus"))
	put(raw, requestAccept, []byte("*/*"))
	return raw
}

func TestDecodeRequest(t *testing.T) {
	got, err := Decode(requestRecord())
	require.NoError(t, err)
	require.Equal(t, &Request{
		Span:     Span{Header: wantHeader(), Exact: true, Ledger: ledger.Ledger{ledger.Sleep: 600}},
		Hijacked: true, Status: 204, Method: "GET", Path: "/items", Route: "GET /items",
		Major: 2, Minor: 1, UserAgent: "Prometheus", Accept: "*/*",
	}, got)
	require.Equal(t, 42, got.Process())
}

func TestDecodeSpan(t *testing.T) {
	raw := header(kindSpan, spanSize)
	put(raw, headerSize+8*int(ledger.Unattributed), uint64(9))
	put(raw, spanAllocated, uint64(1<<20), uint64(2), uint64(5000), uint64(3))
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, &Span{Header: wantHeader(), Ledger: ledger.Ledger{ledger.Unattributed: 9}, AllocatedBytes: 1 << 20, AllocationSamples: 2, Assists: 3, BlockWait: 5000}, got)
}

func TestDecodeStop(t *testing.T) {
	raw := header(kindStop, stopSize)
	put(raw, headerSize, uint64(1200), uint32(1), uint32(41), uint32(1))
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, &Stop{Header: wantHeader(), Stopped: 1200, Reason: StopGCMarkTermination, GCCycle: 41, Marking: true}, got)
	require.Equal(t, "GC mark termination", got.(*Stop).Reason.String())
	require.Equal(t, "reason 99", StopReason(99).String())
}

func TestDecodeFile(t *testing.T) {
	for name, test := range map[string]struct {
		kind uint32
		text string
		want string
	}{
		"names are turned round":       {1, "wal\x00shop\x00lib\x00var\x00", "/var/lib/shop/wal"},
		"the root itself":              {1, "", "/"},
		"a beginning that did not fit": {2, "wal\x00shop\x00", "…/shop/wal"},
		"as the program gave it":       {0, "../wal", "../wal"},
		"not text":                     {0, "a\xffb", "a\uFFFDb"},
	} {
		t.Run(name, func(t *testing.T) {
			raw := header(kindFile, fileSize)
			put(raw, fileOperation, uint32(FileFsync), int32(syscall.EIO), test.kind, uint32(len(test.text)), uint64(512), []byte(test.text))
			got, err := Decode(raw)
			require.NoError(t, err)
			require.Equal(t, &File{Header: wantHeader(), Operation: FileFsync, Error: syscall.EIO, Path: test.want, Bytes: 512}, got)
		})
	}
}

func TestTextCutWithinACharacter(t *testing.T) {
	raw := requestRecord()
	put(raw, requestPath, []byte("/\xc3"))
	put(raw, requestLengths+4, uint32(2))
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, "/", got.(*Request).Path)
}

func TestDecodeRefusesWhatNoProgramSends(t *testing.T) {
	for name, raw := range map[string][]byte{
		"empty": {}, "short header": make([]byte, headerSize-1), "unknown kind": header(9, headerSize),
		"short request": header(kindRequest, requestSize-1), "short file": header(kindFile, fileSize-1),
		"short span": header(kindSpan, spanSize-1), "short stop": header(kindStop, stopSize-1),
		"short RPC": header(kindRPC, rpcSize-1), "short client": header(kindClient, clientSize-1),
		"short RPC client": header(kindRPCClient, callSize-1),
		"short sample":     header(kindSample, sampleStack-1), "a stack beyond the record": sampleRecord(2)[:sampleStack+15],
		"short network": header(kindNetwork, networkSize-1), "short run queue": header(kindRunQueue, runQueueSize-1),
		"unknown network operation": networkRecord(9, familyIPv4, 80), "unknown family": networkRecord(networkConnect, 1, 80),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Decode(raw)
			require.ErrorIs(t, err, ErrMalformed)
		})
	}
}

// The layout is the compiler's: what it made of bpf/headers/records.h.
func TestLayoutIsThatOfThePrograms(t *testing.T) {
	object, err := os.ReadFile("../probe/spans_x86_bpfel.o")
	require.NoError(t, err)
	spec, err := ebpf.LoadCollectionSpecFromReader(bytes.NewReader(object))
	require.NoError(t, err)
	for name, want := range map[string]struct {
		size    int
		members map[string]int
	}{
		"record_header": {headerSize, map[string]int{"tgid": 4, "tid": 8, "goid": goroutineOffset, "start": 24, "end": 32, "trace_id": identityOffset, "span_id": identityOffset + 16, "parent_id": parentIDOffset}},
		"span_record": {spanSize, map[string]int{"spent": headerSize, "ledger": spanLedger, "flags": spanFlags, "children": spanChildren, "handed": spanHandOvers,
			"looks": spanLooks, "critical": spanCritical, "allocated": spanAllocated, "block_wait": spanBlockWait, "assists": spanAssists, "critical_spent": spanCriticalDid}},
		"request_record":    {requestSize, map[string]int{"status": requestStatus, "method_len": requestLengths, "method": requestMethod, "path": requestPath, "route": requestRoute, "minor": requestMinor, "major": requestMajor, "agent_len": requestMinor + 4, "accept_len": requestMinor + 8, "agent": requestAgent, "accept": requestAccept}},
		"rpc_record":        {rpcSize, map[string]int{"status": rpcStatus, "method_len": rpcMethodLength, "method": rpcMethod}},
		"rpc_client_record": {callSize, map[string]int{"status": spanSize, "method_len": spanSize + 4, "target_len": spanSize + 8, "method": callMethod, "target": callTarget}},
		"client_record":     {clientSize, map[string]int{"status": clientStatus, "method_len": clientLengths, "host_len": clientLengths + 4, "path_len": clientLengths + 8, "scheme_len": clientScheme, "major": clientMajor, "minor": clientMajor + 4, "method": clientMethod, "scheme": clientSchemeAt, "host": clientHost, "path": clientPath}},
		"stop_record":       {stopSize, map[string]int{"stopped": headerSize, "reason": headerSize + 8, "gc_cycle": headerSize + 12, "gc_phase": stopPhase}},
		"file_record":       {fileSize, map[string]int{"operation": fileOperation, "error": fileError, "path_kind": filePathKind, "path_len": filePathLength, "bytes": fileBytes, "path": filePath}},
		"network_record":    {networkSize, map[string]int{"operation": networkOperation, "error": networkError, "family": networkFamily, "port": networkPort, "accepted": networkAccepted, "opened": networkOpened, "address": networkAddress, "sent": networkSent, "received": networkReceived, "retransmits": networkRetransmits, "rtt": networkRTT}},
		"sample_record":     {sampleStack + 127*8, map[string]int{"frames": sampleFrames, "top": sampleTop, "stack": sampleStack}},
		"setup_record":      {setupSize, map[string]int{"operation": setupOperation, "failed": setupFailed, "server": setupServer, "version": setupVersion, "name_len": setupLength, "name": setupName}},
		"sql_record":        {sqlSize, map[string]int{"driver": sqlDriver, "text_len": sqlTextLength, "whole_len": sqlWholeLength, "text": sqlText}},
		"run_queue_record":  {runQueueSize, map[string]int{"cpu": runQueueCPU}},
		"block_wait_record": {headerSize, nil},
		"sdk_span_record":   {sdkSpanSize, map[string]int{"tracer": sdkSpanTracer, "size": sdkSpanLength}},
	} {
		var layout *btf.Struct
		require.NoError(t, spec.Types.TypeByName(name, &layout), name)
		require.EqualValues(t, want.size, layout.Size, name)
		offsets := map[string]int{}
		for _, member := range layout.Members {
			offsets[member.Name] = int(member.Offset.Bytes())
		}
		for member, offset := range want.members {
			require.Equal(t, offset, offsets[member], "%s.%s", name, member)
		}
	}
}

func TestNumbersAreThoseOfThePrograms(t *testing.T) {
	header := headertest.Constants(t, "records.h")
	for name, here := range map[string]int64{
		"RECORD_SETUP": kindSetup, "RECORD_BLOCK_WAIT": kindBlockWait, "SETUP_LOOKUP": setupLookup, "SETUP_HANDSHAKE": setupHandshake, "RECORD_SQL": kindSQL, "SQL_TEXT_SIZE": sqlTextSize, "RECORD_SDK_SPAN": kindSDKSpan, "RECORD_REQUEST": kindRequest, "RECORD_SPAN": kindSpan, "RECORD_STOP": kindStop, "RECORD_FILE": kindFile, "RECORD_SAMPLE": kindSample,
		"REQUEST_ABORTED": flagAborted, "REQUEST_HIJACKED": flagHijacked,
		"PATH_GIVEN": pathGiven, "PATH_CUT": pathCut,
		"FILE_OPEN": int64(FileOpen), "FILE_FSYNC": int64(FileFsync),
	} {
		there, ok := header[name]
		require.True(t, ok, name)
		require.Equal(t, there, here, name)
	}
}

func TestDecodeSDKSpan(t *testing.T) {
	raw := append(header(kindSDKSpan, sdkSpanSize), "image and more"...)
	put(raw, spanLedger, uint32(1))
	put(raw, sdkSpanTracer, uint64(4711), uint32(5))
	got, err := Decode(raw)
	require.NoError(t, err)
	require.Equal(t, &SDKSpan{Span: Span{Header: wantHeader(), Exact: true}, Tracer: 4711, Image: []byte("image")}, got)
	put(raw, sdkSpanLength, uint32(15))
	_, err = Decode(raw)
	require.ErrorIs(t, err, ErrMalformed)
}

func FuzzDecode(f *testing.F) {
	f.Add(requestRecord())
	f.Add(header(kindFile, fileSize))
	f.Add(header(kindRPC, rpcSize))
	f.Add(header(kindClient, clientSize))
	f.Add(header(kindRPCClient, callSize))
	f.Add(networkRecord(networkTraffic, familyIPv6, 443))
	f.Add(header(kindRunQueue, runQueueSize))
	f.Add(header(kindBlockWait, headerSize))
	f.Add(sampleRecord(3))
	f.Add(sqlRecord())
	f.Add(setupRecord(setupLookup))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, raw []byte) {
		if got, err := Decode(raw); err == nil && got == nil {
			t.Fatal("no record and no error")
		}
	})
}

func BenchmarkDecodeRequest(b *testing.B) {
	raw := requestRecord()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(raw); err != nil {
			b.Fatal(err)
		}
	}
}
