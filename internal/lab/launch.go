package lab

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"keelway.dev/keelway/internal/lab/cgroup"
)

// launch is what a host's first process needs to know.
type launch struct {
	Cgroup string   `json:"cgroup"`
	Argv   []string `json:"argv"`
	Env    []string `json:"env"`
}

// Launch becomes the process that keeps a host: it enters the host's cgroups,
// so that the host cannot see those of this machine, and replaces itself by
// systemd-nspawn. It returns only if that fails.
func Launch(path string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var l launch
	if err := json.Unmarshal(data, &l); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if err := cgroup.Enter(l.Cgroup); err != nil {
		return err
	}
	program, err := exec.LookPath(l.Argv[0])
	if err != nil {
		return err
	}
	// A namespace belongs to a thread, and exec keeps the thread that calls it.
	runtime.LockOSThread()
	if err := cgroup.Own(); err != nil {
		return err
	}
	return unix.Exec(program, l.Argv, append(os.Environ(), l.Env...))
}

// launchOf says how a host is booted.
func (l *Lab) launchOf(h Host, old bool) launch {
	argv := []string{
		"systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--notify-ready=no",
		"--directory=" + l.rootOf(h), "--machine=" + l.machine(h), "--hostname=" + h.Name,
		"--network-bridge=" + l.Bridge, "--resolv-conf=off", "--timezone=off", "--link-journal=no",
		"--console=passive", "--private-users=no", "--capability=all", "--no-new-privileges=no",
		"--system-call-filter=" + strings.Join(calls(), " "),
		"--bind=/dev/kmsg", "--bind=" + l.varOf(h) + ":/var",
	}
	if l.Share != "" {
		argv = append(argv, "--bind-ro="+l.Share+":"+SharePath)
	}
	env := []string{"SYSTEMD_NSPAWN_API_VFS_WRITABLE=1", "SYSTEMD_LOG_LEVEL=warning"}
	if old {
		env = append(env, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=0")
	}
	return launch{Cgroup: l.cgroupOf(h), Argv: argv, Env: env}
}

// calls are the groups of system calls that systemd-nspawn would refuse and
// that containers in the host need.
func calls() []string {
	return []string{"@keyring", "@module", "@pkey", "bpf", "perf_event_open", "open_by_handle_at", "pidfd_getfd", "kcmp", "ptrace", "process_vm_readv"}
}
