package peer

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
)

// adminConf is where `kubeadm init` leaves the administrator's kubeconfig.
const adminConf = "/etc/kubernetes/admin.conf"

// Init is what the guides say to type: kubeadm init with a configuration file,
// kubectl apply of the pod network, and the taint lifted. It returns when all
// three have ended, which is before the cluster answers.
func (p *Peer) Init(ctx context.Context) error {
	if err := p.ControlPlane(ctx); err != nil {
		return err
	}
	return p.kubectl(ctx, "taint", "nodes", "--all", "node-role.kubernetes.io/control-plane-")
}

// ControlPlane is Init with the taint left on, and more of kubeadm's flags.
func (p *Peer) ControlPlane(ctx context.Context, flags ...string) error {
	if _, err := p.Configure(); err != nil {
		return err
	}
	if err := p.kubeadmInit(ctx, flags); err != nil {
		return err
	}
	return p.kubectl(ctx, "apply", "-f", p.work("kube-flannel.yaml"))
}

// Configure writes kubeadm's configuration of the same cluster that Keelway
// makes, whose path it returns, and flannel's manifest.
func (p *Peer) Configure() (string, error) {
	file := p.work("kubeadm.yaml")
	m := p.Model
	documents := [][]byte{config.Marshal(m.Hosts[0].Init), config.Marshal(m.Cluster), config.Marshal(m.Kubelet), config.Marshal(m.Proxy)}
	if err := writeFile(file, 0o600, bytes.Join(documents, []byte("---\n"))); err != nil {
		return "", err
	}
	var manifest [][]byte
	for _, r := range desired.For(m, 0).Resources {
		if r.ID != "addon/flannel" {
			continue
		}
		for _, o := range r.Objects {
			manifest = append(manifest, config.Marshal(o.Object))
		}
	}
	if manifest == nil {
		return "", fmt.Errorf("no step addon/flannel in `keelway explain`: the benchmark's list is out of date")
	}
	return file, writeFile(p.work("kube-flannel.yaml"), 0o600, bytes.Join(manifest, []byte("---\n")))
}

// starting is what kubeadm prints right before it has the init system start the
// kubelet, when all its files are written.
const starting = "[kubelet-start] Starting the kubelet"

// kubeadmInit runs `kubeadm init`. kubeadm starts the kubelet through systemctl;
// where systemd does not run that fails with a warning, so the kubelet is
// started from its unit in the same moment.
func (p *Peer) kubeadmInit(ctx context.Context, flags []string) error {
	// What is ignored: swap and the like are the machine's, and the same for both sides.
	args := []string{"init", "--config", p.work("kubeadm.yaml"), "--ignore-preflight-errors", "all", "--skip-token-print"}
	c := exec.CommandContext(ctx, p.Kubeadm, append(args, flags...)...)
	c.Stderr = p.Log
	out, err := c.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.Start(); err != nil {
		return err
	}
	begun := make(chan error, 1)
	lines := bufio.NewScanner(io.TeeReader(out, p.Log))
	for lines.Scan() {
		if strings.TrimSpace(lines.Text()) == starting && p.Services.Kind() != "systemd" {
			go func() { begun <- p.Services.Start(ctx, "kubelet") }()
		}
	}
	err = c.Wait()
	if err != nil {
		return fmt.Errorf("kubeadm init: %w", err)
	}
	if p.Services.Kind() == "systemd" {
		return nil
	}
	select {
	case err = <-begun:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *Peer) kubectl(ctx context.Context, args ...string) error {
	c := exec.CommandContext(ctx, "/usr/bin/kubectl", append([]string{"--kubeconfig", adminConf}, args...)...)
	c.Stdout, c.Stderr = p.Log, p.Log
	if err := c.Run(); err != nil {
		return fmt.Errorf("kubectl %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
