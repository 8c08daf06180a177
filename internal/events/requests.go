// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package events

// Attributes of the spans that the receiver makes of requests: those of the
// semantic conventions for HTTP.
const (
	RequestMethod         = "http.request.method"
	RequestMethodOriginal = "http.request.method_original"
	ResponseStatus        = "http.response.status_code"
	Route                 = "http.route"
	URLPath               = "url.path"
)
