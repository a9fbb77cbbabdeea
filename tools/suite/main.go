// Command suite runs all checks and tests of the repository, whatever fails on
// the way, and ends with one line: N passed, N failed, N skipped.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	long := flag.Bool("long", false, "also what takes hours: the race detector, every Kubernetes minor")
	only := flag.String("only", "", "run this one step, by its name")
	list := flag.Bool("list", false, "print the steps and run nothing")
	flag.Parse()
	root, err := findRoot()
	if err != nil {
		fmt.Fprintln(os.Stderr, "suite:", err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	chosen := choose(steps(*long), *only)
	if *list || len(chosen) == 0 {
		for _, s := range steps(*long) {
			fmt.Printf("%-10s %s\n", s.name, s.why)
		}
		if !*list {
			fmt.Fprintf(os.Stderr, "suite: no step is named %q\n", *only)
			os.Exit(2)
		}
		return
	}
	var all tally
	for _, s := range chosen {
		if ctx.Err() != nil {
			all.fail(s.name, "not run: the run was interrupted")
			continue
		}
		fmt.Printf("\n== %s: %s\n", s.name, s.why)
		began := time.Now()
		got := s.run(ctx, root, os.Stdout)
		fmt.Printf("== %s: %s in %s\n", s.name, got.line(), time.Since(began).Round(100*time.Millisecond))
		all.add(got)
	}
	fmt.Println()
	all.summary(os.Stdout)
	fmt.Println(all.line())
	if !all.good() {
		os.Exit(1)
	}
}

func choose(steps []step, name string) []step {
	if name == "" {
		return steps
	}
	for _, s := range steps {
		if s.name == name {
			return []step{s}
		}
	}
	return nil
}

// findRoot returns the folder of the repository: the nearest one above with
// the root module's main.go.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "main.go")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("run me inside the repository: no main.go in any folder above")
		}
	}
}
