// Package floor measures what no tool can be faster than: etcd and the API server alone, with no kubelet, no containers and nothing else.
package floor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/controlplane"
	"keelway.dev/keelway/internal/desired/etcd"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/pki"
)

// Floor is how long the two took, from the start of etcd.
type Floor struct {
	// Etcd is until etcd answers that it is healthy; API until the API server
	// answers /readyz.
	Etcd, API time.Duration
}

// Options say what to run.
type Options struct {
	Host host.Host
	// Model is the cluster whose flags are taken. Ports and folders are changed
	// so that a cluster on this machine is not in the way.
	Model *cluster.Model
	// Etcd and Kube are the programs of many names.
	Etcd, Kube string
	// Work is an empty folder.
	Work string
	Log  io.Writer
}

// Measure runs etcd and the API server on an empty folder until both answer,
// and ends them.
func Measure(ctx context.Context, o Options) (f Floor, err error) {
	h := o.Model.Hosts[0]
	if err := o.writeKeys(h); err != nil {
		return f, err
	}
	for name, program := range map[string]string{"etcd": o.Etcd, "kube-apiserver": o.Kube} {
		if err := os.Symlink(program, filepath.Join(o.Work, name)); err != nil {
			return f, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	began := time.Now()
	for _, part := range []struct {
		command []string
		health  string
		took    *time.Duration
	}{
		{etcd.Pod(o.Model, h).Spec.Containers[0].Command, "http://127.0.0.1:12381/readyz", &f.Etcd},
		{controlplane.APIServer(o.Model, h).Spec.Containers[0].Command, "https://127.0.0.1:16443/readyz", &f.API},
	} {
		end, startErr := o.start(part.command)
		if startErr != nil {
			return f, startErr
		}
		defer func() { err = errors.Join(err, end()) }()
		if err := await(ctx, o.Host, part.health); err != nil {
			return f, err
		}
		*part.took = time.Since(began)
	}
	return f, nil
}

// writeKeys issues every certificate of the model below the work folder.
func (o Options) writeKeys(h cluster.Host) error {
	now := time.Now()
	pairs := map[string]*pki.Pair{}
	for _, spec := range pki.Table(desired.PKI(o.Model, h)) {
		pair, err := pki.Issue(rand.Reader, now, spec, pairs[spec.Parent])
		if err != nil {
			return err
		}
		pairs[spec.Base] = pair
		if err := errors.Join(o.write(spec.KeyPath(), pair.KeyPEM), o.write(spec.CertPath(), pair.CertPEM)); err != nil {
			return err
		}
	}
	private, public, err := pki.IssueKeypair(rand.Reader, pki.ECDSAP256)
	if err != nil {
		return err
	}
	folder := o.Model.Cluster.CertificatesDir
	return errors.Join(o.write(folder+"/sa.key", private), o.write(folder+"/sa.pub", public))
}

func (o Options) write(path string, content []byte) error {
	path = o.move(path)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// move puts folders below the work folder, and ports out of a cluster's way.
func (o Options) move(text string) string {
	return strings.NewReplacer(
		"/etc/kubernetes", o.Work+"/etc/kubernetes", "/var/lib/etcd", o.Work+"/etcd-data",
		":2379", ":12379", ":2380", ":12380", ":2381", ":12381", "=6443", "=16443",
	).Replace(text)
}

// start runs a static pod's command here. end ends it.
func (o Options) start(command []string) (end func() error, err error) {
	argv := make([]string, len(command))
	for i, word := range command {
		argv[i] = o.move(word)
	}
	c := exec.Command(filepath.Join(o.Work, argv[0]), argv[1:]...)
	c.Stdout, c.Stderr = o.Log, o.Log
	if err := c.Start(); err != nil {
		return nil, err
	}
	return func() error {
		if err := c.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		_ = c.Wait() // it was killed
		return nil
	}, nil
}

// await asks a health endpoint until it answers 200.
func await(ctx context.Context, h host.Host, url string) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, words := kube.Healthz(ctx, h, url)
		if ok {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s does not answer: %s: %w", url, words, ctx.Err())
		case <-tick.C:
		}
	}
}
