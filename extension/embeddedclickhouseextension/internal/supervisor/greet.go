// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package supervisor

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/ClickHouse/ch-go/proto"
)

// revision is the oldest one that has the server's display name.
const revision = 54453

// greet says hello to a ClickHouse server and waits for its answer.
func greet(ctx context.Context, endpoint string) (err error) {
	const patience = 10 * time.Second
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", endpoint)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	var hello proto.Buffer
	proto.ClientHello{Name: "fathom", ProtocolVersion: revision, User: "default"}.Encode(&hello)
	if _, err := conn.Write(hello.Buf); err != nil {
		return err
	}
	reader := proto.NewReader(conn)
	code, err := reader.UVarInt()
	if err != nil {
		return err
	}
	if proto.ServerCode(code) != proto.ServerCodeHello {
		return fmt.Errorf("%s answered a hello with packet %d", endpoint, code)
	}
	var server proto.ServerHello
	return server.DecodeAware(reader, revision)
}
