// Package multicall begins the programs of the bundle: it picks one of several
// that share one file, so that they also share its disk, its image layer and its
// pages in memory, and lets it start without collecting garbage all the time.
package multicall

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Program is one program of the file.
type Program struct {
	Name string     // the name it answers to
	Run  func() int // runs it on os.Args and returns its exit code
}

// Main runs the program named by the base name of os.Args[0] or, failing that,
// by the first argument, which it then removes. It returns the exit code to
// end with: the program's own, or 2 when no program has either name.
func Main(programs []Program) int {
	if p, ok := find(programs, os.Args[0]); ok {
		startQuickly()
		return p.Run()
	}
	if len(os.Args) > 1 {
		if p, ok := find(programs, os.Args[1]); ok {
			os.Args = os.Args[1:]
			startQuickly()
			return p.Run()
		}
	}
	names := make([]string, len(programs))
	for i, p := range programs {
		names[i] = p.Name
	}
	fmt.Fprintf(os.Stderr, "usage: %s %s [arguments]\n", filepath.Base(os.Args[0]), strings.Join(names, "|"))
	return 2
}

func find(programs []Program, path string) (Program, bool) {
	for _, p := range programs {
		if p.Name == filepath.Base(path) {
			return p, true
		}
	}
	return Program{}, false
}
