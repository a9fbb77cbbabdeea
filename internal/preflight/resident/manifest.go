package resident

import (
	"fmt"
	"net"
	"net/netip"
	"path"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/preflight/subject"
)

// manifest is what tells one cluster's static pod from another's.
type manifest struct {
	flags map[string]string
	// tag is the image's.
	tag string
}

// parseManifest reads a static pod; what is none has no flags.
func parseManifest(text string) manifest {
	var pod corev1.Pod
	m := manifest{flags: map[string]string{}}
	if err := yaml.Unmarshal([]byte(text), &pod); err != nil || len(pod.Spec.Containers) == 0 {
		return m
	}
	c := pod.Spec.Containers[0]
	for _, a := range append(append([]string{}, c.Command...), c.Args...) {
		if name, value, ok := strings.Cut(strings.TrimPrefix(a, "--"), "="); ok {
			m.flags[name] = value
		}
	}
	if i := strings.LastIndex(c.Image, ":"); i > strings.LastIndex(c.Image, "/") {
		m.tag, _, _ = strings.Cut(c.Image[i+1:], "@")
	}
	return m
}

// differences says in which values a file of this host contradicts the model.
// Only what no cluster can change while it lives is compared.
func differences(s *subject.Subject, file, text string) []string {
	var found []string
	differ := func(what, have, want string) {
		if have != "" && want != "" && !same(have, want) {
			found = append(found, fmt.Sprintf("%s is %s there and %s here", what, have, want))
		}
	}
	m := parseManifest(text)
	switch strings.TrimSuffix(path.Base(file), ".yaml") {
	case "kube-apiserver":
		args := s.Model.Cluster.APIServer.ExtraArgs
		differ("the service range", m.flags["service-cluster-ip-range"], or(subject.Arg(args, "service-cluster-ip-range"), s.Model.Cluster.Networking.ServiceSubnet))
		differ("the advertise address", m.flags["advertise-address"], or(subject.Arg(args, "advertise-address"), s.Advertise().String()))
	case "kube-controller-manager":
		differ("the pod range", m.flags["cluster-cidr"], or(subject.Arg(s.Model.Cluster.ControllerManager.ExtraArgs, "cluster-cidr"), s.Model.Cluster.Networking.PodSubnet))
	case "etcd":
		differ("the node name", m.flags["name"], s.Name())
	case "kubelet.conf":
		differ("the API server", server(text), apiServers(s, server(text)))
		return found
	}
	if len(m.flags) == 0 && path.Base(file) != "kube-scheduler.yaml" {
		return []string{"it is no static pod with flags"}
	}
	return found
}

// same compares lists of addresses and ranges by what they mean.
func same(a, b string) bool {
	if a == b {
		return true
	}
	x, err1 := config.Subnets(a)
	y, err2 := config.Subnets(b)
	if err1 != nil || err2 != nil || len(x) != len(y) {
		return false
	}
	for i := range x {
		if x[i] != y[i] {
			return false
		}
	}
	return true
}

// server is the API server's address in a kubeconfig.
func server(text string) string {
	var c struct {
		Clusters []struct {
			Cluster struct {
				Server string `json:"server"`
			} `json:"cluster"`
		} `json:"clusters"`
	}
	if err := yaml.Unmarshal([]byte(text), &c); err != nil || len(c.Clusters) == 0 {
		return ""
	}
	return c.Clusters[0].Cluster.Server
}

// apiServers returns have if it is an address of this cluster's API, else the
// one that is expected. A kubelet may use the local API server, another
// control plane's, or the endpoint in front of all.
func apiServers(s *subject.Subject, have string) string {
	port := strconv.Itoa(int(s.Node().Init.LocalAPIEndpoint.BindPort))
	var all []string
	if e := s.Model.Cluster.ControlPlaneEndpoint; e != "" {
		if _, _, err := net.SplitHostPort(e); err != nil {
			e = net.JoinHostPort(strings.Trim(e, "[]"), port)
		}
		all = append(all, "https://"+e)
	}
	for _, h := range s.Model.Hosts {
		if a, err := netip.ParseAddr(h.Init.LocalAPIEndpoint.AdvertiseAddress); err == nil {
			all = append(all, "https://"+net.JoinHostPort(a.String(), strconv.Itoa(int(h.Init.LocalAPIEndpoint.BindPort))))
		}
	}
	for _, a := range all {
		if a == have {
			return have
		}
	}
	return strings.Join(all, " or ")
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
