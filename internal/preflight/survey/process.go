package survey

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// Process is a running program. Kernel threads are left out.
type Process struct {
	PID  int
	Argv []string
}

// Name is the last part of the program's path, as it was called. A script's
// is the script's.
func (p Process) Name() string {
	if len(p.Argv) == 0 {
		return ""
	}
	name := path.Base(p.Argv[0])
	interpreter := strings.TrimRight(name, "0123456789.")
	if slices.Contains([]string{"python", "sh", "bash", "perl", "ruby"}, interpreter) && len(p.Argv) > 1 {
		for _, a := range p.Argv[1:] {
			if !strings.HasPrefix(a, "-") {
				return path.Base(a)
			}
		}
	}
	return name
}

// String says which process it is, with its command cut to a readable length.
func (p Process) String() string {
	command := strings.Join(p.Argv, " ")
	if short := []rune(command); len(short) > 100 {
		command = string(short[:99]) + "…"
	}
	return fmt.Sprintf("process %d (%s)", p.PID, command)
}

// atOnce bounds the reads under way: over SSH they share one connection.
const atOnce = 16

// Processes lists the running programs by process ID.
func (s *Survey) Processes(ctx context.Context) ([]Process, error) {
	return s.processes.get(func() ([]Process, error) {
		entries, err := s.host.List(ctx, "/proc")
		if err != nil {
			return nil, err
		}
		var mu sync.Mutex
		var found []Process
		g, ctx := errgroup.WithContext(ctx)
		g.SetLimit(atOnce)
		for _, e := range entries {
			pid, err := strconv.Atoi(path.Base(e.Path))
			if err != nil {
				continue
			}
			g.Go(func() error {
				text, err := s.Text(ctx, e.Path+"/cmdline")
				if err != nil || text == "" {
					return ctx.Err() // ended meanwhile, hidden, or a kernel thread
				}
				mu.Lock()
				defer mu.Unlock()
				found = append(found, Process{PID: pid, Argv: strings.Split(strings.TrimRight(text, "\x00"), "\x00")})
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		slices.SortFunc(found, func(a, b Process) int { return a.PID - b.PID })
		return found, nil
	})
}

// Named lists the processes of that name.
func (s *Survey) Named(ctx context.Context, names ...string) ([]Process, error) {
	all, err := s.Processes(ctx)
	if err != nil {
		return nil, err
	}
	var found []Process
	for _, p := range all {
		if slices.Contains(names, p.Name()) {
			found = append(found, p)
		}
	}
	return found, nil
}

// Executable is the path of the file that a process runs, as it sees it; ""
// where the kernel does not say.
func (s *Survey) Executable(ctx context.Context, p Process) string {
	e, err := s.host.Stat(ctx, fmt.Sprintf("/proc/%d/exe", p.PID))
	if err != nil {
		return ""
	}
	// A program that was replaced while it ran.
	return strings.TrimSuffix(e.Link, " (deleted)")
}

// Holder finds the process that has a socket open. The likely ones, by name,
// are looked at first: the whole search reads every open file of the host.
// ok is false when nobody who can be seen has it.
func (s *Survey) Holder(ctx context.Context, inode uint64, likely ...string) (p Process, ok bool, err error) {
	some, err := s.Named(ctx, likely...)
	if err != nil {
		return Process{}, false, err
	}
	for _, p := range some {
		if slices.Contains(s.sockets(ctx, p), inode) {
			return p, true, nil
		}
	}
	holders, err := s.holders.get(func() (map[uint64]Process, error) { return s.findHolders(ctx) })
	if err != nil {
		return Process{}, false, err
	}
	p, ok = holders[inode]
	return p, ok, nil
}

func (s *Survey) findHolders(ctx context.Context) (map[uint64]Process, error) {
	all, err := s.Processes(ctx)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	holders := map[uint64]Process{}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, p := range all {
		g.Go(func() error {
			inodes := s.sockets(ctx, p)
			mu.Lock()
			defer mu.Unlock()
			for _, i := range inodes {
				// A child may have inherited it; the parent is the one to name.
				if old, ok := holders[i]; !ok || p.PID < old.PID {
					holders[i] = p
				}
			}
			return ctx.Err()
		})
	}
	return holders, g.Wait()
}

// sockets are the inodes of a process's open sockets. A process that ended, or
// whose files may not be seen, has none.
func (s *Survey) sockets(ctx context.Context, p Process) []uint64 {
	entries, err := s.host.List(ctx, fmt.Sprintf("/proc/%d/fd", p.PID))
	if err != nil {
		return nil
	}
	var inodes []uint64
	for _, e := range entries {
		if text, ok := strings.CutPrefix(e.Link, "socket:["); ok {
			if i, err := strconv.ParseUint(strings.TrimSuffix(text, "]"), 10, 64); err == nil {
				inodes = append(inodes, i)
			}
		}
	}
	return inodes
}
