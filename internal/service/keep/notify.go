package keep

import (
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

// notifier takes the messages of sd_notify(3) from one service.
type notifier struct {
	path  string
	conn  *net.UnixConn
	ready chan struct{}
	once  sync.Once
}

func listenNotify(path string) (*notifier, error) {
	os.Remove(path)
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("make the socket for Type=notify: %w", err)
	}
	n := &notifier{path: path, conn: conn, ready: make(chan struct{})}
	// User= may not be root; who sends is checked by its number instead.
	err = os.Chmod(path, 0o666)
	if err == nil {
		err = n.passCredentials()
	}
	if err != nil {
		n.close()
		return nil, fmt.Errorf("make the socket for Type=notify: %w", err)
	}
	return n, nil
}

func (n *notifier) passCredentials() error {
	raw, err := n.conn.SyscallConn()
	if err != nil {
		return err
	}
	var set error
	if err := raw.Control(func(fd uintptr) { set = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) }); err != nil {
		return err
	}
	return set
}

// listen closes ready when the main process says READY=1. It ends with close.
func (n *notifier) listen(main int) {
	text, control := make([]byte, 4096), make([]byte, 256)
	for {
		size, with, _, _, err := n.conn.ReadMsgUnix(text, control)
		if err != nil {
			return
		}
		if sender(control[:with]) != main {
			continue // NotifyAccess=main
		}
		if slices.Contains(strings.Split(string(text[:size]), "\n"), "READY=1") {
			n.once.Do(func() { close(n.ready) })
		}
	}
}

func sender(control []byte) int {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	pid := 0
	for _, m := range messages {
		if c, err := unix.ParseUnixCredentials(&m); err == nil {
			pid = int(c.Pid)
		} else if fds, err := unix.ParseUnixRights(&m); err == nil {
			for _, fd := range fds { // a stored descriptor is not kept
				unix.Close(fd)
			}
		}
	}
	return pid
}

func (n *notifier) close() {
	n.conn.Close()
	os.Remove(n.path)
}
