package plan

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
)

const modeSymlink = fs.ModeSymlink

func typeName(m fs.FileMode) string {
	switch m.Type() {
	case 0:
		return "file"
	case fs.ModeDir:
		return "directory"
	case fs.ModeSymlink:
		return "symbolic link"
	}
	return "special file"
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// folderDifference looks at the mode of a folder that others do not share, and
// for what it may not hold.
func folderDifference(want desired.File, have observed.File) string {
	if !want.Shared && have.Mode.Perm() != want.Mode.Perm() {
		return fmt.Sprintf("has mode %04o, not %04o", have.Mode.Perm(), want.Mode.Perm())
	}
	for _, name := range have.Names {
		if want.Holds != nil && !slices.Contains(want.Holds, name) {
			return "holds " + name + ", which nothing asks for"
		}
	}
	return ""
}
