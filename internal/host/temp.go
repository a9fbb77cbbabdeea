package host

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"strings"
)

const (
	tempPrefix = ".keelway-"
	tempSuffix = ".tmp"
)

// TempPath returns where Put writes an entry before it renames it to path: a
// hidden name in the same directory, the same one each time, so that what a
// killed Put left is used up by the next Put or Remove of path. It ends in
// ".tmp", which the readers of configuration folders (the kubelet, containerd,
// CNI) do not read.
func TempPath(path string) string {
	dir, base := filepath.Split(filepath.Clean(path))
	name := tempPrefix + base + tempSuffix
	if len(name) > 255 { // NAME_MAX of every Linux file system in use
		sum := sha256.Sum256([]byte(base))
		name = tempPrefix + hex.EncodeToString(sum[:]) + tempSuffix
	}
	return dir + name
}

// IsTemp tells whether a file name is one that TempPath makes: what an
// interrupted Put left, never a file of the user's.
func IsTemp(path string) bool {
	base := filepath.Base(path)
	return strings.HasPrefix(base, tempPrefix) && strings.HasSuffix(base, tempSuffix)
}
