package resident

import (
	"context"
	"fmt"
	"path"
	"strings"
	"time"

	"keelway.dev/keelway/internal/preflight/subject"
)

// Runtime finds somebody else's container runtime where Keelway's must be, or
// none where the model says that there is one.
func Runtime(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	if !s.OwnRuntime() {
		return brought(ctx, s)
	}
	r, err := s.Runtime(ctx)
	if err != nil || !r.Served || r.Ours {
		return nil, err
	}
	ours := s.Binary("containerd", "/usr/local/bin/containerd")
	if !r.Known {
		return []subject.Finding{{
			Warning: true,
			Message: fmt.Sprintf("somebody who cannot be seen from here serves %s, where Keelway's containerd (%s) must", s.Socket(), ours),
		}}, nil
	}
	return []subject.Finding{{
		Message: fmt.Sprintf("%s is served by %s, whose program is %s; Keelway's containerd (%s) must be the one there", s.Socket(), r.Process, r.Executable, ours),
		Fix:     "stop it with what runs on it and keep it from starting, such as `systemctl disable --now docker docker.socket containerd`, or remove its packages",
	}}, nil
}

// brought checks a runtime that the person installed: it must answer.
func brought(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	limited, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	conn, err := s.Host.Dial(limited, "unix", s.Socket())
	if err != nil {
		return []subject.Finding{{
			Message: fmt.Sprintf("could not connect to the container runtime: %v", err),
			Fix:     "start it, or have Keelway install one with the pod network's plugins: `keelway up --until sysctl`; `keelway up` makes the whole cluster in one go",
		}}, ctx.Err()
	}
	if err := conn.Close(); err != nil {
		return nil, err
	}
	return switchedOff(ctx, s)
}

// switchedOff finds a containerd whose CRI plugin is disabled, as Docker's
// package has it.
func switchedOff(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	r, err := s.Runtime(ctx)
	if err != nil || r.Name() != "containerd" {
		return nil, err
	}
	text, err := s.Text(ctx, r.Config())
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(key) == "disabled_plugins" && (strings.Contains(value, `"cri"`) || strings.Contains(value, "grpc.v1.cri")) {
			return []subject.Finding{{
				Message: fmt.Sprintf("containerd at %s has its CRI plugin switched off (disabled_plugins in %s): the kubelet gets no answer", s.Socket(), r.Config()),
				Fix:     fmt.Sprintf("take cri out of disabled_plugins in %s, and restart containerd", r.Config()),
			}}, nil
		}
	}
	return nil, err
}

// distribution is another way to run Kubernetes, by what it leaves on a host.
type distribution struct {
	name, remove string
	processes    []string
	folders      []string
}

func distributions() []distribution {
	return []distribution{
		{"k3s", "k3s-uninstall.sh or k3s-agent-uninstall.sh", []string{"k3s", "k3s-server", "k3s-agent"}, []string{"/var/lib/rancher/k3s/server", "/var/lib/rancher/k3s/agent"}},
		{"RKE2", "rke2-uninstall.sh", []string{"rke2"}, []string{"/var/lib/rancher/rke2"}},
		{"k0s", "k0s stop && k0s reset", []string{"k0s"}, []string{"/var/lib/k0s"}},
		{"MicroK8s", "snap remove microk8s --purge", []string{"kubelite", "k8s-dqlite"}, []string{"/var/snap/microk8s"}},
		{"minikube without a driver", "minikube delete", nil, []string{"/var/lib/minikube"}},
	}
}

// Others finds other clusters on the host, and a Docker engine, whose packet
// filter stands in the way of pods.
func Others(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	var found []subject.Finding
	for _, d := range distributions() {
		some, err := s.Named(ctx, d.processes...)
		if err != nil {
			return nil, err
		}
		if len(some) > 0 {
			found = append(found, subject.Finding{
				Message: fmt.Sprintf("%s runs on %s, %s: two kubelets would fight over the same ports, cgroups and network", d.name, s.Host.Name(), some[0]),
				Fix:     "remove it first: " + d.remove,
			})
			continue
		}
		for _, dir := range d.folders {
			there, err := s.Exists(ctx, dir)
			if err != nil {
				return nil, err
			}
			if there {
				found = append(found, subject.Finding{
					Warning: true,
					Message: fmt.Sprintf("%s does not run on %s, but its data is in %s: it may start again at the next boot", d.name, s.Host.Name(), dir),
					Fix:     "remove it: " + d.remove,
				})
				break
			}
		}
	}
	docker, err := s.Named(ctx, "dockerd")
	if err == nil && len(docker) > 0 {
		found = append(found, subject.Finding{
			Warning: true,
			Message: fmt.Sprintf("the Docker engine runs on %s, %s: it makes the kernel drop forwarded packets, and with them those between pods of two hosts", s.Host.Name(), docker[0]),
			Fix:     "stop it, or set \"ip-forward-no-drop\": true in /etc/docker/daemon.json and restart it",
		})
	}
	return found, err
}

// Unit finds drop-ins by others that change the kubelet's unit.
func Unit(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	if !s.Node().Facts.Systemd {
		return nil, nil
	}
	var found []subject.Finding
	for _, dir := range []string{"/usr/lib", "/usr/local/lib", "/run", "/etc"} {
		entries, err := s.List(ctx, dir+"/systemd/system/kubelet.service.d")
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			if path.Ext(e.Path) != ".conf" || s.Owns(e.Path) {
				continue
			}
			found = append(found, subject.Finding{
				Name:    "Service-kubelet",
				Warning: true,
				Message: fmt.Sprintf("%s changes the kubelet's unit, also the one that Keelway installs", e.Path),
				Fix:     "remove it, or the package it came with (`dpkg -S` or `rpm -qf` says which)",
			})
		}
	}
	return found, nil
}

// Forwarding finds kernel settings that Keelway cannot make, or that something
// else takes back at the next boot.
func Forwarding(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	var found []subject.Finding
	for _, k := range forwarding(s) {
		text, err := s.Text(ctx, k.file())
		if err != nil {
			return nil, err
		}
		name := label("FileContent", k.file())
		value := strings.TrimSpace(text)
		if value == "" {
			found = append(found, subject.Finding{Name: name, Message: k.file() + " does not exist", Fix: "boot with IPv6 switched on, or use ranges and addresses of IPv4 only"})
			continue
		}
		if value != "1" {
			f, ok, err := settable(ctx, s, k)
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, f)
			}
		}
		f, ok, err := persisted(ctx, s, k)
		if err != nil {
			return nil, err
		}
		if ok {
			found = append(found, f)
		}
	}
	return found, nil
}
