// Command keelway makes Kubernetes clusters out of Linux machines, with nothing hidden.
package main

import (
	"os"

	"keelway.dev/keelway/internal/cli"
)

func main() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) }
