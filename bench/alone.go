package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"keelway.dev/keelway/bench/floor"
	"keelway.dev/keelway/bench/sample"
	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/pki"
)

// starts is how often a program is started to measure its start.
const starts = 20

// cli measures how long the programs take to say their version.
func (b *bench) cli(ctx context.Context) error {
	f := figure{name: "the program's own start (version)", unit: "ms", targets: []target{own(50)}}
	for range starts {
		for program, s := range map[string]*sample.Sample{b.kubeadm: &f.reference, b.keelway: &f.ours} {
			took, err := b.timed(ctx, program, "version")
			if err != nil {
				return err
			}
			*s = append(*s, took.Seconds()*1000)
		}
	}
	b.figures = append(b.figures, f)
	return nil
}

func (b *bench) timed(ctx context.Context, program string, args ...string) (time.Duration, error) {
	c := exec.CommandContext(ctx, program, args...)
	c.Stdout, c.Stderr = b.log, b.log
	began := time.Now()
	err := c.Run()
	if err != nil {
		err = fmt.Errorf("%s %v: %w", program, args, err)
	}
	return time.Since(began), err
}

// pki measures how long every certificate, key and kubeconfig of a control
// plane takes, one after the other, written to files. kubeadm's are its own two
// phases, without the time that the program takes to start.
func (b *bench) pki(ctx context.Context) error {
	usual := figure{name: "PKI, default profile (ECDSA P-256) beside kubeadm's default (RSA-2048)", unit: "s", targets: []target{own(0.1)}}
	alike := figure{name: "PKI, kubeadm profile (RSA-2048) beside the same", unit: "s"}
	for range b.pairs {
		theirs, err := b.kubeadmPKI(ctx)
		if err != nil {
			return err
		}
		for _, row := range []struct {
			f     *figure
			model *cluster.Model
		}{{&usual, b.ours}, {&alike, b.theirs}} {
			took, err := b.issue(row.model)
			if err != nil {
				return err
			}
			row.f.ours = append(row.f.ours, took.Seconds())
			row.f.reference = append(row.f.reference, theirs.Seconds())
		}
	}
	b.figures = append(b.figures, usual, alike)
	return nil
}

func (b *bench) kubeadmPKI(ctx context.Context) (time.Duration, error) {
	root, err := b.folder()
	if err != nil {
		return 0, err
	}
	file := filepath.Join(root, "kubeadm.yaml")
	text := append(append(config.Marshal(b.theirs.Hosts[0].Init), "---\n"...), config.Marshal(b.theirs.Cluster)...)
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return 0, err
	}
	var sum time.Duration
	for _, phase := range []string{"certs", "kubeconfig"} {
		start, err := b.timed(ctx, b.kubeadm, "version")
		if err != nil {
			return 0, err
		}
		took, err := b.timed(ctx, b.kubeadm, "init", "phase", phase, "all", "--config", "/kubeadm.yaml", "--rootfs", root)
		if err != nil {
			return 0, err
		}
		sum += took - start
	}
	return sum, nil
}

// issue does what the steps of the phases certs and kubeconfig do.
func (b *bench) issue(m *cluster.Model) (time.Duration, error) {
	root, err := b.folder()
	if err != nil {
		return 0, err
	}
	began := time.Now()
	write := func(path string, data []byte) error {
		path = filepath.Join(root, path)
		return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, data, 0o600))
	}
	in := desired.PKI(m, m.Hosts[0])
	pairs := map[string]*pki.Pair{}
	for _, spec := range pki.Table(in) {
		pair, err := pki.Issue(rand.Reader, began, spec, pairs[spec.Parent])
		if err != nil {
			return 0, err
		}
		pairs[spec.Base] = pair
		if err := errors.Join(write(spec.KeyPath(), pair.KeyPEM), write(spec.CertPath(), pair.CertPEM)); err != nil {
			return 0, err
		}
	}
	private, public, err := pki.IssueKeypair(rand.Reader, in.Algorithm)
	if err := errors.Join(err, write("sa.key", private), write("sa.pub", public)); err != nil {
		return 0, err
	}
	for _, k := range pki.Kubeconfigs(in) {
		data, err := pki.IssueKubeconfig(rand.Reader, began, k, pairs["ca"])
		if err := errors.Join(err, write(k.Path, data)); err != nil {
			return 0, err
		}
	}
	return time.Since(began), nil
}

// floor measures etcd and the API server alone.
func (b *bench) floor(ctx context.Context) error {
	folder, err := b.folder()
	if err != nil {
		return err
	}
	opened, err := bundle.Open(ctx, b.bundle, folder)
	if err != nil {
		return err
	}
	kube, _, err := opened.Binary("kubelet")
	if err != nil {
		return err
	}
	etcd, _, err := opened.Binary("etcdctl")
	if err != nil {
		return err
	}
	member := figure{name: "floor: etcd alone, until it is healthy", unit: "s"}
	api := figure{name: "floor: etcd, then the API server, until it is ready", unit: "s"}
	for range b.pairs {
		work, err := b.folder()
		if err != nil {
			return err
		}
		f, err := floor.Measure(ctx, floor.Options{Host: b.host, Model: b.theirs, Etcd: etcd, Kube: kube, Work: work, Log: b.log})
		if err != nil {
			return err
		}
		b.say("  etcd %.1f s, API server %.1f s", f.Etcd.Seconds(), f.API.Seconds())
		member.ours = append(member.ours, f.Etcd.Seconds())
		api.ours = append(api.ours, f.API.Seconds())
	}
	b.figures = append(b.figures, member, api)
	return nil
}
