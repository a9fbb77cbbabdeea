// Package upgrade decides which versions a cluster can go to, and what each of its programs would become.
package upgrade

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/release"
)

// Names of programs, as kubeadm prints them.
const (
	APIServer = "kube-apiserver"
	Kubelet   = "kubelet"
	Kubeadm   = "kubeadm"
	Etcd      = "etcd"
	DNS       = "CoreDNS"
	Proxy     = "kube-proxy"
)

// Component is a program now and after the upgrade. Node is "" for what the
// cluster has once.
type Component struct {
	Name, Node, Current, Target string
}

// Upgrade is one version that a cluster can go to.
type Upgrade struct {
	// Description is kubeadm's: "version in the v1.37 series" or "stable version".
	Description string
	// Version is the whole Kubernetes version, such as "v1.37.0".
	Version    string
	Components []Component
	// Blocked says what must be done before; the upgrade is free to go without it.
	Blocked []string
}

// Options are what the user asks for.
type Options struct {
	// Version is the one to go to; "" means those that Keelway has.
	Version string
	// Experimental and Candidates allow versions that are not released yet.
	Experimental, Candidates bool
	// Etcd is false when etcd is to stay as it is.
	Etcd bool
}

// ClusterVersion is the newest API server's.
func ClusterVersion(v observed.Versions) (string, error) {
	newest := ""
	for _, r := range v.Of(APIServer) {
		if _, err := version.ParseSemantic(r.Version); err != nil {
			return "", fmt.Errorf("the API server on %s runs the image tag %q, which is no version: %w", r.Node, r.Version, err)
		}
		if newest == "" || older(newest, r.Version) {
			newest = r.Version
		}
	}
	if newest == "" {
		return "", errors.New("no API server runs as a static pod of kubeadm's form (label component=kube-apiserver in kube-system), so its version is not known")
	}
	return newest, nil
}

// Available lists the versions that a cluster can go to, the nearest first. The
// error says why the version that was asked for cannot be.
func Available(v observed.Versions, c config.ClusterConfiguration, o Options) ([]Upgrade, error) {
	from, err := ClusterVersion(v)
	if err != nil {
		return nil, err
	}
	targets := nearest(from, v)
	if o.Version != "" {
		to, err := Whole(from, o)
		if err != nil {
			return nil, err
		}
		targets = slices.DeleteFunc([]string{to}, func(t string) bool { return t == from && !lags(v, from) })
	}
	var list []Upgrade
	for _, to := range targets {
		u := Upgrade{Description: description(from, to), Version: to, Components: components(v, c, to, o.Etcd)}
		for _, k := range v.Kubelets {
			if err := release.CheckKubelet(k.Version, to); err != nil {
				u.Blocked = append(u.Blocked, fmt.Sprintf("node %s: %v", k.Node, err))
			}
		}
		list = append(list, u)
	}
	return list, nil
}

// nearest are the versions of Keelway's that may be next, patches first.
func nearest(from string, v observed.Versions) []string {
	var list []string
	for _, r := range release.All() {
		same := r.Kubernetes == from && !lags(v, from)
		if !same && release.CheckUpgrade(from, r.Kubernetes) == nil {
			list = append(list, r.Kubernetes)
		}
	}
	slices.Reverse(list)
	return list
}

// lags is true when a static pod of the control plane is behind: an upgrade was
// begun and not finished.
func lags(v observed.Versions, cluster string) bool {
	return slices.ContainsFunc(v.ControlPlane, func(r observed.Running) bool {
		return r.Component != Etcd && r.Version != cluster
	})
}

// Whole is the version that the user names, with its patch. The error says why
// a cluster of the version from cannot go there.
func Whole(from string, o Options) (string, error) {
	to := "v" + strings.TrimPrefix(o.Version, "v")
	r, err := release.For(release.Minor(to))
	if err != nil {
		return "", fmt.Errorf("cannot upgrade to %s: %w", o.Version, err)
	}
	if to == r.Minor() {
		to = r.Kubernetes
	}
	if err := release.CheckUpgrade(from, to); err != nil {
		return "", err
	}
	parsed, err := version.ParseSemantic(to)
	if err != nil {
		return "", fmt.Errorf("%q is no version such as %s", o.Version, release.Default().Kubernetes)
	}
	pre := parsed.PreRelease()
	if allowed := pre == "" || o.Experimental || o.Candidates && strings.HasPrefix(pre, "rc"); !allowed {
		flag := "--allow-experimental-upgrades"
		if strings.HasPrefix(pre, "rc") {
			flag = "--allow-release-candidate-upgrades"
		}
		return "", fmt.Errorf("%s is not a release yet: %s allows it", to, flag)
	}
	return to, nil
}

// description is kubeadm's word for a target: another minor, the newest, is
// the stable version.
func description(from, to string) string {
	minor := release.Minor(to)
	if minor != release.Minor(from) && minor == release.Default().Minor() {
		return "stable version"
	}
	return fmt.Sprintf("version in the %s series", minor)
}

func older(a, b string) bool {
	x, err := version.ParseSemantic(a)
	if err != nil {
		return false
	}
	y, err := version.ParseSemantic(b)
	return err == nil && x.LessThan(y)
}
