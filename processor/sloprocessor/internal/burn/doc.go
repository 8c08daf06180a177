// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package burn has the arithmetic of error budgets and of alerts on how fast they
// burn, as chapter 5 of the Site Reliability Workbook ("Alerting on SLOs") gives it.
//
// A target T (0.999, say) leaves a budget of 1-T: the share of events that may be
// bad over a period P. The burn rate over a window is
//
//	BR(w) = (bad_w / total_w) / (1-T)
//
// at 1 of which the budget is spent when the period ends. A tier of a policy has a
// long and a short window and fires if both burn faster than its factor
//
//	f = b * P / long
//
// where b is the share of the budget that may burn in the long window. The long one
// tells that it matters, the short one, a twelfth of it by default, that it goes on.
//
// All are functions of counts; there is no clock and no state. A window without an
// event has no burn rate: functions say so, and none returns NaN.
package burn
