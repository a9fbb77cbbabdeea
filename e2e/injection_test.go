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
	do    func(f fleet, host string, tool *os.Process) (heal func())
}

// sessions are the processes of sshd that serve a connection, but this one.
const sessions = `up=$$; mine=; while [ "$up" -gt 1 ]; do mine="$mine $up"; up=$(awk '{print $4}' /proc/$up/stat); done
for p in $(pgrep -f '^sshd: root'); do case "$mine " in *" $p "*) ;; *) `

var injections = []injection{
	{name: "keelway is killed", do: func(f fleet, _ string, tool *os.Process) func() {
		if err := tool.Kill(); err != nil {
			f.t.Error(err)
		}
		return nil
	}},
	{name: "what runs on the host is killed", do: func(f fleet, host string, _ *os.Process) func() {
		f.on(host, sessions+`pkill -9 -P $p;; esac; done; true`)
		return nil
	}},
	{name: "the connection is cut", do: func(f fleet, host string, _ *os.Process) func() {
		f.on(host, sessions+`kill -9 $p;; esac; done; true`)
		return nil
	}},
	{name: "the disk is full", only: "cp3", do: func(f fleet, host string, _ *os.Process) func() {
		f.on(host, `cat /dev/zero > /var/filler 2>/dev/null; ! dd if=/dev/zero of=/var/filler.more bs=1M count=1 2>/dev/null`)
		return func() { f.on(host, "rm -f /var/filler /var/filler.more") }
	}},
	{name: "the power is cut", power: true, do: func(f fleet, host string, _ *os.Process) func() {
		must(f.t, "lab", "stop", "--lab", f.name, "--cut", host)
		must(f.t, "lab", "start", "--lab", f.name, host)
		return func() { f.back(host) }
	}},
}

// back waits until a host that was switched on again serves what it served.
func (f fleet) back(host string) {
	f.t.Helper()
	waitFor(f.t, 2*time.Minute, host+" to be back", func() (bool, string) {
		out, err := f.try(host, `test ! -e /etc/kubernetes/manifests/kube-apiserver.yaml -o ! -e /etc/kubernetes/kubelet.conf || curl -sk --max-time 3 https://127.0.0.1:6443/livez | grep -qx ok`)
		return err == nil, out
	})
}

// ownDisk moves a host's disk into a file system of its own.
func (f fleet) ownDisk(host string) {
	f.t.Helper()
	disk := filepath.Join("/var/lib/keelway-lab", f.name, "hosts", host)
	image := filepath.Join(f.t.TempDir(), "disk")
	must(f.t, "lab", "stop", "--lab", f.name, host)
	shell(f.t, "truncate -s 6G "+image+" && mkfs.ext4 -q "+image+" && umount "+disk+"/root && mv "+disk+" "+disk+".was && mkdir "+disk+
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

func shell(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.Command("sh", "-ec", script).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", script, err, out)
	}
	return strings.TrimSpace(string(out))
}
