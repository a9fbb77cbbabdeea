package preflight_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
)

const manifests = "/etc/kubernetes/manifests/"

func residentRows() []row {
	return []row{
		{"a second run", func(w *world) { w.installed() }, nil, nil},
		{"a second run on what desired writes", func(w *world) {
			for _, r := range desired.For(w.model, 0).Resources {
				for _, f := range r.Files {
					if f.Mode.IsRegular() && f.Binary == "" {
						w.entry(host.Entry{Path: f.Path, Mode: f.Mode}, string(f.Content))
					}
				}
				if k := r.Kubeconfig; k != nil {
					w.put(k.Path, kubeconfig(k.Server))
				}
			}
			w.text(manifests + "etcd.yaml")
			w.text("/etc/kubernetes/kubelet.conf")
			w.put("/var/lib/etcd/member/wal/0.wal", "x")
		}, nil, nil},
		{"a cluster that somebody else made, with the same values", func(w *world) {
			w.installed()
			w.target.Wrote = func(path string) bool {
				return strings.Contains(path, "scheduler") || strings.Contains(path, "controller-manager")
			}
		}, []string{"FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml", "FileAvailable--etc-kubernetes-manifests-etcd.yaml", "FileAvailable--etc-kubernetes-kubelet.conf"},
			[]string{"already exists, and is not written by Keelway", "kubeadm reset"}},
		{"a cluster with another service range", func(w *world) {
			w.installed()
			w.target.Wrote = func(string) bool { return true }
			w.remake(cluster.Options{ServiceSubnet: "10.112.0.0/16"})
		}, []string{"FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml"}, []string{"the service range is 10.96.0.0/12 there and 10.112.0.0/16 here"}},
		{"a cluster of another host", func(w *world) {
			w.put(manifests+"etcd.yaml", pod("registry.k8s.io/etcd:3.7.3-0", "etcd", "--name=node-9", "--data-dir=/var/lib/etcd"))
		}, []string{"FileAvailable--etc-kubernetes-manifests-etcd.yaml"}, []string{"the node name is node-9 there and node-1 here"}},
		{"a manifest that is none", func(w *world) { w.put(manifests+"kube-controller-manager.yaml", "hello: world\n") },
			[]string{"FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml"}, nil},
		{"a worker of another cluster", func(w *world) { w.put("/etc/kubernetes/kubelet.conf", kubeconfig("https://10.9.9.9:6443")) },
			[]string{"FileAvailable--etc-kubernetes-kubelet.conf"}, []string{"https://10.9.9.9:6443 there and https://10.0.0.7:6443 here"}},
		{"a kubelet that uses the endpoint", func(w *world) {
			w.put("/etc/kubernetes/kubelet.conf", kubeconfig("https://api.example:6443"))
			w.remake(cluster.Options{ControlPlaneEndpoint: "api.example"})
		}, nil, nil},
		{"etcd's data without an etcd", func(w *world) { w.put("/var/lib/etcd/member/wal/0.wal", "x") }, []string{"DirAvailable--var-lib-etcd"},
			[]string{"/var/lib/etcd is not empty", "rm -r /var/lib/etcd/member"}},
		{"a copy among the static pods", func(w *world) { w.put(manifests+"kube-apiserver.yaml.bak", "x") }, []string{"warning DirAvailable--etc-kubernetes-manifests"},
			[]string{"kube-apiserver.yaml.bak", "whatever its name ends in"}},
		{"a hidden copy among the static pods", func(w *world) { w.put(manifests+".kube-apiserver.yaml", "x") }, nil, nil},
		{"a newer cluster", func(w *world) {
			w.installed()
			w.remake(cluster.Options{KubernetesVersion: "v1.36"})
		}, []string{"KubernetesVersion"}, []string{"cannot go from v1.37.0 back to v1.36"}},
		{"a cluster two minors older", func(w *world) {
			w.installed()
			w.put(manifests+"kube-apiserver.yaml", strings.Replace(w.text(manifests+"kube-apiserver.yaml"), "v1.37.0", "v1.35.4", 1))
		}, []string{"KubernetesVersion"}, []string{"go through v1.36 first"}},

		{"Docker's containerd", func(w *world) {
			w.serve("/run/containerd/containerd.sock", "/usr/bin/containerd")
			w.put("/etc/containerd/config.toml", "SystemdCgroup = true\n")
		}, []string{"CRI"},
			[]string{"served by process 90 (/usr/bin/containerd)", "systemctl disable --now docker"}},
		{"Docker's containerd with another driver", func(w *world) {
			w.serve("/var/run/containerd/containerd.sock", "/usr/bin/containerd")
			w.put("/etc/containerd/config.toml", "version = 2\n")
		}, []string{"CRI", "CgroupDriver"}, nil},
		{"a socket of nobody who can be seen", func(w *world) {
			w.serve("/run/containerd/containerd.sock", "/usr/bin/containerd")
			w.remove("/proc/90/fd")
		}, []string{"warning CRI"}, []string{"cannot be seen"}},
		{"Keelway's own containerd, replaced while it ran", func(w *world) {
			w.serve("/run/containerd/containerd.sock", "/usr/local/bin/containerd")
			w.link("/proc/90/exe", "/usr/local/bin/containerd (deleted)")
		}, nil, nil},
		{"a runtime without CRI", func(w *world) {
			w.runtimeOf("/run/mine/containerd.sock", "/usr/bin/containerd")
			w.put("/etc/containerd/config.toml", "disabled_plugins = [\"cri\"]\nSystemdCgroup = true\n")
		}, []string{"CRI"}, []string{"switched off"}},
		{"a runtime that was promised and is not there", func(w *world) {
			w.model.Hosts[0].Init.NodeRegistration.CRISocket = "unix:///run/crio/crio.sock"
		}, []string{"CRI"}, []string{"could not connect to the container runtime"}},

		{"a kubelet of the minor before, brought along", func(w *world) { w.kubelet("Kubernetes v1.36.3") }, nil, nil},
		{"the oldest kubelet that may be", func(w *world) { w.kubelet("Kubernetes v1.34.0") }, nil, nil},
		{"a kubelet that is too old", func(w *world) { w.kubelet("Kubernetes v1.33.9") }, []string{"KubeletVersion"}, []string{"kubelet version 1.33.9 of node-1 is lower than 1.34.0"}},
		{"a kubelet of the minor after", func(w *world) { w.kubelet("Kubernetes v1.38.0") }, []string{"KubeletVersion"}, []string{"the kubelet version is higher than the control plane version", "1.38.0"}},
		{"a newer patch of the kubelet", func(w *world) { w.kubelet("Kubernetes v1.37.9") }, nil, nil},
		{"a kubelet that says nothing", func(w *world) { w.kubelet("") }, []string{"KubeletVersion"}, []string{`its version is ""`}},
		{"a kubelet for an older cluster", func(w *world) {
			w.kubelet("Kubernetes v1.37.0")
			w.model.Cluster.KubernetesVersion = "v1.36.3"
		}, []string{"KubeletVersion"}, []string{"the control plane 1.36.3"}},
		{"k3s", func(w *world) { w.process(500, "/usr/local/bin/k3s server") }, []string{"OtherCluster"}, []string{"k3s runs on node-1, process 500", "k3s-uninstall.sh"}},
		{"data of k0s", func(w *world) { w.put("/var/lib/k0s/pki/ca.crt", "x") }, []string{"warning OtherCluster"}, []string{"/var/lib/k0s", "k0s reset"}},
		{"a Docker engine", func(w *world) { w.process(501, "/usr/bin/dockerd -H fd://") }, []string{"warning OtherCluster"}, []string{"drop forwarded packets"}},
		{"a drop-in of somebody else", func(w *world) { w.put("/etc/systemd/system/kubelet.service.d/20-mine.conf", "[Service]\n") },
			[]string{"warning Service-kubelet"}, []string{"20-mine.conf"}},
		{"a drop-in where systemd does not run", func(w *world) {
			w.put("/etc/systemd/system/kubelet.service.d/20-mine.conf", "[Service]\n")
			w.facts.Systemd = false
			w.remake(cluster.Options{})
		}, nil, nil},

		{"forwarding cannot be set", func(w *world) {
			w.put("/proc/self/mountinfo", "27 1 254:0 / / rw - ext4 /dev/vda rw\n50 22 0:21 /sys /proc/sys ro - proc proc rw\n")
		}, []string{"FileContent--proc-sys-net-ipv4-ip_forward"}, []string{"contents are not set to 1, and /proc/sys is mounted read-only"}},
		{"forwarding is nobody's task", func(w *world) {
			w.target.Desired = desired.Host{Resources: []desired.Resource{{ID: "other"}}}
		}, []string{"FileContent--proc-sys-net-ipv4-ip_forward"}, []string{"sysctl -w net.ipv4.ip_forward=1"}},
		{"forwarding is switched off at boot", func(w *world) {
			w.put("/etc/sysctl.d/10-k8s.conf", "net.ipv4.ip_forward=1\n")
			w.put("/etc/sysctl.d/99-hardening.conf", "# CIS\nnet/ipv4/ip_forward = 0\n")
		}, []string{"warning FileContent--proc-sys-net-ipv4-ip_forward"}, []string{"/etc/sysctl.d/99-hardening.conf sets net.ipv4.ip_forward to 0"}},
		{"forwarding is switched off and on again", func(w *world) {
			w.put("/usr/lib/sysctl.d/50-hardening.conf", "net.ipv4.ip_forward=0\n")
			w.put("/etc/sysctl.conf", "net.ipv4.ip_forward=1\n")
		}, nil, nil},
		{"a pod range of IPv6 without IPv6", func(w *world) { w.model.Cluster.Networking.PodSubnet = "10.244.0.0/16,fd00:10:244::/56" },
			[]string{"FileContent--proc-sys-net-ipv6-conf-default-forwarding"}, []string{"does not exist"}},

		{"an external etcd without certificates", func(w *world) {
			w.external("https://10.0.0.50:2379")
			w.model.Cluster.Etcd.External.KeyFile = "/etc/etcd/client.key"
			w.model.Cluster.Etcd.External.HTTPEndpoints = nil
			w.version("10.0.0.50:2379", "3.6.0")
			w.model.Cluster.Etcd.External.Endpoints = []string{"http://10.0.0.50:2379"}
		}, []string{"ExternalEtcdClientCertificates"}, []string{"/etc/etcd/client.key doesn't exist on node-1"}},
		{"an external etcd whose certificates come with the join", func(w *world) {
			w.external("https://10.0.0.50:2379")
			w.model.Cluster.Etcd.External.KeyFile = "/etc/etcd/client.key"
			w.model.Cluster.Etcd.External.Endpoints = []string{"http://10.0.0.50:2379"}
			w.model.Cluster.Etcd.External.HTTPEndpoints = nil
			w.version("10.0.0.50:2379", "3.6.1")
			w.target.Desired = desired.For(w.model, 0)
			w.target.Desired.Resources = append(w.target.Desired.Resources, desired.Resource{ID: "control-plane-prepare/download-certs", Files: []desired.File{{Path: "/etc/etcd/client.key", Content: []byte("x")}}})
		}, nil, nil},
		{"an external etcd that is old", func(w *world) {
			w.external("http://10.0.0.50:2379", "http://10.0.0.51:2379")
			w.version("10.0.0.50:2379", "3.5.23")
			w.version("10.0.0.51:2379", "3.5.24")
		}, []string{"ExternalEtcdVersion"}, []string{">= 3.5.24-0", "10.0.0.50:2379/version runs 3.5.23"}},
		{"an external etcd that is down", func(w *world) { w.external("http://10.0.0.50:2379") }, []string{"ExternalEtcdVersion"}, []string{"10.0.0.50:2379"}},
	}
}

// installed puts the files of a control plane of this model on the machine.
func (w *world) installed() {
	w.put(manifests+"kube-apiserver.yaml", pod("registry.k8s.io/kube-apiserver:v1.37.0", "kube-apiserver", "--advertise-address=10.0.0.7", "--service-cluster-ip-range=10.96.0.0/12"))
	w.put(manifests+"kube-controller-manager.yaml", pod("registry.k8s.io/kube-controller-manager:v1.37.0", "kube-controller-manager", "--cluster-cidr=10.244.0.0/16"))
	w.put(manifests+"kube-scheduler.yaml", pod("registry.k8s.io/kube-scheduler:v1.37.0", "kube-scheduler", "--leader-elect=true"))
	w.put(manifests+"etcd.yaml", pod("registry.k8s.io/etcd:3.7.3-0", "etcd", "--name=node-1", "--data-dir=/var/lib/etcd"))
	w.put("/etc/kubernetes/kubelet.conf", kubeconfig("https://10.0.0.7:6443"))
	w.put("/var/lib/etcd/member/wal/0.wal", "x")
	w.put("/etc/kubernetes/pki/ca.crt", authority(now.Add(-time.Hour), now.AddDate(10, 0, 0)))
}

// kubelet is one that the machine's owner has installed.
func (w *world) kubelet(version string) {
	w.model.Theirs.Kubelet = true
	w.Answer(version+"\n", 0, "/usr/bin/kubelet", "--version")
}

func pod(image string, command ...string) string {
	return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata:\n  name: x\nspec:\n  containers:\n  - name: x\n    image: %s\n    command:\n    - %s\n", image, strings.Join(command, "\n    - "))
}

func kubeconfig(server string) string {
	return "apiVersion: v1\nkind: Config\nclusters:\n- name: kubernetes\n  cluster:\n    server: " + server + "\n"
}

func (w *world) external(endpoints ...string) {
	w.model.Cluster.Etcd = config.Etcd{External: &config.ExternalEtcd{Endpoints: endpoints, HTTPEndpoints: endpoints}}
}

// version makes an etcd of that version answer at the address, over real HTTP.
func (w *world) version(address, version string) {
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(rw, `{"etcdserver":%q,"etcdcluster":"3.5.0"}`, version)
	}))
	w.t.Cleanup(s.Close)
	w.HandleDial("tcp", address, func(ctx context.Context) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "tcp", s.Listener.Addr().String())
	})
}

// clock sets the machine's clock and its battery clock, and that of the one
// that asks, since they are the same machine.
func (w *world) clock(t time.Time) {
	w.put("/proc/stat", fmt.Sprintf("btime %d\n", t.Add(-time.Hour).Unix()))
	w.put("/sys/class/rtc/rtc0/since_epoch", fmt.Sprintf("%d\n", t.Unix()))
	w.target.Now = t
}

func (w *world) text(path string) string {
	w.t.Helper()
	r, err := w.Open(context.Background(), path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer r.Close()
	b, err := io.ReadAll(r)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(b)
}

// authority is a self-signed certificate in PEM.
func authority(from, to time.Time) string {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return ""
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return ""
	}
	var b bytes.Buffer
	_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: der})
	return b.String()
}
