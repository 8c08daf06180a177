// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package ebpfreceiver

import (
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/receiver/receivertest"

	"github.com/fathom-otel/fathom/receiver/ebpfreceiver/internal/metadata"
)

// insideEnv is set for the run of the test in a PID namespace of its own.
const insideEnv = "FATHOM_TEST_PID_NAMESPACE"

// The test runs itself in a container's PID namespace.
func TestStartOutsideOfTheHostsPIDNamespace(t *testing.T) {
	if os.Getenv(insideEnv) == "" {
		require.NoError(t, requireHostPIDs(), "these tests run in the host's PID namespace")
		command := exec.Command(os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
		command.Env = append(os.Environ(), insideEnv+"=1")
		command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
		output, err := command.CombinedOutput()
		require.NoError(t, err, string(output))
		require.Contains(t, string(output), "--- PASS: "+t.Name())
		return
	}
	require.Equal(t, 1, os.Getpid())
	r, err := newReceiver(receivertest.NewNopSettings(metadata.Type), createDefaultConfig(), nil)
	require.NoError(t, err)
	err = r.Start(t.Context(), componenttest.NewNopHost())
	require.ErrorContains(t, err, "hostPID: true")
	require.NoError(t, r.Shutdown(t.Context()), "what did not start can be shut down")
}
