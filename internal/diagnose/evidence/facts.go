package evidence

import (
	"context"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/containerd"
	"keelway.dev/keelway/internal/desired/kubelet"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/preflight/survey"
)

// facts reads what is cheap to read and often at fault.
func facts(ctx context.Context, h host.Host, m *cluster.Model, now time.Time) Facts {
	var f Facts
	var wg sync.WaitGroup
	wg.Go(func() {
		if n, err := observe.ReadNetwork(ctx, h); err == nil {
			for _, a := range n.Addresses {
				f.Addresses = append(f.Addresses, a.IP.String())
			}
		}
	})
	wg.Go(func() { f.Disks = disks(ctx, h) })
	wg.Go(func() { f.Certificates = certificates(ctx, h, m, now) })
	wg.Go(func() {
		if mounts, err := observe.ReadMounts(ctx, h); err == nil {
			f.CgroupVersion = observe.CgroupVersion(mounts)
		}
		f.KubeletDriver, f.RuntimeDriver = drivers(ctx, h)
		if c, err := survey.New(h).Clock(ctx); err == nil {
			f.RTC = c.RTC
		}
	})
	wg.Wait()
	return f
}

// disks asks about the folders that fill up, where they exist.
func disks(ctx context.Context, h host.Host) []observe.Disk {
	var there []string
	for _, p := range []string{"/", "/var/lib", "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/etcd", "/var/log", "/run"} {
		if _, err := h.Stat(ctx, p); err == nil {
			there = append(there, p)
		}
	}
	if len(there) == 0 {
		return nil
	}
	all, err := observe.ReadDisks(ctx, h, there...)
	if err != nil {
		return nil
	}
	var list []observe.Disk
	mounts := map[string]bool{}
	for _, d := range all {
		if !mounts[d.Mount] {
			mounts[d.Mount] = true
			list = append(list, d)
		}
	}
	return list
}

// drivers reads who manages cgroups, in the two files that must agree.
func drivers(ctx context.Context, h host.Host) (kubeletDriver, runtimeDriver string) {
	var k struct {
		CgroupDriver string `json:"cgroupDriver"`
	}
	if text, err := observe.ReadText(ctx, h, kubelet.ConfigFile); err == nil && yaml.Unmarshal([]byte(text), &k) == nil {
		kubeletDriver = k.CgroupDriver
	}
	if text, err := observe.ReadText(ctx, h, containerd.ConfigFile); err == nil {
		runtimeDriver = "cgroupfs"
		if regexp.MustCompile(`(?m)^\s*SystemdCgroup\s*=\s*true`).MatchString(text) {
			runtimeDriver = "systemd"
		}
	}
	return kubeletDriver, runtimeDriver
}

// certificates judges what is there; what is missing is a step that is left to
// do, not a fault.
func certificates(ctx context.Context, h host.Host, m *cluster.Model, now time.Time) []Certificate {
	read := func(p string) []byte {
		text, err := observe.ReadText(ctx, h, p)
		if err != nil {
			return nil
		}
		return []byte(text)
	}
	var list []Certificate
	add := func(name, file string, problems []pki.Problem) {
		for _, p := range problems {
			if p.Class == pki.Fatal {
				list = append(list, Certificate{Name: name, Path: file, Problem: p.Text})
			}
		}
	}
	specs, configs := desired.Issued(m, 0)
	for _, s := range specs {
		cert := read(s.CertPath())
		if cert == nil {
			continue
		}
		parent, _ := pki.ParseCert(read(s.ParentCertPath()))
		if s.Parent == "" {
			parent = nil
		}
		add("certs/"+s.Name, s.CertPath(), pki.Check(cert, read(s.KeyPath()), s, parent, now))
	}
	ca, err := pki.ParseCert(read(path.Join(m.Cluster.CertificatesDir, "ca.crt")))
	if err != nil {
		return list
	}
	for _, k := range configs {
		name := strings.TrimSuffix(path.Base(k.Path), ".conf")
		if data := read(k.Path); data != nil {
			add("kubeconfig/"+name, k.Path, pki.CheckKubeconfig(data, k, ca, now))
		}
	}
	return list
}

// holders finds who listens on the ports that lines say are in use.
func holders(ctx context.Context, h host.Host, lines []Line) map[int]Holder {
	pattern := regexp.MustCompile(`:(\d+): bind: address already in use`)
	found := map[int]Holder{}
	s := survey.New(h)
	for _, l := range lines {
		m := pattern.FindStringSubmatch(l.Text)
		if m == nil {
			continue
		}
		port, err := strconv.Atoi(m[1])
		if _, known := found[port]; err != nil || known {
			continue
		}
		found[port] = Holder{}
		listeners, err := s.Listeners(ctx)
		if err != nil {
			continue
		}
		for _, socket := range listeners {
			if socket.Protocol != "tcp" || int(socket.Address.Port()) != port {
				continue
			}
			if p, ok, err := s.Holder(ctx, socket.Inode); err == nil && ok {
				command := []rune(strings.Join(p.Argv, " "))
				found[port] = Holder{PID: p.PID, Name: p.Name(), Command: string(command[:min(100, len(command))])}
			}
		}
	}
	return found
}
