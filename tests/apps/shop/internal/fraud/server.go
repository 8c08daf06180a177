// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package fraud is the shop's gRPC service, served by payment. fraud.pb.go and
// fraud_grpc.pb.go are generated from fraud.proto and committed:
//
//	protoc --go_out=. --go_opt=paths=source_relative \
//	  --go-grpc_out=. --go-grpc_opt=paths=source_relative internal/fraud/fraud.proto
package fraud

import (
	"context"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// suspiciousQuantity is the smallest quantity that no honest customer orders.
const suspiciousQuantity = 1000

// Server answers Check from the request alone.
type Server struct {
	UnimplementedFraudServer
}

// Check refuses an order without an item with InvalidArgument.
func (Server) Check(_ context.Context, request *CheckRequest) (*CheckResponse, error) {
	if request.GetItem() == "" {
		return nil, status.Error(codes.InvalidArgument, "item is empty: name what is ordered")
	}
	return &CheckResponse{Suspicious: request.GetQuantity() >= suspiciousQuantity}, nil
}
