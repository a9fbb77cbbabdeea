package ssh

import (
	"errors"
	"io"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// process is a program that runs in a session.
type process struct {
	channel ssh.Channel
	// ended is closed when the server said how it ended, or the session is over.
	ended chan struct{}
	// Read only after ended.
	told bool
	code int
}

// launch starts a command line in an open session.
func launch(channel ssh.Channel, requests <-chan *ssh.Request, line string) (*process, error) {
	p := &process{channel: channel, ended: make(chan struct{})}
	go p.listen(requests)
	ok, err := channel.SendRequest("exec", true, ssh.Marshal(struct{ Command string }{line}))
	if err == nil && !ok {
		err = errNoExec
	}
	if err != nil {
		channel.Close()
		return nil, err
	}
	return p, nil
}

// listen waits for the server's word on how the program ended (RFC 4254, 6.10).
func (p *process) listen(requests <-chan *ssh.Request) {
	end := sync.OnceFunc(func() { close(p.ended) })
	defer end()
	for r := range requests {
		switch r.Type {
		case "exit-status":
			var status struct{ Code uint32 }
			if ssh.Unmarshal(r.Payload, &status) == nil && !p.told {
				p.told, p.code = true, int(status.Code)
				end()
			}
		case "exit-signal":
			var status struct {
				Signal        string
				Core          bool
				Message, Lang string
			}
			if ssh.Unmarshal(r.Payload, &status) == nil && !p.told {
				p.told, p.code = true, 128+signalNumber(status.Signal)
				end()
			}
		}
		if r.WantReply {
			_ = r.Reply(false, nil) // nobody is left to answer to when it fails
		}
	}
}

// signalNumber is Linux' number of a signal that SSH names.
func signalNumber(name string) int {
	for n, s := range []string{1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 8: "FPE", 9: "KILL", 10: "USR1", 11: "SEGV", 12: "USR2", 13: "PIPE", 14: "ALRM", 15: "TERM"} {
		if s == name {
			return n
		}
	}
	return 0
}

// collect copies the program's output, and closes done when it has all.
func (p *process) collect(stdout, stderr io.Writer) (done chan struct{}) {
	done = make(chan struct{})
	first := make(chan struct{})
	go func() {
		_, _ = io.Copy(stdout, p.channel) // a broken connection is told by ended
		close(first)
	}()
	go func() {
		_, _ = io.Copy(stderr, p.channel.Stderr())
		<-first
		close(done)
	}()
	return done
}

// feed copies what the program reads.
func (p *process) feed(stdin io.Reader) (done chan error) {
	done = make(chan error, 1)
	if stdin == nil {
		_ = p.channel.CloseWrite() // the program may have ended already
		done <- nil
		return done
	}
	go func() {
		source := &reader{from: stdin}
		_, _ = io.Copy(p.channel, source) // a program may end before it has read all
		_ = p.channel.CloseWrite()        // as above
		done <- source.err
	}()
	return done
}

// reader remembers the error of what it reads from, apart from its writer's.
type reader struct {
	from io.Reader
	err  error
}

func (r *reader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		r.err = err
	}
	return n, err
}

// settle waits for a channel, but not longer than a while.
func settle[T any](done <-chan T, while time.Duration) bool {
	select {
	case <-done:
		return true
	case <-time.After(while):
		return false
	}
}
