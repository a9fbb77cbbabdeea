package ssh

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/pkg/sftp"

	"keelway.dev/keelway/internal/host"
)

// An SFTP server does one request after the other. What is written has one of
// its own, so that nobody who only looks waits behind an upload.
const (
	forLooking = iota
	forWriting
)

// maxWrite is how much OpenSSH's server takes in one write, as it says itself by
// limits@openssh.com in versions that know it. Eight times the usual amount saves
// both sides a fifth of the processor time for a program.
const maxWrite = 255 << 10

// server is an SFTP server on the machine, started when it is first used and
// again when it has died.
type server struct {
	mu     sync.Mutex
	client *sftp.Client
	ended  chan struct{}
}

// ready is what is said before the server listens.
const ready = "keelway: sftp"

// serve is what starts the server. It is run as a command and not as sshd's
// subsystem for two reasons: through sudo it reaches root's files, and with its
// umask no file is readable by others before it has its mode.
const serve = `for program in /usr/lib/openssh/sftp-server /usr/libexec/openssh/sftp-server /usr/lib/ssh/sftp-server \
	/usr/libexec/ssh/sftp-server /usr/libexec/sftp-server /usr/lib/sftp-server /run/current-system/sw/libexec/sftp-server; do
	[ -x "$program" ] && echo "` + ready + `" && exec "$program" -u 0077
done
echo "keelway: no sftp-server" >&2
exit 127`

// NoServerError says that files cannot be read or written over SSH.
type NoServerError struct{ Host string }

func (e *NoServerError) Error() string {
	return fmt.Sprintf("cannot reach the files of %s: it has no sftp-server at any of its usual paths; install it there (Debian: openssh-sftp-server, Fedora: openssh-server, Alpine: openssh-sftp-server)", e.Host)
}

// sftp returns the host's connection and one of its SFTP servers.
func (h *Host) sftp(ctx context.Context, which int) (*conn, *sftp.Client, error) {
	c, err := h.connect(ctx)
	if err != nil {
		return nil, nil, err
	}
	s := &c.files[which]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		select {
		case <-s.ended:
		default:
			return c, s.client, nil
		}
	}
	var options []sftp.ClientOption
	if which == forWriting {
		options = append(options, sftp.MaxPacketUnchecked(maxWrite))
	}
	if s.client, err = c.serve(ctx, options...); err != nil {
		s.client = nil
		return nil, nil, err
	}
	client, ended := s.client, make(chan struct{})
	s.ended = ended
	go func() {
		_ = client.Wait() // whoever waits for an answer gets the error
		close(ended)
	}()
	return c, client, nil
}

func (c *conn) serve(ctx context.Context, options ...sftp.ClientOption) (*sftp.Client, error) {
	channel, requests, err := c.open(ctx)
	if err != nil {
		return nil, err
	}
	words := []string{"/bin/sh", "-c", serve}
	if c.host.sudo() {
		words = append([]string{"sudo", "-n", "--"}, words...)
	}
	p, err := launch(channel, requests, "exec "+quoteAll(words))
	if err != nil {
		return nil, c.explain(err)
	}
	said, heard := &host.Output{}, make(chan struct{})
	go func() {
		_, _ = io.Copy(said, channel.Stderr()) // its end is all that counts
		close(heard)
	}()
	stop := context.AfterFunc(ctx, func() { channel.Close() })
	var client *sftp.Client
	if err = await(channel, ready+"\n"); err == nil {
		client, err = sftp.NewClientPipe(channel, channel, options...)
	}
	if !stop() && err == nil {
		client.Close()
		err = context.Cause(ctx)
	}
	if err == nil {
		err = able(client)
		if err == nil {
			return client, nil
		}
		client.Close()
	}
	channel.Close()
	settle(p.ended, c.host.grace)
	settle(heard, c.host.grace)
	why := strings.TrimSpace(string(said.Bytes()))
	switch {
	case c.lost() != nil:
		return nil, c.lost()
	case strings.Contains(why, "keelway: no sftp-server"):
		return nil, &NoServerError{Host: c.host.Name()}
	case c.host.sudo() && strings.Contains(why, "sudo"):
		return nil, &SudoError{Host: c.host.Name(), User: c.host.config.User, Why: why}
	}
	return nil, fmt.Errorf("cannot reach the files of %s: its sftp-server did not start: %w; %s", c.host.Name(), err, why)
}

// able looks for what an atomic write needs. OpenSSH has all of it since 2013.
func able(client *sftp.Client) error {
	for _, name := range []string{"posix-rename@openssh.com", "hardlink@openssh.com", "fsync@openssh.com", "statvfs@openssh.com"} {
		if _, ok := client.HasExtension(name); !ok {
			return fmt.Errorf("it lacks the extension %s, without which no file can be replaced safely", name)
		}
	}
	return nil
}

// await reads up to the end of a line of the server's. What a shell's own files,
// such as ~/.bashrc, say before it is dropped, and nothing is written to a
// program of theirs that would read it.
func await(from io.Reader, line string) error {
	const limit = 64 << 10
	var read []byte
	one := make([]byte, 1)
	for !bytes.HasSuffix(read, []byte(line)) {
		if _, err := io.ReadFull(from, one); err != nil {
			return err
		}
		if read = append(read, one[0]); len(read) > limit {
			return errors.New("the shell there says more than 64 kB before a command begins")
		}
	}
	return nil
}
