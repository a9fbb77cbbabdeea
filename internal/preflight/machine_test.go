package preflight_test

import (
	"context"
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/preflight"
)

// world is a machine in memory with what it is to become. As it is made,
// nothing is in the way of a cluster.
type world struct {
	*hosttest.Host
	t      *testing.T
	facts  cluster.Facts
	model  *cluster.Model
	target preflight.Target
	// disk is what df tells: size, used and free KiB.
	disk [3]int
}

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func newWorld(t *testing.T) *world {
	w := &world{Host: hosttest.New("node-1"), t: t, disk: [3]int{100 << 20, 20 << 20, 80 << 20}}
	w.facts = cluster.Facts{
		Hostname: "node-1", Addresses: []string{"10.0.0.7"}, CgroupVersion: 2, OOMScoreAdjustable: true,
		NFTables: true, BridgeNetfilter: true, ConntrackWritable: true, Systemd: true,
		Interface: "ens3", MTU: 1500, DiskFreePercent: 80,
	}
	for path, text := range map[string]string{
		"/proc/self/status":                            "Uid:\t0\t0\t0\t0\nCpus_allowed:\t00000000,0000000f\n",
		"/sys/devices/system/cpu/online":               "0-3\n",
		"/proc/meminfo":                                "MemTotal:        4000000 kB\nMemFree: 1 kB\n",
		"/proc/swaps":                                  "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n",
		"/proc/net/route":                              "Iface\tDestination\nens3\t00000000\t0100000A\t0003\t0\t0\t100\t00000000\t0\t0\t0\nens3\t0000000A\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n",
		"/proc/net/fib_trie":                           "Local:\n     |-- 10.0.0.7\n        /32 host LOCAL\n",
		"/proc/net/tcp":                                tcpHead,
		"/proc/net/unix":                               "Num       RefCount Protocol Flags    Type St Inode Path\n",
		"/proc/sys/kernel/osrelease":                   "6.1.0-18-amd64\n",
		"/proc/sys/net/ipv4/ip_forward":                "0\n",
		"/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n",
		"/proc/sys/net/netfilter/nf_conntrack_max":     "262144\n",
		"/proc/self/mountinfo":                         "27 1 254:0 / / rw - ext4 /dev/vda rw\n22 27 0:21 / /proc rw - proc proc rw\n",
		"/proc/stat":                                   fmt.Sprintf("cpu 1 2 3\nbtime %d\n", now.Add(-time.Hour).Unix()),
		"/proc/uptime":                                 "3600.42 7000.00\n",
		"/sys/class/rtc/rtc0/since_epoch":              fmt.Sprintf("%d\n", now.Unix()),
		"/sys/fs/cgroup/cgroup.controllers":            "cpuset cpu io memory hugetlb pids\n",
		"/boot/config-6.1.0-18-amd64":                  kernelConfig,
		"/dev/kmsg":                                    "",
		"/etc/hosts":                                   "127.0.0.1 localhost\n10.0.0.7 node-1 # me\n",
		"/etc/resolv.conf":                             "nameserver 10.0.0.1\n",
		"/proc/1/cmdline":                              "/sbin/init\x00",
	} {
		w.put(path, text)
	}
	w.program("/usr/bin/mount")
	w.program("/usr/sbin/losetup")
	w.Handle(func(_ context.Context, _ *hosttest.Host, c host.Command, _ []byte) (host.Result, error) {
		out := "Filesystem 1024-blocks Used Available Capacity Mounted on\n"
		for range c.Argv[4:] {
			out += fmt.Sprintf("/dev/vda %d %d %d %d%% /\n", w.disk[0], w.disk[1], w.disk[2], 100*w.disk[1]/w.disk[0])
		}
		return host.Result{Stdout: []byte(out)}, nil
	}, "df", "-P", "-k", "--")
	w.model = w.made(cluster.Options{})
	w.target = preflight.Target{Host: w, Now: now, Built: now.Add(-30 * 24 * time.Hour)}
	return w
}

// kernelConfig has every option that the checks look for.
const kernelConfig = `CONFIG_NAMESPACES=y
CONFIG_NET_NS=y
CONFIG_PID_NS=y
CONFIG_IPC_NS=y
CONFIG_UTS_NS=y
CONFIG_CGROUPS=y
CONFIG_CPUSETS=y
CONFIG_MEMCG=y
CONFIG_INET=y
CONFIG_PROC_FS=y
CONFIG_FAIR_GROUP_SCHED=y
CONFIG_CGROUP_PIDS=y
CONFIG_CGROUP_SCHED=y
CONFIG_CGROUP_BPF=y
CONFIG_CGROUP_CPUACCT=y
CONFIG_CGROUP_DEVICE=y
CONFIG_CGROUP_FREEZER=y
CONFIG_IP_NF_TARGET_REDIRECT=m
CONFIG_NETFILTER_XT_MATCH_COMMENT=m
CONFIG_OVERLAY_FS=y
CONFIG_VETH=y
CONFIG_BRIDGE=y
CONFIG_BRIDGE_NETFILTER=y
CONFIG_VXLAN=y
CONFIG_NF_CONNTRACK=y
CONFIG_NF_TABLES=y
`

// made is the model of a cluster of this one machine.
func (w *world) made(o cluster.Options) *cluster.Model {
	w.t.Helper()
	o.Facts, o.Now = w.facts, now
	m, err := cluster.New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

// remake makes the model anew, from other options or changed facts.
func (w *world) remake(o cluster.Options) { w.model = w.made(o) }

func (w *world) run() []preflight.Finding {
	w.t.Helper()
	t := w.target
	t.Model = w.model
	if t.Desired.Resources == nil {
		t.Desired = desired.For(w.model, 0)
	}
	found, err := preflight.Run(w.t.Context(), t)
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

func (w *world) put(path, text string) { w.entry(host.Entry{Path: path, Mode: 0o644}, text) }

func (w *world) program(path string) { w.entry(host.Entry{Path: path, Mode: 0o755}, "") }

func (w *world) link(path, target string) {
	w.entry(host.Entry{Path: path, Mode: fs.ModeSymlink, Link: target}, "")
}

func (w *world) entry(e host.Entry, text string) {
	w.t.Helper()
	if err := w.Put(context.Background(), e, strings.NewReader(text)); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) remove(path string) {
	w.t.Helper()
	if err := w.Remove(context.Background(), path); err != nil {
		w.t.Fatal(err)
	}
}

// process starts a program that has the given sockets open.
func (w *world) process(pid int, command string, sockets ...int) {
	w.put(fmt.Sprintf("/proc/%d/cmdline", pid), strings.ReplaceAll(command, " ", "\x00")+"\x00")
	program, _, _ := strings.Cut(command, " ")
	w.link(fmt.Sprintf("/proc/%d/exe", pid), program)
	for i, s := range sockets {
		w.link(fmt.Sprintf("/proc/%d/fd/%d", pid, i+3), fmt.Sprintf("socket:[%d]", s))
	}
}

const tcpHead = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"

// listen adds a line to /proc/net/tcp: address and port in hex, as there.
func listen(address string, inode int) string {
	return fmt.Sprintf("   0: %s 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 %d 1 0 100 0 0 10 0\n", address, inode)
}
