// Command install-cni copies CNI plugins and a network configuration onto a
// host, where the container runtime looks, and then becomes the program that
// its arguments name, if any. Files that are already equal are left alone.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "install-cni:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("install-cni", flag.ContinueOnError)
	from := flags.String("plugins", "/opt/cni/bin", "folder with the plugins to copy; empty for none")
	to := flags.String("plugins-to", "/host/opt/cni/bin", "folder to copy them to")
	conf := flags.String("conf", "", "network configuration file to copy; empty for none")
	confTo := flags.String("conf-to", "/host/etc/cni/net.d/10-flannel.conflist", "file to copy it to")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *from != "" {
		if err := copyPlugins(*from, *to); err != nil {
			return err
		}
	}
	// The configuration comes last: the runtime calls the node ready as soon
	// as it is there, and then the plugins must be too.
	if *conf != "" {
		if err := copyFile(*conf, *confTo, 0o644); err != nil {
			return err
		}
	}
	if flags.NArg() == 0 {
		return nil
	}
	// What follows takes this process's place: a container less to start.
	program := flags.Arg(0)
	if err := syscall.Exec(program, flags.Args(), os.Environ()); err != nil {
		return fmt.Errorf("run %s: %w", program, err)
	}
	return nil
}

func copyPlugins(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if err := copyFile(filepath.Join(from, e.Name()), filepath.Join(to, e.Name()), 0o755); err != nil {
			return err
		}
	}
	return nil
}

// copyFile replaces to by a rename, because a plugin may be running at that
// moment and because half a file must never be seen.
func copyFile(from, to string, mode fs.FileMode) (err error) {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if same(to, content, mode) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("cannot write %s: %w", to, err)
			os.Remove(temp.Name())
		}
	}()
	_, err = temp.Write(content)
	err = errors.Join(err, temp.Chmod(mode), temp.Sync(), temp.Close())
	if err != nil {
		return err
	}
	return os.Rename(temp.Name(), to)
}

func same(path string, content []byte, mode fs.FileMode) bool {
	info, err := os.Lstat(path)
	if err != nil || info.Mode() != mode || info.Size() != int64(len(content)) {
		return false
	}
	there, err := os.ReadFile(path)
	return err == nil && bytes.Equal(there, content)
}
