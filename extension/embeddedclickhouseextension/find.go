// Copyright The Fathom Authors
// SPDX-License-Identifier: Apache-2.0

package embeddedclickhouseextension

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// binaryName is the engine's executable.
const binaryName = "clickhouse-engine"

// findEngine returns the path of the engine's binary: the one that is
// configured, or the one beside the agent's executable, or the one in PATH.
func findEngine(configured string) (string, error) {
	if configured != "" {
		path, err := exec.LookPath(configured)
		if err != nil {
			return "", fmt.Errorf("engine: %w; set it to the path of the %s binary", err, binaryName)
		}
		return filepath.Abs(path)
	}
	agent, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("finding the agent's own executable: %w; set engine to the path of the %s binary", err, binaryName)
	}
	if path, err := exec.LookPath(filepath.Join(filepath.Dir(agent), binaryName)); err == nil {
		return path, nil
	}
	path, err := exec.LookPath(binaryName)
	if err != nil {
		return "", fmt.Errorf("%s is neither in %s, beside the agent, nor in PATH; build it with make build, or set engine to its path", binaryName, filepath.Dir(agent))
	}
	return filepath.Abs(path)
}
