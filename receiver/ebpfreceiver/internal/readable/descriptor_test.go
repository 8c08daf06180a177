// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package readable

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// counter is an eventfd, and what watches it.
func counter(t *testing.T) (fd int, d *Descriptor) {
	t.Helper()
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, unix.Close(fd)) })
	d, err = New(fd, "counter")
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return fd, d
}

// add makes it readable.
func add(fd int) error {
	_, err := unix.Write(fd, []byte{7: 1})
	return err
}

func isReadable(fd int) func() bool {
	return func() bool {
		var n [8]byte
		_, err := unix.Read(fd, n[:])
		return err == nil
	}
}

func TestWaitEndsWhenItIsReadable(t *testing.T) {
	fd, d := counter(t)
	written := make(chan error, 1)
	for range 100 {
		go func() { written <- add(fd) }()
		began := time.Now()
		require.NoError(t, d.Wait(began.Add(time.Minute), isReadable(fd)))
		require.Less(t, time.Since(began), 50*time.Second)
		require.NoError(t, <-written)
	}
}

func TestWaitAsksBeforeItWaits(t *testing.T) {
	_, d := counter(t)
	require.NoError(t, d.Wait(time.Now().Add(time.Hour), func() bool { return true }))
}

func TestWaitEndsInTime(t *testing.T) {
	_, d := counter(t)
	for range 3 {
		began := time.Now()
		require.NoError(t, d.Wait(began.Add(20*time.Millisecond), func() bool { return false }))
		require.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond)
	}
}

// waits tells how one ended that would take an hour.
func waits(d *Descriptor) <-chan error {
	ended := make(chan error, 1)
	go func() { ended <- d.Wait(time.Now().Add(time.Hour), func() bool { return false }) }()
	return ended
}

func TestInterruptEndsOneWait(t *testing.T) {
	_, d := counter(t)
	for range 100 {
		ended := waits(d)
		d.Interrupt() // it waits already, or is to come
		require.NoError(t, <-ended)
	}
	began := time.Now()
	require.NoError(t, d.Wait(began.Add(20*time.Millisecond), func() bool { return false }))
	require.GreaterOrEqual(t, time.Since(began), 20*time.Millisecond, "and no other")
}

func TestCloseEndsAWait(t *testing.T) {
	_, d := counter(t)
	ended := waits(d)
	require.NoError(t, d.Close())
	require.ErrorIs(t, <-ended, ErrClosed)
	require.ErrorIs(t, d.Wait(time.Now(), func() bool { return true }), ErrClosed)
}

func TestAFileIsNotPolled(t *testing.T) {
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer file.Close()
	_, err = New(int(file.Fd()), "file")
	require.ErrorContains(t, err, "adding the file")
}
