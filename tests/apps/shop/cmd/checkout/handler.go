// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel/trace"

	"github.com/fathom-otel/fathom/tests/apps/shop/internal/cause"
	"github.com/fathom-otel/fathom/tests/apps/shop/internal/fraud"
	"github.com/fathom-otel/fathom/tests/apps/shop/internal/service"
)

type checkout struct {
	causes    *cause.Set
	client    *http.Client
	inventory string
	payment   string
	frauds    fraud.FraudClient
}

func (c *checkout) routes() http.Handler {
	mux := service.NewMux()
	mux.Handle("POST /checkout", otelhttp.NewHandler(http.HandlerFunc(c.order), "POST /checkout"))
	return mux
}

// order is slow first where it was asked to be, then checks the order for
// fraud, looks at the stock and charges. What another service shall be slow
// with is passed on to it.
func (c *checkout) order(w http.ResponseWriter, r *http.Request) {
	order, ok := service.Causes(w, r, c.causes, "checkout")
	if !ok {
		return
	}
	receipt, err := c.fulfil(r, order)
	if err != nil {
		service.Fail(w, err)
		return
	}
	service.Reply(w, receipt)
}

func (c *checkout) fulfil(r *http.Request, order cause.Order) (service.Receipt, error) {
	var receipt service.Receipt
	item := cmp.Or(r.URL.Query().Get("item"), "book")
	if _, err := c.frauds.Check(r.Context(), &fraud.CheckRequest{Item: item, Quantity: 1}); err != nil {
		return receipt, fmt.Errorf("checking for fraud: %w", err)
	}
	stock := c.inventory + "/stock/" + url.PathEscape(item)
	if err := service.Call(c.client, r, http.MethodGet, stock, order.For("inventory").Query(), &receipt.Stock); err != nil {
		return receipt, fmt.Errorf("looking at the stock: %w", err)
	}
	if err := service.Call(c.client, r, http.MethodPost, c.payment+"/charge", order.For("payment").Query(), &receipt.Charge); err != nil {
		return receipt, fmt.Errorf("charging: %w", err)
	}
	span := trace.SpanContextFromContext(r.Context())
	receipt.TraceID, receipt.SpanID = span.TraceID().String(), span.SpanID().String()
	return receipt, nil
}
