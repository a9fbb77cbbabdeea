package local

import (
	"fmt"
	"os"
	"syscall"
)

// Chroot makes a folder the root of this process, for good.
func Chroot(root string) error {
	if err := syscall.Chroot(root); err != nil {
		return fmt.Errorf("cannot take %s for the root: %w", root, err)
	}
	return os.Chdir("/")
}
