package cli

import (
	"errors"
	"os"

	"keelway.dev/keelway/internal/lab"
	"keelway.dev/keelway/internal/release"
)

// checkLabFile refuses, before a lab is made, a cluster file that could not be
// written after it: one that is there belongs to something else.
func checkLabFile(path, name string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); err != nil {
		return nil //nolint:nilerr // nothing is there to be overwritten; what else is wrong, writing says
	}
	var missing *lab.NotFoundError
	if _, err := lab.Open(name); errors.As(err, &missing) {
		return usageError{&lab.FileExistsError{Path: path}}
	}
	return nil
}

// writeLabFile writes the cluster file of a lab, for the newest Kubernetes.
func writeLabFile(path string, l *lab.Lab) error {
	if path == "" {
		return nil
	}
	return l.WriteClusterFile(path, release.Default().Kubernetes)
}
