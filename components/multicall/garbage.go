package multicall

import (
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

const (
	// rarely is GOGC while a program starts. At Go's own 100 it would start no
	// faster that could be measured, and keep twice as much memory for good.
	rarely = 40
	// starting is how long a program of a control plane takes to start, and
	// settling how long until it has made what it makes once.
	starting, settling = 5 * time.Second, 40 * time.Second
)

// startQuickly puts off the frequent garbage collections that a low GOGC asks
// for until the program has started: most of what it allocates until then
// stays, and going through it again and again costs an API server a second.
func startQuickly() {
	percent, err := strconv.Atoi(os.Getenv("GOGC"))
	if err != nil || percent < 0 || percent >= rarely {
		return
	}
	debug.SetGCPercent(rarely)
	time.AfterFunc(starting, func() { debug.SetGCPercent(percent) })
	time.AfterFunc(settling, debug.FreeOSMemory)
}
