// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package shard splits what arrives by the shard that each row belongs to. All of
// it is pure: the same data goes to the same shards, in whichever process, and
// after a restart. So a part of a request that is sent again is the same part.
package shard
