package observe_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"io/fs"
	"reflect"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
	"keelway.dev/keelway/internal/observe"
)

// machine is a Debian host with systemd, one network card and cgroup v2.
type machine struct {
	*hosttest.Host
	t *testing.T
}

func newMachine(t *testing.T) machine {
	m := machine{hosttest.New("node-1"), t}
	for path, text := range map[string]string{
		"/proc/sys/kernel/hostname":                    "Node-1\n",
		"/proc/sys/kernel/osrelease":                   "6.1.0-18-amd64\n",
		"/proc/1/comm":                                 "systemd\n",
		"/proc/1/status":                               "Name:\tsystemd\nCapEff:\t000001ffffffffff\n",
		"/proc/self/status":                            "Name:\tkeelway\nCapEff:\t000001fffeffffff\n",
		"/proc/self/environ":                           "HOME=/root\x00no_proxy=10.0.0.0/8\x00HTTPS_PROXY=http://proxy:3128\x00EMPTY_PROXY=\x00",
		"/proc/self/mountinfo":                         "22 27 0:21 / /proc rw - proc proc rw\n31 23 0:28 / /sys/fs/cgroup rw shared:4 - cgroup2 cgroup2 rw,nsdelegate\n27 1 254:0 / / rw - ext4 /dev/vda rw\n",
		"/proc/net/route":                              routeText,
		"/proc/net/fib_trie":                           trieText,
		"/proc/net/ipv6_route":                         route6Text,
		"/proc/net/if_inet6":                           address6Text,
		"/proc/sys/net/bridge/bridge-nf-call-iptables": "1\n",
		"/proc/sys/net/core/netdev_max_backlog":        "1000\n",
		"/proc/sys/net/netfilter/nf_conntrack_max":     "262144\n",
		"/sys/class/net/ens3/mtu":                      "1450\n",
		"/sys/module/nf_tables/initstate":              "live\n",
		"/run/systemd/resolve/resolv.conf":             "nameserver 10.0.0.1\n",
		"/run/systemd/system/x":                        "",
		"/boot/config-6.1.0-18-amd64":                  "# comment\nCONFIG_NF_TABLES=m\nCONFIG_NFT_CT=m\nCONFIG_NFT_FIB=m\nCONFIG_NFT_MASQ=m\nCONFIG_NFT_NAT=m\nCONFIG_NFT_NUMGEN=m\nCONFIG_NFT_REJECT=m\nCONFIG_HZ=250\n",
		"/usr/share/ca-certificates/mozilla/A.crt":     "",
		"/etc/ca-certificates/update.d/x":              "",
		"/lib/modules/6.1.0-18-amd64/modules.dep":      "kernel/net/netfilter/nf_tables.ko.xz: kernel/x.ko\nkernel/net/bridge/br-netfilter.ko:\n",
		"/lib/modules/6.1.0-18-amd64/modules.builtin":  "kernel/fs/overlayfs/overlay.ko\n",
	} {
		m.put(path, text)
	}
	m.Answer("Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda1  1000 600 400 60% /var/lib\n", 0, "df", "-P", "-k", "--")
	m.Answer("", 0, "systemctl", "is-active", "--quiet", "systemd-resolved")
	return m
}

func (m machine) put(path, text string) {
	m.t.Helper()
	if err := m.Put(context.Background(), host.Entry{Path: path, Mode: 0o644}, strings.NewReader(text)); err != nil {
		m.t.Fatal(err)
	}
}

func (m machine) remove(path string) {
	m.t.Helper()
	if err := m.Remove(context.Background(), path); err != nil {
		m.t.Fatal(err)
	}
}

const routeText = `Iface	Destination	Gateway 	Flags	RefCnt	Use	Metric	Mask		MTU	Window	IRTT
ens3	00000000	0100000A	0003	0	0	100	00000000	0	0	0
ens3	0000000A	00000000	0001	0	0	100	00FFFFFF	0	0	0
ens4	0001A8C0	00000000	0001	0	0	101	00FFFFFF	0	0	0
cni0	0000F40A	00000000	0001	0	0	0	00FFFFFF	0	0	0
*	0000FEA9	00000000	0201	0	0	0	0000FFFF	0	0	0
`

// The addresses stand in the order of their numbers, not of their links.
const trieText = `Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 10.0.0.0
        /24 link UNICAST
     |-- 10.0.0.7
        /32 host LOCAL
Local:
     |-- 10.0.0.7
        /32 host LOCAL
     |-- 10.244.0.1
        /32 host LOCAL
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 192.168.1.7
        /32 host LOCAL
     |-- 192.168.1.255
        /32 link BROADCAST
`

const route6Text = `20010db8000000000000000000000000 40 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000001 00000000 00000001     ens3
00000000000000000000000000000000 00 00000000000000000000000000000000 00 20010db8000000000000000000000001 00000400 00000002 00000000 00000003     ens3
20010db8000000000000000000000007 80 00000000000000000000000000000000 00 00000000000000000000000000000000 00000000 00000003 00000000 80200001     ens3
00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 00000001 00000000 00200200       lo
ff000000000000000000000000000000 08 00000000000000000000000000000000 00 00000000000000000000000000000000 00000100 00000003 00000000 00000001     ens3
`

// The last two are temporary and deprecated.
const address6Text = `00000000000000000000000000000001 01 80 10 80       lo
fe800000000000000000000000000007 02 40 20 80     ens3
20010db8000000000000000000000007 02 40 00 80     ens3
20010db800000000aaaaaaaaaaaaaaaa 02 40 00 01     ens3
20010db800000000bbbbbbbbbbbbbbbb 02 40 00 20     ens3
`

func whole() cluster.Facts {
	return cluster.Facts{
		Hostname:           "Node-1",
		Addresses:          []string{"10.0.0.7", "2001:db8::7", "192.168.1.7"},
		CgroupVersion:      2,
		OOMScoreAdjustable: true,
		NFTables:           true,
		BridgeNetfilter:    true,
		BridgeModule:       "br_netfilter",
		ConntrackWritable:  true,
		SystemdResolved:    true,
		Systemd:            true,
		CAFolders:          []string{"/etc/ca-certificates", "/usr/share/ca-certificates"},
		Interface:          "ens3",
		MTU:                1450,
		DiskFreePercent:    40,
		ProxyEnvironment: []config.EnvVar{
			{EnvVar: corev1.EnvVar{Name: "HTTPS_PROXY", Value: "http://proxy:3128"}},
			{EnvVar: corev1.EnvVar{Name: "no_proxy", Value: "10.0.0.0/8"}},
		},
	}
}

// Each row changes one thing on the machine and says how the facts change.
func TestFacts(t *testing.T) {
	rows := []struct {
		name   string
		change func(machine)
		want   func(*cluster.Facts)
	}{
		{"as it is", func(machine) {}, func(*cluster.Facts) {}},
		{"no systemd, though its folder is left", func(m machine) { m.put("/proc/1/comm", "init\n") }, func(f *cluster.Facts) {
			// The capabilities are then those of the process that asks.
			f.Systemd, f.SystemdResolved, f.OOMScoreAdjustable = false, false, false
		}},
		{"systemd installed, not booted", func(m machine) { m.remove("/run/systemd/system") }, func(f *cluster.Facts) {
			f.Systemd, f.SystemdResolved, f.OOMScoreAdjustable = false, false, false
		}},
		{"resolved stopped", func(m machine) { m.Answer("", 3, "systemctl", "is-active", "--quiet", "systemd-resolved") }, func(f *cluster.Facts) {
			f.SystemdResolved = false
		}},
		{"resolved absent", func(m machine) { m.remove("/run/systemd/resolve") }, func(f *cluster.Facts) { f.SystemdResolved = false }},
		{"no CAP_SYS_RESOURCE", func(m machine) { m.put("/proc/1/status", "CapEff:\t000001fffeffffff\n") }, func(f *cluster.Facts) {
			f.OOMScoreAdjustable = false
		}},
		{"hybrid cgroups", func(m machine) {
			m.put("/proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")
		}, func(f *cluster.Facts) { f.CgroupVersion = 1 }},
		{"a nested network namespace", func(m machine) { m.remove("/proc/sys/net/core/netdev_max_backlog") }, func(f *cluster.Facts) {
			f.ConntrackWritable = false
		}},
		{"conntrack without write bits", func(m machine) {
			e := host.Entry{Path: "/proc/sys/net/netfilter/nf_conntrack_max", Mode: 0o444}
			if err := m.Put(context.Background(), e, strings.NewReader("1")); err != nil {
				m.t.Fatal(err)
			}
		}, func(f *cluster.Facts) { f.ConntrackWritable = false }},
		{"conntrack not loaded yet", func(m machine) { m.remove("/proc/sys/net/netfilter") }, func(*cluster.Facts) {}},
		{"/proc/sys read-only", func(m machine) {
			m.put("/proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n50 22 0:21 /sys /proc/sys ro,nosuid - proc proc rw\n")
		}, func(f *cluster.Facts) { f.ConntrackWritable = false }},
		{"/proc/sys read-only, but its net", func(m machine) {
			m.put("/proc/self/mountinfo", "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n50 22 0:21 /sys /proc/sys ro - proc proc rw\n51 50 0:21 /sys/net /proc/sys/net rw - proc proc rw\n")
		}, func(*cluster.Facts) {}},
		{"bridge filter not loaded", func(m machine) { m.remove("/proc/sys/net/bridge") }, func(*cluster.Facts) {}},
		{"bridge filter built in", func(m machine) { m.remove("/lib/modules") }, func(f *cluster.Facts) { f.BridgeModule = "" }},
		{"no bridge filter", func(m machine) {
			m.remove("/proc/sys/net/bridge")
			m.remove("/lib/modules/6.1.0-18-amd64/modules.dep")
		}, func(f *cluster.Facts) { f.BridgeNetfilter, f.BridgeModule = false, "" }},
		{"kernel too old for nftables", func(m machine) {
			m.put("/proc/sys/kernel/osrelease", "5.10.0-28-amd64\n")
			m.put("/boot/config-5.10.0-28-amd64", "CONFIG_NF_TABLES=y\n")
		}, func(f *cluster.Facts) { f.NFTables, f.BridgeModule = false, "" }},
		{"nftables without numgen", func(m machine) { m.put("/boot/config-6.1.0-18-amd64", "CONFIG_NF_TABLES=y\n") }, func(f *cluster.Facts) { f.NFTables = false }},
		{"nftables loadable", func(m machine) { m.remove("/sys/module/nf_tables") }, func(*cluster.Facts) {}},
		{"nftables only in the configuration", func(m machine) {
			// As after an upgrade of the kernel without a reboot.
			m.remove("/sys/module/nf_tables")
			m.remove("/lib/modules/6.1.0-18-amd64")
			m.put("/lib/modules/6.1.0-19-amd64/modules.dep", "kernel/net/netfilter/nf_tables.ko.xz:\n")
			m.Answer("", 1, "grep", "-q", "-m1", "-F", "nft_do_chain", "/proc/kallsyms")
		}, func(f *cluster.Facts) { f.NFTables, f.BridgeModule = false, "" }},
		{"nftables a module of the outer machine", func(m machine) {
			m.remove("/sys/module/nf_tables")
			m.remove("/lib/modules")
		}, func(f *cluster.Facts) { f.BridgeModule = "" }},
		{"nftables known by its symbols", func(m machine) {
			m.remove("/sys/module/nf_tables")
			m.remove("/lib/modules")
			m.remove("/boot")
			m.Answer("", 0, "grep", "-q", "-m1", "-F", "nft_do_chain", "/proc/kallsyms")
		}, func(f *cluster.Facts) { f.BridgeModule = "" }},
		{"packed kernel configuration", func(m machine) {
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			_, _ = z.Write([]byte("CONFIG_NF_TABLES=y\n"))
			z.Close()
			m.put("/proc/config.gz", b.String())
		}, func(f *cluster.Facts) { f.NFTables = false }},
		{"no IPv6", func(m machine) { m.remove("/proc/net/if_inet6"); m.remove("/proc/net/ipv6_route") }, func(f *cluster.Facts) {
			f.Addresses = []string{"10.0.0.7", "192.168.1.7"}
		}},
		{"no network", func(m machine) {
			for _, f := range []string{"route", "fib_trie", "if_inet6", "ipv6_route"} {
				m.put("/proc/net/"+f, "")
			}
		}, func(f *cluster.Facts) { f.Addresses, f.Interface, f.MTU = nil, "", 0 }},
		{"the default route on the other card", func(m machine) {
			m.put("/proc/net/route", strings.ReplaceAll(strings.Replace(routeText, "ens3\t00000000", "ens4\t00000000", 1), "0100000A", "0101A8C0"))
			m.put("/sys/class/net/ens4/mtu", "9000\n")
		}, func(f *cluster.Facts) {
			f.Addresses, f.Interface, f.MTU = []string{"192.168.1.7", "10.0.0.7", "2001:db8::7"}, "ens4", 9000
		}},
		{"/sys of another namespace", func(m machine) {
			m.remove("/sys/class")
			m.put("/proc/sys/net/ipv6/conf/ens3/mtu", "1280\n")
		}, func(f *cluster.Facts) { f.MTU = 1280 }},
		{"a CA folder behind a link", func(m machine) {
			e := host.Entry{Path: "/etc/pki/tls/certs", Mode: fs.ModeSymlink, Link: "/usr/share/ca-certificates"}
			if err := m.Put(context.Background(), e, nil); err != nil {
				m.t.Fatal(err)
			}
		}, func(f *cluster.Facts) {
			f.CAFolders = []string{"/etc/ca-certificates", "/etc/pki/tls/certs", "/usr/share/ca-certificates"}
		}},
		{"no proxy", func(m machine) { m.put("/proc/self/environ", "HOME=/root\x00") }, func(f *cluster.Facts) { f.ProxyEnvironment = nil }},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			m := newMachine(t)
			r.change(m)
			m.Forget()
			want := whole()
			r.want(&want)
			got, err := observe.Facts(t.Context(), m)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
			for _, c := range m.Calls() {
				if c.Op == "put" || c.Op == "remove" {
					t.Errorf("changed the machine: %s %s", c.Op, c.Path)
				}
			}
		})
	}
}

// A fact that cannot be had is named.
func TestFactsError(t *testing.T) {
	for path, word := range map[string]string{
		"/proc/sys/kernel/hostname": "the host name",
		"/proc/net/fib_trie":        "the addresses",
		"/proc/self/mountinfo":      "cgroup",
		"/proc/1/status":            "the init system",
		"/sys/class/net/ens3/mtu":   "MTU of ens3",
	} {
		m := newMachine(t)
		m.remove(path)
		if _, err := observe.Facts(t.Context(), m); err == nil || !strings.Contains(err.Error(), word) || !strings.Contains(err.Error(), "node-1") {
			t.Errorf("without %s: %v, want %q", path, err, word)
		}
	}
	m := newMachine(t)
	m.Answer("df: /var/lib: Stale file handle\n", 1, "df")
	if _, err := observe.Facts(t.Context(), m); err == nil || !strings.Contains(err.Error(), "the free disk") {
		t.Errorf("df that fails: %v", err)
	}
}
