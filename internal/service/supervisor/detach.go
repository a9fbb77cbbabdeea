package supervisor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/service/logfile"
	"keelway.dev/keelway/internal/service/process"
)

// Command is what `keelway supervise` does with its arguments: it runs the
// supervisor in the foreground; with --detach it starts one in the background
// and returns when that answers; with --halt it has the running one stop all
// services and end. command is what o.Command holds.
func Command(ctx context.Context, command, args []string) error {
	o, verb, err := Options{Command: command}.parse(args)
	if err != nil {
		return err
	}
	switch verb {
	case verbDetach:
		return Detach(ctx, o)
	case verbHalt:
		return halt(ctx, o)
	}
	return Supervise(ctx, o)
}

// readyVariable tells a supervisor which descriptor Detach listens on.
const readyVariable = "KEELWAY_READY_FD"

const readyFD = 3

// Detach starts a supervisor that outlives this process, its session and its
// terminal, and returns when it answers on its socket. One that runs already
// is as good as a new one.
func Detach(ctx context.Context, o Options) error {
	o = o.WithDefaults()
	if len(o.Command) == 0 {
		return errors.New("start the supervisor: no command to start it with is given")
	}
	log, err := o.openLog()
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	defer log.Close()
	from, to, err := os.Pipe()
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	defer from.Close()
	argv := o.Argv()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{to}
	// Nothing of the caller's environment: it may hold secrets, a proxy, or the
	// name of a service that this is not part of.
	cmd.Env = []string{
		"PATH=" + process.Search,
		"LANG=C.UTF-8",
		fmt.Sprintf("%s=%d", readyVariable, readyFD),
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	to.Close()
	if err != nil {
		return fmt.Errorf("start the supervisor: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	said := make(chan string, 1)
	go func() {
		text, _ := io.ReadAll(from)
		said <- strings.TrimSpace(string(text))
	}()
	select {
	case <-ctx.Done():
		return fmt.Errorf("start the supervisor: %w", ctx.Err())
	case text := <-said:
		switch text {
		case readyWord:
			return nil
		case heldWord:
			return o.answers(ctx)
		case "":
			err := <-ended
			if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signal() == syscall.SIGKILL {
				err = fmt.Errorf("%w: %w", ErrEnded, err)
			}
			return fmt.Errorf("start the supervisor: %s said nothing: %w; its log is %s", argv[0], err, o.Log("supervisor"))
		}
		return errors.New(text)
	}
}

// openLog opens the log of a supervisor that does not run yet. One that ends may
// remove the folder at any moment, but does so once.
func (o Options) openLog() (*os.File, error) {
	for tries := 0; ; tries++ {
		if err := os.MkdirAll(o.LogDir, 0o755); err != nil {
			return nil, err
		}
		log, err := logfile.Open(o.Log("supervisor"))
		if tries == 3 || !errors.Is(err, os.ErrNotExist) {
			return log, err
		}
	}
}

// answers waits until the supervisor that holds the lock answers: it may have
// been started a moment ago.
func (o Options) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		conn, err := net.Dial("unix", o.Socket())
		if err == nil {
			conn.Close()
			return nil
		}
		// It may also have ended; then its lock is free and the caller tries again.
		if lock, lockErr := o.takeLock(); lockErr == nil {
			lock.Close()
			return fmt.Errorf("start the supervisor: %w", ErrEnded)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("start the supervisor: another one holds %s but does not answer: %w", o.lock(), err)
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// ErrEnded is returned when a supervisor ended or was killed while it was being
// started or asked; asking again starts another.
var ErrEnded = errors.New("the supervisor ended in this moment")

// halt is --halt; nothing running is as good as halted.
func halt(ctx context.Context, o Options) error {
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", o.Socket())
		},
	}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://supervisor"+Protocol+"/halt", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("halt the supervisor: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("halt the supervisor: %s", text)
	}
	return err
}

const (
	readyWord = "ready"
	heldWord  = "held"
)

// readiness is the way back to Detach; nil when nobody listens.
type readiness struct{ f *os.File }

func inheritReady() readiness {
	if os.Getenv(readyVariable) != fmt.Sprint(readyFD) {
		return readiness{}
	}
	os.Unsetenv(readyVariable)
	// No service may inherit it: Detach would wait for that to end.
	syscall.CloseOnExec(readyFD)
	return readiness{os.NewFile(readyFD, "ready")}
}

func (r readiness) say(err error) {
	if r.f == nil {
		return
	}
	word := readyWord
	switch {
	case errors.Is(err, ErrRunning):
		word = heldWord
	case err != nil:
		word = err.Error()
	}
	_, _ = r.f.WriteString(word + "\n")
	r.f.Close()
}
