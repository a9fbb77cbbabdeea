// Package containerd writes the container runtime's configuration and unit.
package containerd

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/cluster"
)

// Where the runtime's files lie.
const (
	ConfigFile = "/etc/containerd/config.toml"
	UnitFile   = "/usr/lib/systemd/system/containerd.service"
	CrictlFile = "/etc/crictl.yaml"
	Root       = "/var/lib/containerd"
	State      = "/run/containerd"
	Socket     = "/run/containerd/containerd.sock"
)

// unused are plugins that no Kubernetes node needs: other snapshotters and
// image forms, node resource interface, restart of plain containers, tracing.
// Each of them costs memory, or a warning at every start.
func unused() []string {
	return []string{
		"io.containerd.differ.v1.erofs",
		"io.containerd.image-verifier.v1.bindir",
		"io.containerd.internal.v1.opt",
		"io.containerd.internal.v1.tracing",
		"io.containerd.monitor.container.v1.restart",
		"io.containerd.mount-handler.v1.erofs",
		"io.containerd.nri.v1.nri",
		"io.containerd.snapshotter.v1.blockfile",
		"io.containerd.snapshotter.v1.erofs",
		"io.containerd.snapshotter.v1.native",
		"io.containerd.tracing.processor.v1.otlp",
	}
}

// Config is containerd's configuration for the host.
func Config(m *cluster.Model, h cluster.Host) []byte {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# Written by keelway. The sections are those of containerd 2; see https://containerd.io.")
	line("version = 3")
	line("root = %q", Root)
	line("state = %q", State)
	line("disabled_plugins = [")
	for _, name := range unused() {
		line("  %q,", name)
	}
	line("]")
	line("")
	line("# The sandbox image holds a pod's namespaces open. It must be the one that")
	line("# was imported: a machine may have no way to pull another.")
	line("[plugins.'io.containerd.cri.v1.images'.pinned_images]")
	line("  sandbox = %q", m.Image("pause"))
	line("")
	if len(m.Registries.Mirrors) > 0 {
		line("# A folder for each registry that has mirrors; it is read at each pull.")
		line("[plugins.'io.containerd.cri.v1.images'.registry]")
		line("  config_path = %q", MirrorDir)
		line("")
	}
	line("[plugins.'io.containerd.cri.v1.runtime']")
	if !h.Facts.OOMScoreAdjustable {
		line("  # This machine lacks CAP_SYS_RESOURCE: without this, runc fails with")
		line("  # \"failed to update /proc/self/oom_score_adj\".")
		line("  restrict_oom_score_adj = true")
	}
	line("  [plugins.'io.containerd.cri.v1.runtime'.cni]")
	line("    bin_dirs = [\"/opt/cni/bin\"]")
	line("    conf_dir = \"/etc/cni/net.d\"")
	line("  [plugins.'io.containerd.cri.v1.runtime'.containerd]")
	line("    default_runtime_name = \"runc\"")
	line("    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]")
	line("      runtime_type = \"io.containerd.runc.v2\"")
	line("      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]")
	line("        BinaryName = \"/usr/local/sbin/runc\"")
	line("        # The same cgroup driver as the kubelet's, or pods do not start.")
	line("        SystemdCgroup = %t", h.Facts.SystemdCgroups())
	return []byte(b.String())
}

// Unit is containerd's unit. Delegate and KillMode matter: containers keep
// their cgroups and live on while containerd restarts.
func Unit(m *cluster.Model, h cluster.Host) []byte {
	score := ""
	if h.Facts.OOMScoreAdjustable {
		score = "OOMScoreAdjust=-999\n"
	}
	proxy := ""
	if len(m.Registries.Proxy) > 0 {
		proxy = "EnvironmentFile=" + ProxyFile + "\n"
	}
	return []byte(`[Unit]
Description=containerd container runtime
Documentation=https://containerd.io
After=network.target dbus.service

[Service]
ExecStart=/usr/local/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
` + m.Tuning.UnitLines() + proxy + score + `
[Install]
WantedBy=multi-user.target
`)
}

// Crictl points crictl at containerd.
func Crictl() []byte {
	return []byte("runtime-endpoint: unix://" + Socket + "\nimage-endpoint: unix://" + Socket + "\ntimeout: 10\n")
}
