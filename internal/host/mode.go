package host

import (
	"fmt"
	"io/fs"
)

// TypeName says in words what kind of entry a mode belongs to, such as
// "directory" or "named pipe".
func TypeName(mode fs.FileMode) string {
	switch mode.Type() {
	case 0:
		return "regular file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "symbolic link"
	case fs.ModeNamedPipe:
		return "named pipe"
	case fs.ModeSocket:
		return "socket"
	default:
		return "device"
	}
}

// CheckPut returns an error for an entry that Put refuses: another type than
// regular file, directory or symbolic link, a special bit, a link without a
// target, or a target on something that is no link.
func CheckPut(e Entry) error {
	refuse := func(why string) error {
		return &fs.PathError{Op: "put", Path: e.Path, Err: fmt.Errorf("%w: %s", fs.ErrInvalid, why)}
	}
	switch e.Mode &^ fs.ModePerm {
	case 0, fs.ModeDir:
		if e.Link != "" {
			return refuse("it has a link target but is a " + TypeName(e.Mode))
		}
	case fs.ModeSymlink:
		if e.Link == "" {
			return refuse("a symbolic link needs a target")
		}
	default:
		return refuse(fmt.Sprintf("mode %v; only regular files, directories and symbolic links can be put, without special bits", e.Mode))
	}
	return nil
}
