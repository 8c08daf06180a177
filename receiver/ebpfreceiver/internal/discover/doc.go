// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

// Package discover finds the Go processes of the configured targets as they
// start, exec and stop. It uses no BPF: it lists /proc once an interval and
// looks closer only at what is new.
//
// What a scan costs: one listing of /proc; and for each process that is younger
// than a minute, and for one in sixteen of the older ones, one readlink of its exe
// and, if it is watched, one read of its stat (this is how an exec is noticed). A PID that was given to another
// process is noticed by the inode number that the listing itself carries: procfs
// makes a new inode for each process.
//
// A target that asks for a port costs more, for the processes that fulfil its
// other keys and do not listen: each scan reads the sockets that listen in each of
// their network namespaces, once; and the links of up to 4096 descriptors of such a
// process where one of them has a port of the range. Processes older than a minute
// are looked at in one of sixteen scans here too.
//
// The end of a watched process is noticed at once by its pidfd, else once it is
// listed no more. A process that lives shorter than the interval may never be seen.
package discover
