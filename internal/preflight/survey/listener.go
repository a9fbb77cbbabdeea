package survey

import (
	"context"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Listener is a socket that waits for others.
type Listener struct {
	// Protocol is "tcp", "udp" or "unix".
	Protocol string
	// Address is of tcp and udp, Path of unix.
	Address netip.AddrPort
	Path    string
	Inode   uint64
}

// Listeners lists the open TCP, UDP and Unix sockets that take connections or
// packets from anybody.
func (s *Survey) Listeners(ctx context.Context) ([]Listener, error) {
	return s.listeners.get(func() ([]Listener, error) {
		// States from the kernel's tcp_states.h: LISTEN, and CLOSE for a UDP
		// socket that is not connected.
		tables := []struct{ file, protocol, state string }{
			{"/proc/net/tcp", "tcp", "0A"},
			{"/proc/net/tcp6", "tcp", "0A"},
			{"/proc/net/udp", "udp", "07"},
			{"/proc/net/udp6", "udp", "07"},
		}
		// Side by side: the kernel walks a large table for each of them.
		found := make([][]Listener, len(tables)+1)
		g, ctx := errgroup.WithContext(ctx)
		for i, t := range tables {
			g.Go(func() error {
				text, err := s.Text(ctx, t.file)
				found[i] = parseSockets(text, t.protocol, t.state)
				return err
			})
		}
		g.Go(func() error {
			text, err := s.Text(ctx, "/proc/net/unix")
			found[len(tables)] = parseUnix(text)
			return err
		})
		if err := g.Wait(); err != nil {
			return nil, err
		}
		return slices.Concat(found...), nil
	})
}

// parseSockets reads the lines of /proc/net/tcp and its like: the local
// address, the state and the inode are the fields 1, 3 and 9.
func parseSockets(text, protocol, state string) []Listener {
	var found []Listener
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 10 || f[3] != state {
			continue
		}
		address, ok := parseAddrPort(f[1])
		inode, err := strconv.ParseUint(f[9], 10, 64)
		if ok && err == nil {
			found = append(found, Listener{Protocol: protocol, Address: address, Inode: inode})
		}
	}
	return found
}

// parseAddrPort reads "0100007F:1388", an address in little-endian words of
// four bytes with its port.
func parseAddrPort(text string) (netip.AddrPort, bool) {
	host, port, ok := strings.Cut(text, ":")
	b, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if !ok || err != nil || err2 != nil || len(b)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(b); i += 4 {
		b[i], b[i+1], b[i+2], b[i+3] = b[i+3], b[i+2], b[i+1], b[i]
	}
	a, ok := netip.AddrFromSlice(b)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}

// parseUnix takes the sockets with the kernel's flag SO_ACCEPTCON, 0x10000.
func parseUnix(text string) []Listener {
	var found []Listener
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		if len(f) < 8 || f[3] != "00010000" {
			continue
		}
		if inode, err := strconv.ParseUint(f[6], 10, 64); err == nil {
			found = append(found, Listener{Protocol: "unix", Path: f[7], Inode: inode})
		}
	}
	return found
}
