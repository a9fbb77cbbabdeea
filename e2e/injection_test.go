package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// injection is one thing that goes wrong on a host while keelway works on it.
// heal, if there is one, ends it.
type injection struct {
	name string
	// only is the one host that it can be done to; "" is every host.
	only string
	// power is whether an etcd member stops by it.
	power bool
	// cost is what it takes of the time, beside the others.
	cost int
	do   func(f fleet, host string, tool *os.Process) (heal func())
}

// sessions are the processes of sshd that serve a connection, but this one.
const sessions = `up=$$; mine=; while [ "$up" -gt 1 ]; do mine="$mine $up"; up=$(awk '{print $4}' /proc/$up/stat); done
for p in $(pgrep -f '^sshd: root'); do case "$mine " in *" $p "*) ;; *) `

var injections = []injection{
	{name: "keelway is killed", cost: 2, do: func(f fleet, _ string, tool *os.Process) func() {
		if err := tool.Kill(); err != nil {
			f.t.Error(err)
		}
		return nil
	}},
	{name: "what runs on the host is killed", cost: 2, do: func(f fleet, host string, _ *os.Process) func() {
		f.on(host, sessions+`pkill -9 -P $p;; esac; done; true`)
		return nil
	}},
	{name: "the connection is cut", cost: 2, do: func(f fleet, host string, _ *os.Process) func() {
		f.on(host, sessions+`kill -9 $p;; esac; done; true`)
		return nil
	}},
	{name: "the disk is full", only: "cp3", cost: 2, do: func(f fleet, host string, _ *os.Process) func() {
		f.on(host, `mkdir -p /var/filler; n=0; for size in 1G 128M 16M 2M 256K 32K 4K; do while fallocate -l $size /var/filler/$n 2>/dev/null; do n=$((n+1)); done; done
! dd if=/dev/zero of=/var/filler/more bs=64K count=1 2>/dev/null`)
		return func() { f.on(host, "rm -rf /var/filler") }
	}},
	{name: "the power is cut", power: true, cost: 3, do: func(f fleet, host string, _ *os.Process) func() {
		_, served := f.try(host, livez)
		must(f.t, "lab", "stop", "--lab", f.name, "--cut", host)
		must(f.t, "lab", "start", "--lab", f.name, host)
		if served != nil {
			return nil
		}
		return func() { // it may have stopped to serve for good a moment before
			for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
				if _, err := f.try(host, livez); err == nil {
					return
				}
			}
		}
	}},
}

// livez asks a host's own API server whether it serves.
const livez = "kubectl --kubeconfig /etc/kubernetes/admin.conf --server https://127.0.0.1:6443 --request-timeout=3s get --raw=/livez"

// ownDisk moves a host's disk into a file system of its own.
func (f fleet) ownDisk(host string) {
	f.t.Helper()
	disk := filepath.Join("/var/lib/keelway-lab", f.name, "hosts", host)
	image := filepath.Join(f.t.TempDir(), "disk")
	must(f.t, "lab", "stop", "--lab", f.name, host)
	shell(f.t, "truncate -s 6G "+image+" && mkfs.ext4 -q -m 0 "+image+" && umount "+disk+"/root && mv "+disk+" "+disk+".was && mkdir "+disk+
		" && mount -o loop "+image+" "+disk+" && cp -a "+disk+".was/. "+disk+" && rm -rf "+disk+".was")
	f.t.Cleanup(func() {
		if out, err := exec.Command(program(f.t), "lab", "stop", "--lab", f.name, "--cut", host).CombinedOutput(); err != nil {
			f.t.Errorf("lab stop: %v\n%s", err, out)
		}
		if out, err := exec.Command("umount", disk+"/root", disk).CombinedOutput(); err != nil {
			f.t.Errorf("umount: %v\n%s", err, out)
		}
	})
	must(f.t, "lab", "start", "--lab", f.name, host)
}

// lose cuts a host's power for good and takes its disk: what boots under its name
// again is a bare machine, while the cluster still has its node and etcd member.
func (f fleet) lose(host string) {
	f.t.Helper()
	disk := filepath.Join("/var/lib/keelway-lab", f.name, "hosts", host)
	must(f.t, "lab", "stop", "--lab", f.name, "--cut", host)
	shell(f.t, "umount "+disk+"/root && rm -rf "+disk+"/upper "+disk+"/work "+disk+"/var")
	must(f.t, "lab", "start", "--lab", f.name, host)
	f.on(host, "test ! -e /etc/kubernetes -a ! -e /var/lib/etcd -a ! -e /var/lib/keelway -a ! -e /usr/local/bin/keelway")
	if out := f.members(); strings.Count(out, "started") != 3 || !strings.Contains(out, " "+host+",") {
		f.t.Fatalf("%s is not a lost member:\n%s", host, out)
	}
}

func shell(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}
