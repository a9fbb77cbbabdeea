package ssh

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"keelway.dev/keelway/internal/host"
)

// hold takes the lock as local.Lock does, with flock(2) on the same file, so
// that the two exclude each other. $1 is the file, $2 who holds it, $3 how many
// seconds to wait for it at least and $4 how many without a beat end it.
const hold = `umask 077
tries=$(($3 * 5))
while :; do
	exec 9>>"$1" || exit 1
	if ! flock -n 9; then
		[ "$tries" -gt 0 ] && tries=$((tries - 1)) && sleep 0.2 && continue
		printf 'held\n'
		head -c 200 "$1"
		exit 0
	fi
	[ /proc/$$/fd/9 -ef "$1" ] && break # else its last holder has removed it
done
printf '%s\n' "$2" >"$1" || exit 1
printf 'mine\n'
while [ -n "$(timeout "$4" head -n 1 9>&-)" ]; do :; done
rm -f "$1"`

// Lock takes the lock at path for as long as this process and its connection
// live. When the connection is lost, the next call on the host takes the lock
// again before it does anything, and fails if somebody else has it by then.
func (h *Host) Lock(ctx context.Context, path string) (release func(), holder string, err error) {
	if err := checkPath(path); err != nil {
		return nil, "", err
	}
	c, err := h.connect(ctx)
	if err != nil {
		return nil, "", fmt.Errorf("cannot lock %s: %w", path, err)
	}
	free, holder, err := c.lock(ctx, path, 0)
	if err != nil {
		return nil, holder, err
	}
	h.mu.Lock()
	h.held[path] = free
	h.mu.Unlock()
	return func() {
		h.mu.Lock()
		free := h.held[path]
		delete(h.held, path)
		h.mu.Unlock()
		if free != nil {
			free()
		}
	}, "", nil
}

// lockAgain takes, on a new connection, the locks that were held on the last.
func (h *Host) lockAgain(ctx context.Context, c *conn) error {
	h.mu.Lock()
	var paths []string
	for p := range h.held {
		paths = append(paths, p)
	}
	h.mu.Unlock()
	for _, p := range paths {
		// The old holder may not have noticed yet that it is alone.
		free, holder, err := c.lock(ctx, p, h.patience)
		if errors.Is(err, host.ErrLocked) {
			return fmt.Errorf("the connection to %s was lost, and with it the lock %s, which another keelway has taken since (%s): nothing more is done there: %w", h.Name(), p, holder, err)
		}
		if err != nil {
			return fmt.Errorf("the connection to %s was lost, and with it the lock %s: %w", h.Name(), p, err)
		}
		h.mu.Lock()
		if _, still := h.held[p]; still {
			h.held[p] = free
			free = nil
		}
		h.mu.Unlock()
		if free != nil {
			free() // released meanwhile
		}
	}
	return nil
}

func (c *conn) lock(ctx context.Context, path string, wait time.Duration) (release func(), holder string, err error) {
	fail := func(err error) (func(), string, error) {
		return nil, "", fmt.Errorf("cannot lock %s on %s: %w", path, c.host.Name(), c.explain(err))
	}
	channel, requests, err := c.open(ctx)
	if err != nil {
		return fail(err)
	}
	stop := context.AfterFunc(ctx, func() { channel.Close() })
	defer stop()
	seconds := func(d time.Duration) string { return strconv.Itoa(int((d + time.Second - 1) / time.Second)) }
	words := []string{"/bin/sh", "-c", hold, "sh", path, "over SSH: " + self(), seconds(wait), seconds(3 * c.host.beat)}
	if c.host.sudo() {
		words = append([]string{"sudo", "-n", "--"}, words...)
	}
	p, err := launch(channel, requests, "exec "+quoteAll(words))
	if err != nil {
		return fail(err)
	}
	said, heard := &host.Output{}, make(chan struct{})
	go func() {
		_, _ = io.Copy(said, channel.Stderr()) // its end is all that counts
		close(heard)
	}()
	answer := bufio.NewReader(channel)
	word, _ := answer.ReadString('\n') // none is told apart below
	switch word {
	case "mine\n":
		return beating(channel, p, c.host.beat, c.host.patience), "", nil
	case "held\n":
		text, _ := io.ReadAll(answer) // who it is only helps
		channel.Close()
		return nil, strings.TrimSpace(string(text)), host.ErrLocked
	}
	channel.Close()
	settle(heard, time.Second)
	why := strings.TrimSpace(string(said.Bytes()))
	switch {
	case ctx.Err() != nil:
		return fail(context.Cause(ctx))
	case c.lost() != nil:
		return fail(c.lost())
	case c.host.sudo() && strings.Contains(why, "sudo"):
		return fail(&SudoError{Host: c.host.Name(), User: c.host.config.User, Why: why})
	}
	return fail(fmt.Errorf("%s (it takes flock of util-linux, and timeout and head of coreutils)", why))
}

// beating keeps a lock until release is called or the channel breaks. Whoever
// comes after release must not meet the lock any more, so its holder's end is
// waited for: a busy machine takes seconds to begin a program. One that does not
// answer lets go by itself within patience.
func beating(channel io.WriteCloser, p *process, beat, patience time.Duration) (release func()) {
	quit := make(chan struct{})
	go func() {
		tick := time.NewTicker(beat)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				if _, err := io.WriteString(channel, "alive\n"); err != nil {
					return
				}
			case <-quit:
				return
			case <-p.ended:
				return
			}
		}
	}()
	return sync.OnceFunc(func() {
		close(quit)
		_ = p.channel.CloseWrite() // a broken channel releases too
		settle(p.ended, patience)
		channel.Close()
	})
}

// self says who holds a lock: only the command's name, for arguments may hold
// a token.
func self() string {
	name, err := os.Hostname()
	if err != nil {
		name = "unknown machine"
	}
	return fmt.Sprintf("process %d on %s: %s", os.Getpid(), name, strings.Join(os.Args[:min(2, len(os.Args))], " "))
}
