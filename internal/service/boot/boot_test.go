package boot

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func machine(t *testing.T, files ...string) string {
	t.Helper()
	root := t.TempDir()
	for _, f := range files {
		path, text, _ := strings.Cut(f, "=")
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(path, "/exe") {
			if err := os.Symlink(text, path); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestDetect(t *testing.T) {
	cron := []string{"etc/cron.d/x=", "proc/77/comm=cron\n", "proc/77/exe=/usr/sbin/cron"}
	rows := []struct {
		name, kind, says string
		files            []string
	}{
		{"OpenRC", "openrc", "/etc/init.d/keelway", []string{"proc/1/comm=init\n", "run/openrc/softlevel=", "etc/init.d/x=", "etc/inittab="}},
		{"SysV", "sysv", "/etc/init.d/keelway", []string{"proc/1/comm=init\n", "etc/init.d/x=", "etc/inittab="}},
		{"init scripts that nobody reads", "", "PID 1 is tini, which starts nothing; run `keelway up` again", []string{"proc/1/comm=tini\n", "etc/init.d/x=", "etc/inittab="}},
		{"a shell named init", "", "PID 1 is init", []string{"proc/1/comm=init\n", "etc/init.d/x="}},
		{"cron", "cron", "/etc/cron.d/keelway", append(cron, "proc/1/comm=runit\n")},
		{"cron that does not run", "", "PID 1 is sh", []string{"proc/1/comm=sh\n", "etc/cron.d/x="}},
		{"busybox cron", "", "PID 1 is sh", []string{"proc/1/comm=sh\n", "etc/cron.d/x=", "proc/77/comm=crond\n", "proc/77/exe=/bin/busybox"}},
		{"SysV before cron", "sysv", "SysV", append(cron, "proc/1/comm=init\n", "etc/init.d/x=", "etc/inittab=")},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			i := Detect(machine(t, r.files...))
			if i.Kind != r.kind || !strings.Contains(i.String(), r.says) {
				t.Errorf("%q: %s", i.Kind, i)
			}
			if (i.Path() == "") != (r.kind == "") {
				t.Errorf("path %q", i.Path())
			}
		})
	}
}

func TestInstall(t *testing.T) {
	rows := []struct {
		kind              string
		files             []string
		enable, disable   string
		shebang, contains string
	}{
		{"openrc", []string{"run/openrc/softlevel=", "etc/init.d/x=", "proc/1/comm=init\n"}, "rc-update add keelway default", "rc-update del keelway default", "#!/sbin/openrc-run\n", "'/opt/it'\\''s/keelway' 'supervise' '--detach'"},
		{"sysv", []string{"etc/inittab=", "etc/init.d/x=", "proc/1/comm=init\n"}, "update-rc.d keelway defaults", "update-rc.d -f keelway remove", "#!/bin/sh\n", "# Default-Start:     2 3 4 5\n"},
		{"cron", []string{"etc/cron.d/x=", "proc/1/comm=x\n", "proc/77/comm=cron\n", "proc/77/exe=/usr/sbin/cron"}, "", "", "# Made", "@reboot root '/opt/it'\\''s/keelway' 'supervise' '--detach'\n"},
		{"", []string{"proc/1/comm=sh\n"}, "", "", "", ""},
	}
	for _, r := range rows {
		t.Run(r.kind, func(t *testing.T) {
			root := machine(t, r.files...)
			i := Detect(root)
			var ran []string
			run := func(_ context.Context, argv ...string) error {
				ran = append(ran, strings.Join(argv, " "))
				return nil
			}
			command, halt := []string{"/opt/it's/keelway", "supervise", "--detach"}, []string{"/opt/it's/keelway", "supervise", "--halt"}
			for range 2 { // the second changes nothing
				if err := i.Install(t.Context(), run, command, halt); err != nil {
					t.Fatal(err)
				}
			}
			if want := slices.DeleteFunc([]string{r.enable}, func(s string) bool { return s == "" }); !slices.Equal(ran, want) {
				t.Errorf("ran %q, want %q", ran, want)
			}
			if r.kind != "" {
				text, err := os.ReadFile(i.Path())
				if err != nil || !strings.HasPrefix(string(text), r.shebang) || !strings.Contains(string(text), r.contains) {
					t.Errorf("%v\n%s", err, text)
				}
				if r.kind != "cron" {
					if out, err := exec.Command("sh", "-n", i.Path()).CombinedOutput(); err != nil {
						t.Errorf("the script is no shell: %s", out)
					}
				}
			}
			ran = nil
			for range 2 {
				if err := i.Remove(t.Context(), run); err != nil {
					t.Fatal(err)
				}
			}
			if want := slices.DeleteFunc([]string{r.disable}, func(s string) bool { return s == "" }); !slices.Equal(ran, want) {
				t.Errorf("ran %q, want %q", ran, want)
			}
			if r.kind != "" {
				if _, err := os.Lstat(i.Path()); !errors.Is(err, os.ErrNotExist) {
					t.Errorf("%s is left", i.Path())
				}
			}
		})
	}
}

// TestSysvScript runs the script as init would.
func TestSysvScript(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	program := filepath.Join(dir, "keel way")
	if err := os.WriteFile(program, []byte("#!/bin/sh\necho \"$@\" >> "+log+"\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(sysv([]string{program, "supervise", "--detach"}, []string{program, "supervise", "--halt"})), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"start", "stop", "restart"} {
		if out, err := exec.Command(script, verb).CombinedOutput(); err != nil {
			t.Errorf("%s: %v %s", verb, err, out)
		}
	}
	if err := exec.Command(script, "dance").Run(); err == nil {
		t.Error("an unknown verb is no error")
	}
	got, err := os.ReadFile(log)
	if want := "supervise --detach\nsupervise --halt\nsupervise --halt\nsupervise --detach\n"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestInstallFails(t *testing.T) {
	root := machine(t, "etc/inittab=", "etc/init.d/x=", "proc/1/comm=init\n")
	i := Detect(root)
	broken := errors.New("broken")
	err := i.Install(t.Context(), func(context.Context, ...string) error { return broken }, []string{"x"}, []string{"y"})
	if !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
	if _, err := os.Lstat(i.Path()); !errors.Is(err, os.ErrNotExist) {
		t.Error("a script without its links is left")
	}
}
