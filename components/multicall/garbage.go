package multicall

import (
	"os"
	"runtime/debug"
	"strconv"
	"time"
)

const (
	// rarely is GOGC while a program of a control plane starts. At Go's own it
	// would start no faster that could be measured, and keep twice as much
	// memory for good.
	rarely = 40
	// starting is how long such a program takes to start, and settling how long
	// until it has made what it makes once. What it may keep for longer costs an
	// idle cluster memory.
	starting, settling = 5 * time.Second, 40 * time.Second
	// usual is what Go's own GOGC is.
	usual = 100
)

// CollectRarely puts off the frequent garbage collections that a low GOGC asks
// for: it is percent for a while, and then what the environment says. When the
// program has settled, it gives back the memory that it no longer needs.
// Without a low GOGC in the environment it does nothing.
func CollectRarely(percent int, while, settled time.Duration) {
	asked, err := strconv.Atoi(os.Getenv("GOGC"))
	if err != nil || asked < 0 || asked >= min(percent, usual) {
		return
	}
	debug.SetGCPercent(percent)
	time.AfterFunc(while, func() { debug.SetGCPercent(asked) })
	time.AfterFunc(settled, debug.FreeOSMemory)
}

// startQuickly lets a program of a control plane start: most of what it
// allocates until then stays, and going through it again and again costs an
// API server a second.
func startQuickly() { CollectRarely(rarely, starting, settling) }
