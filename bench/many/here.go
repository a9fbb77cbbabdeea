package many

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"keelway.dev/keelway/bench/peer"
	"keelway.dev/keelway/bench/watch"
	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/operation"
	"keelway.dev/keelway/internal/prior"
	"keelway.dev/keelway/internal/service"
	"keelway.dev/keelway/internal/service/supervisor"
)

// invitation is what `kubeadm init` tells those who join.
type invitation struct{ Token, Pin, Key string }

// Here does one part of the work on the host of a lab that it runs on. What it
// prints last is JSON. number is what the part is told: when time began, how many
// machines, or which of them.
func Here(ctx context.Context, part string, number int64, out, log io.Writer) error {
	switch part {
	case "watch":
		return watchHere(ctx, time.Unix(0, number), out)
	case "machines":
		return machines(ctx, int(number), out)
	case "machine":
		return machine(int(number))
	}
	work, err := os.MkdirTemp("/var/tmp", "bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	p, err := newPeer(ctx, work, log)
	if err != nil {
		return err
	}
	switch part {
	case "place":
		opened, err := bundle.Open(ctx, shared(bundleFile), prior.Dir+"/bundle")
		if err != nil {
			return err
		}
		return p.Place(func(name string) (string, error) {
			path, _, err := opened.Binary(name)
			return path, err
		})
	case "install":
		return p.Install(ctx, shared(bundleFile))
	case "init":
		return initHere(ctx, p, out)
	}
	return fmt.Errorf("no part %q", part)
}

// newPeer is the cluster as kubeadm's configuration has it: its defaults, with
// what this machine needs.
func newPeer(ctx context.Context, work string, log io.Writer) (*peer.Peer, error) {
	p := &peer.Peer{Kubeadm: shared(kubeadmFile), Log: log, Work: work}
	machine, err := local.New("")
	if err != nil {
		return nil, err
	}
	p.Host = machine
	if p.Services, err = service.Detect(ctx, machine, supervisor.Options{}); err != nil {
		return nil, err
	}
	facts, err := observe.Facts(ctx, machine)
	if err != nil {
		return nil, err
	}
	token := operation.NewToken()
	p.Model, err = cluster.New(cluster.Options{
		Facts: facts, Now: time.Now(), Profile: cluster.Kubeadm, KeepTaint: true, ControlPlaneEndpoint: endpoint, Token: token.String(),
	})
	if err != nil {
		return nil, err
	}
	p.Images = desired.Images(p.Model)
	if !strings.HasPrefix(facts.Hostname, "cp") {
		p.Images = slices.DeleteFunc(p.Images, func(reference string) bool {
			return slices.ContainsFunc([]string{"/etcd:", "/kube-apiserver:", "/kube-controller-manager:", "/kube-scheduler:"}, func(of string) bool { return strings.Contains(reference, of) })
		})
	}
	return p, nil
}

func initHere(ctx context.Context, p *peer.Peer, out io.Writer) error {
	key := make([]byte, 32)
	if _, err := rand.Read(key); err != nil {
		return err
	}
	init := &p.Model.Hosts[0].Init
	init.CertificateKey = hex.EncodeToString(key)
	if err := p.ControlPlane(ctx, "--upload-certs"); err != nil {
		return err
	}
	text, err := os.ReadFile(p.Model.Cluster.CertificatesDir + "/ca.crt")
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("%s/ca.crt holds no certificate", p.Model.Cluster.CertificatesDir)
	}
	ca, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return err
	}
	pin := sha256.Sum256(ca.RawSubjectPublicKeyInfo)
	return json.NewEncoder(out).Encode(invitation{
		Token: init.BootstrapTokens[0].Token.String(), Pin: "sha256:" + hex.EncodeToString(pin[:]), Key: init.CertificateKey,
	})
}

// watchHere watches from this host: a Service's address is reached from nodes only.
func watchHere(ctx context.Context, since time.Time, out io.Writer) error {
	w := watch.Start(ctx, since, watch.Target{
		Kubeconfig: "/etc/kubernetes/super-admin.conf", Nodes: 5, DNS: "10.96.0.10", Name: "kubernetes.default.svc.cluster.local.",
	})
	seen, err := w.Wait(ctx)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(seen)
}
