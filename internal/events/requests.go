// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package events

// Attributes of the spans that the receiver makes of requests. All but
// RequestKind are those of the semantic conventions for HTTP, RPC and databases.
const (
	RequestMethod         = "http.request.method"
	RequestMethodOriginal = "http.request.method_original"
	ResponseStatus        = "http.response.status_code"
	Route                 = "http.route"
	URLPath               = "url.path"
	URLFull               = "url.full"
	ServerAddress         = "server.address"
	ServerPort            = "server.port"
	ProtocolName          = "network.protocol.name"
	ProtocolVersion       = "network.protocol.version"
	RPCSystem             = "rpc.system.name"
	RPCMethod             = "rpc.method"
	RPCMethodOriginal     = "rpc.method_original"
	RPCStatus             = "rpc.response.status_code"
	UserAgent             = "user_agent.original"
	RequestKind           = "fathom.request.kind"

	DBSystem = "db.system.name"
	// DBQuerySummary is the operation, and the table where it is certain. The
	// conventions want no db.operation.name or db.collection.name out of a text.
	DBQuerySummary = "db.query.summary"
	// DBQueryText has a ? for each literal, and ends with … where some is missing.
	DBQueryText = "db.query.text"
)
