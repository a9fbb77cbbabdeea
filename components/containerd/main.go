// Command containerd is upstream's, but does not collect garbage all the time while a new machine gets its images.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/containerd/containerd/v2/cmd/containerd/command"

	_ "github.com/containerd/containerd/v2/cmd/containerd/builtins"

	"keelway.dev/keelway/components/multicall"
)

const (
	// rarely is GOGC while images come in. Their import makes much garbage and
	// keeps next to nothing, so that at 20 containerd spends 40% of its
	// processor time on collecting it. At 400 it would grow to 150 MB in that
	// time, and keep 10 MB of them.
	rarely = 50
	// filling is how long a machine is filled with images after its containerd
	// has started, with time to spare.
	filling = time.Minute
)

func main() {
	multicall.CollectRarely(rarely, filling, filling)
	if err := command.App().Run(context.Background(), os.Args); err != nil {
		fmt.Fprintln(os.Stderr, "containerd:", err)
		os.Exit(1)
	}
}
