package build

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sort"
	"strings"
	"time"

	"keelway.dev/keelway/internal/release"
)

// compiler compiles programs of one release into a cache.
type compiler struct {
	source    string
	cache     string
	component func(name string) (release.Component, bool)
	toolchain string // go's version
	progress  *Stages
}

// program compiles p unless the cache has it, and returns the file's path.
func (c compiler) program(ctx context.Context, p Program) (string, error) {
	key, err := c.key(ctx, p)
	if err != nil {
		return "", fmt.Errorf("cannot compile %s: %w", p.Name, err)
	}
	what := "compile " + p.title(c.component)
	path := filepath.Join(c.cache, "programs", key, p.Name)
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		c.progress.Skip(p.Name, what)
		return path, nil
	}
	c.progress.Start(p.Name, what)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	temp := fmt.Sprintf("%s.%d.new", path, os.Getpid()) // another build may be at it, too
	if p.Source != "" {
		err = c.compileC(ctx, p, temp)
	} else {
		err = c.compileGo(ctx, p, temp)
	}
	if err != nil {
		return "", fmt.Errorf("cannot compile %s: %w", p.Name, err)
	}
	if err := os.Rename(temp, path); err != nil {
		return "", err
	}
	c.progress.Finish()
	return path, nil
}

func (c compiler) compileGo(ctx context.Context, p Program, to string) error {
	component, _ := c.component(p.Component)
	folder := filepath.Join(c.source, fill(p.Folder, component, time.Time{}))
	if err := checkModule(folder, component); err != nil {
		return err
	}
	released, err := releasedAt(ctx, folder, component)
	if err != nil {
		return err
	}
	tags := "-tags=" + strings.Join(p.Tags, ",")
	all, stale, err := countPackages(ctx, folder, p, tags)
	if err != nil {
		return err
	}
	c.progress.Reduce(float64(stale) / float64(all))
	command := goCommand(ctx, folder, p, "build", "-v", "-trimpath", "-buildvcs=false", "-mod=readonly", tags,
		"-ldflags="+linkerFlags(p, component, released), "-o", to, p.Package)
	var output bytes.Buffer
	stderr, err := command.StderrPipe() // go build writes everything there
	if err != nil {
		return err
	}
	if err := command.Start(); err != nil {
		return err
	}
	compiled := 0
	for lines := bufio.NewScanner(stderr); lines.Scan(); compiled++ {
		output.WriteString(lines.Text() + "\n")
		c.progress.Step(lines.Text(), min(1, float64(compiled)/float64(stale)))
	}
	return explain(command.Wait(), &output)
}

// countPackages is how many packages a program has, and how many of them are
// not compiled yet; each of those is a line of go build -v.
func countPackages(ctx context.Context, folder string, p Program, tags string) (all, stale int, err error) {
	command := goCommand(ctx, folder, p, "list", "-deps", "-trimpath", "-buildvcs=false", "-mod=readonly", tags, "-f={{.Stale}}", p.Package)
	output, err := command.Output()
	if err != nil {
		return 0, 0, explain(err, nil)
	}
	return max(1, bytes.Count(output, []byte("\n"))), max(1, bytes.Count(output, []byte("true"))), nil
}

func linkerFlags(p Program, component release.Component, released time.Time) string {
	flags := []string{"-s", "-w", "-buildid="}
	if len(p.CGO) > 0 {
		flags = append(flags, "-linkmode=external", "'-extldflags=-static -Wl,--build-id=none'")
	}
	var names []string
	for name := range p.Variables {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		flags = append(flags, "-X", name+"="+fill(p.Variables[name], component, released))
	}
	return strings.Join(flags, " ")
}

// goCommand prepares the go tool with nothing of the user's settings that could
// change the result.
func goCommand(ctx context.Context, folder string, p Program, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = folder
	cgo := "0"
	if len(p.CGO) > 0 {
		cgo = "1"
	}
	command.Env = append(os.Environ(),
		"GOFLAGS=", "GOWORK=off", "GOTOOLCHAIN=local", "GOEXPERIMENT=", "GOAMD64=v1", "GOARM64=v8.0", "GODEBUG=",
		"GOOS=linux", "GOARCH="+runtime.GOARCH, "CGO_ENABLED="+cgo,
		"CC=gcc", "CGO_CFLAGS=-O2", "CGO_CPPFLAGS=", "CGO_LDFLAGS=", "SOURCE_DATE_EPOCH=0", "LC_ALL=C")
	return command
}

func (c compiler) compileC(ctx context.Context, p Program, to string) error {
	component, _ := c.component(p.Component)
	command := exec.CommandContext(ctx, "gcc", "-static", "-Os", "-s", "-Wall", "-Wextra", "-Werror", "-Wl,--build-id=none",
		"-DVERSION=\""+strings.TrimPrefix(component.Version, "v")+"\"", "-o", to, p.Source)
	command.Dir = filepath.Join(c.source, p.Folder)
	output, err := command.CombinedOutput()
	return explain(err, bytes.NewBuffer(output))
}

// explain adds the end of a compiler's output to its failure.
func explain(err error, output *bytes.Buffer) error {
	if err == nil {
		return nil
	}
	var exit *exec.ExitError
	text := ""
	if errors.As(err, &exit) {
		text = string(exit.Stderr)
	}
	if output != nil {
		text += output.String()
	}
	// go build -v lists packages first; "# package" begins what is wrong.
	if _, wrong, ok := strings.Cut("\n"+text, "\n# "); ok {
		text = wrong
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return fmt.Errorf("%w: %s", err, strings.Join(lines[max(0, len(lines)-15):], "\n"))
}

// checkModule refuses a go.mod that asks for another version than the release.
func checkModule(folder string, component release.Component) error {
	if component.Module == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(folder, "go.mod"))
	if err != nil {
		return err
	}
	want := []string{component.Module, component.Version}
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(line), "require "))
		if len(fields) >= 2 && slices.Equal(fields[:2], want) {
			return nil
		}
	}
	return fmt.Errorf("%s/go.mod does not require %s %s, which the release table says: change one of the two", folder, component.Module, component.Version)
}

// releasedAt is when a component's version was published, as the module proxy
// says; the zero time for a component of this repository.
func releasedAt(ctx context.Context, folder string, component release.Component) (time.Time, error) {
	if component.Module == "" {
		return time.Time{}, nil
	}
	command := goCommand(ctx, folder, Program{}, "mod", "download", "-json", component.Module+"@"+component.Version)
	output, err := command.Output()
	if err != nil {
		return time.Time{}, explain(err, bytes.NewBuffer(output))
	}
	var module struct{ Info string }
	if err := json.Unmarshal(output, &module); err != nil {
		return time.Time{}, err
	}
	text, err := os.ReadFile(module.Info)
	if err != nil {
		return time.Time{}, err
	}
	var info struct{ Time time.Time }
	return info.Time, json.Unmarshal(text, &info)
}
