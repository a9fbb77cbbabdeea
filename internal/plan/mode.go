package plan

import (
	"io/fs"
	"maps"
	"slices"
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
