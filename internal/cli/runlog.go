package cli

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"keelway.dev/keelway/internal/plan/diff"
	"keelway.dev/keelway/internal/report"
)

// keptLogs is how many runs of a cluster keep their folder.
const keptLogs = 20

// runLog passes events on, and keeps them in a folder of the run for people who
// look later: all in events.jsonl, and those of each host as its own text. No
// command reads them. What looks like a secret is hidden.
type runLog struct {
	next          report.Sink
	command, root string

	mu     sync.Mutex
	dir    string // "" until the cluster's name is known
	before []report.Event
	events report.Sink
	hosts  map[string]report.Sink
	open   []io.Closer
	// said is the last answer of each wait: the same is written once.
	said map[string]string
	// steps is true when something was done.
	steps bool
}

// newRunLog begins the log of a command below the user's folder of state.
func newRunLog(command string, next report.Sink) *runLog {
	root := os.Getenv("XDG_STATE_HOME")
	if !filepath.IsAbs(root) {
		if home, err := os.UserHomeDir(); err == nil {
			root = filepath.Join(home, ".local", "state")
		}
	}
	return &runLog{next: next, command: command, root: root, hosts: map[string]report.Sink{}, said: map[string]string{}}
}

// begin makes the folder, once it is known whose run it is. A run whose log
// cannot be kept goes on.
func (l *runLog) begin(cluster string) {
	if err := l.create(cluster); err != nil {
		l.next.Emit(report.Event{Time: time.Now(), Kind: report.Warning, What: "no log of this run is kept: " + err.Error()})
	}
}

func (l *runLog) create(cluster string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.root == "" {
		return errors.New("neither HOME nor XDG_STATE_HOME says where")
	}
	runs := filepath.Join(l.root, "keelway", "runs", cluster)
	if err := os.MkdirAll(runs, 0o700); err != nil {
		return err
	}
	dir := filepath.Join(runs, time.Now().UTC().Format("20060102T150405.000Z")+"-"+l.command)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	l.dir = dir
	f, err := l.file("events.jsonl")
	if err != nil {
		return err
	}
	l.events = report.NewJSON(f)
	for _, e := range l.before {
		l.keep(e)
	}
	l.before = nil
	return prune(runs, keptLogs)
}

// prune removes the oldest runs; their names are in the order of time.
func prune(runs string, keep int) error {
	all, err := os.ReadDir(runs) // sorted
	for i := 0; err == nil && i < len(all)-keep; i++ {
		err = os.RemoveAll(filepath.Join(runs, all[i].Name()))
	}
	return err
}

// Emit passes an event on and keeps it.
func (l *runLog) Emit(e report.Event) {
	l.next.Emit(e)
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.dir != "":
		l.keep(e)
	case len(l.before) < 100: // those of one who never begins are of no use
		l.before = append(l.before, e)
	}
}

func (l *runLog) keep(e report.Event) {
	e.What, e.Reason, e.Detail = diff.Hide(e.What), diff.Hide(e.Reason), diff.Hide(e.Detail)
	if key := e.Host + " " + e.Step; e.Kind == report.Wait {
		if l.said[key] == e.Detail {
			return
		}
		l.said[key] = e.Detail
	}
	l.steps = l.steps || e.Kind == report.Step || e.Kind == report.Failed
	if l.events != nil {
		l.events.Emit(e)
	}
	if e.Host == "" {
		return
	}
	sink := l.hosts[e.Host]
	if sink == nil {
		f, err := l.file(strings.ReplaceAll(e.Host, "/", "_") + ".log")
		if err != nil {
			return // events.jsonl has it
		}
		sink = report.NewPlain(f, report.Options{Verbose: 2})
		l.hosts[e.Host] = sink
		sink.Emit(report.Event{Time: e.Time, Kind: report.Start, Host: e.Host, What: "keelway " + l.command + " · " + e.Host})
	}
	sink.Emit(e)
}

func (l *runLog) file(name string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(l.dir, name), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		l.open = append(l.open, f)
	}
	return f, err
}

// end closes the log and returns its folder; a run that did nothing leaves none.
func (l *runLog) end() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, f := range slices.Backward(l.open) {
		f.Close()
	}
	dir := l.dir
	l.dir, l.before, l.open = "", nil, nil
	if dir != "" && !l.steps {
		os.RemoveAll(dir)
		return ""
	}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	return dir
}

// tell ends the log, and says where it is.
func (l *runLog) tell(out io.Writer, output string) {
	dir := l.end()
	switch {
	case dir == "":
	case output == "json":
		l.next.Emit(report.Event{Time: time.Now(), Kind: report.Note, What: "the log of this run is in " + dir, Files: []string{dir}})
	default:
		fmt.Fprintln(out, "  log of this run: "+dir)
	}
}
