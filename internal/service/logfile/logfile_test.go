package logfile

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// folders returns one that can cut the front of a file, as far as this machine
// has it, and one that cannot.
func folders(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{"disk": t.TempDir()}
	var s unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &s); err == nil && s.Type == unix.TMPFS_MAGIC {
		if dir, err := os.MkdirTemp("/dev/shm", "keelway-test"); err == nil {
			t.Cleanup(func() { os.RemoveAll(dir) })
			all["memory"] = dir
		}
	}
	return all
}

func TestRotate(t *testing.T) {
	for name, dir := range folders(t) {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(dir, "x.log")
			f, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			if done, err := Rotate(filepath.Join(dir, "none.log"), 1, 3); done || err != nil {
				t.Errorf("no log: %v, %v", done, err)
			}
			n := 0
			for round := range 6 {
				for range 1000 {
					n++
					fmt.Fprintf(f, "line %06d\n", n)
				}
				if done, err := Rotate(path, 1<<20, 3); done || err != nil {
					t.Errorf("a small log: %v, %v", done, err)
				}
				if done, err := Rotate(path, 10_000, 3); !done || err != nil {
					t.Fatalf("round %d: %v, %v", round, done, err)
				}
				info, err := os.Stat(path)
				if err != nil || info.Size() > 4096 {
					t.Errorf("round %d: the log has %d bytes left, %v", round, info.Size(), err)
				}
			}
			fmt.Fprintln(f, "the end")
			names, err := filepath.Glob(path + "*")
			if err != nil || len(names) != 4 {
				t.Errorf("files %q, want the log and 3 old ones", names)
			}
			for _, ask := range []int{1, 2, 50, 1500, 2500} {
				got, err := Tail(path, 3, ask)
				if err != nil || len(got) != ask || got[ask-1] != "the end" {
					t.Fatalf("the last %d lines are %d, %v", ask, len(got), err)
				}
				if want := fmt.Sprintf("line %06d", n-ask+2); ask > 1 && got[0] != want {
					t.Errorf("the last %d lines begin with %q, want %q", ask, got[0], want)
				}
			}
			if err := Remove(path, 3); err != nil {
				t.Error(err)
			}
			if left, _ := filepath.Glob(path + "*"); len(left) != 0 {
				t.Errorf("left: %q", left)
			}
		})
	}
}

// TestRotateUnderWriters looks that no line is lost or doubled while others write.
func TestRotateUnderWriters(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(make([]byte, 8192)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_COLLAPSE_RANGE, 0, 4096); err != nil {
		t.Skipf("this file system cannot cut the front of a file: %v", err)
	}
	if err := f.Truncate(0); err != nil {
		t.Fatal(err)
	}
	const writers, lines, keep = 4, 20_000, 1000
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range lines {
				fmt.Fprintf(f, "%d %06d\n", w, i)
			}
		})
	}
	stop, rotations := make(chan struct{}), 0
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			did, err := Rotate(path, 32<<10, keep)
			if err != nil {
				t.Error(err)
			}
			if did {
				rotations++
			}
			select {
			case <-stop:
				return
			default:
			}
		}
	}()
	wg.Wait()
	close(stop)
	<-done
	all, err := Tail(path, keep, writers*lines+1)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != writers*lines || rotations < 3 {
		t.Errorf("%d lines after %d rotations, want %d", len(all), rotations, writers*lines)
	}
	next := map[string]int{}
	for _, l := range all {
		w, n, _ := strings.Cut(l, " ")
		if n != fmt.Sprintf("%06d", next[w]) {
			t.Fatalf("writer %s: line %s, want %06d", w, n, next[w])
		}
		next[w]++
	}
}

func TestTail(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.log")
	if got, err := Tail(path, 3, 5); got != nil || err != nil {
		t.Errorf("no log: %q, %v", got, err)
	}
	long := strings.Repeat("x", 200_000)
	if err := os.WriteFile(path, []byte("first\n"+long+"\nlast without end"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := Tail(path, 3, 2)
	if err != nil || len(got) != 2 || got[0] != long || got[1] != "last without end" {
		t.Errorf("%d lines, %v", len(got), err)
	}
	// A line that a rotation cut in two.
	if err := os.WriteFile(path+".1", []byte("zero\nhalf and "), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("half\nlast\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err = Tail(path, 3, 3)
	if err != nil || strings.Join(got, "|") != "zero|half and half|last" {
		t.Errorf("%q, %v", got, err)
	}
	if got := Last([]byte("a\r\nb\n"), 5); len(got) != 2 || got[0] != "a" {
		t.Errorf("%q", got)
	}
	if got, err := Tail(path, 3, 0); got != nil || err != nil {
		t.Errorf("no lines: %q, %v", got, err)
	}
}
