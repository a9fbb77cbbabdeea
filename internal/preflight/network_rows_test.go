package preflight_test

import (
	"context"
	"fmt"
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/hosttest"
)

const apiserver = "kube-apiserver --advertise-address=10.0.0.7 --client-ca-file=/etc/kubernetes/pki/ca.crt"

func networkRows() []row {
	return []row{
		{"a port taken", func(w *world) {
			w.put("/proc/net/tcp", tcpHead+listen("00000000:192B", 77))
			w.process(812, "/usr/sbin/nginx -g daemon", 5, 77)
		}, []string{"Port-6443"}, []string{"Port 6443 is in use", "process 812 (/usr/sbin/nginx -g daemon)", "kube-apiserver must", "kill 812"}},
		{"a port taken on IPv6", func(w *world) {
			w.put("/proc/net/tcp6", tcpHead+listen("00000000000000000000000000000000:280A", 77))
			w.process(812, "other-agent", 77)
		}, []string{"Port-10250"}, []string{"[::]:10250"}},
		{"a port held by nobody who can be seen", func(w *world) {
			w.put("/proc/net/tcp", tcpHead+listen("00000000:094B", 77))
		}, []string{"Port-2379"}, []string{"cannot be seen", "ss -ltnp"}},
		{"the same port at another address", func(w *world) {
			// 10257 on 10.0.0.7, where the controller-manager takes 127.0.0.1.
			w.put("/proc/net/tcp", tcpHead+listen("0700000A:2811", 77))
			w.process(812, "other", 77)
		}, nil, nil},
		{"a second run", func(w *world) {
			w.put("/proc/net/tcp", tcpHead+listen("0100007F:2811", 1)+listen("0700000A:094B", 2)+listen("0100007F:2808", 3))
			w.put("/proc/net/tcp6", tcpHead+listen("00000000000000000000000000000000:192B", 4)+listen("00000000000000000000000000000000:2810", 5))
			w.process(101, "kube-controller-manager --kubeconfig=/etc/kubernetes/controller-manager.conf", 1)
			w.process(102, "etcd --cert-file=/etc/kubernetes/pki/etcd/server.crt", 2)
			w.process(103, "/usr/bin/kubelet --kubeconfig=/etc/kubernetes/kubelet.conf", 3)
			w.process(104, apiserver, 4)
			w.process(105, "/usr/local/bin/kube-proxy --config=/var/lib/kube-proxy/config.conf", 5)
		}, nil, nil},
		{"an API server of something else", func(w *world) {
			w.put("/proc/net/tcp", tcpHead+listen("00000000:192B", 77))
			w.process(812, "kube-apiserver --client-ca-file=/srv/other/ca.crt", 77)
		}, []string{"Port-6443"}, []string{"/srv/other"}},
		{"another component on the API's port", func(w *world) {
			w.put("/proc/net/tcp", tcpHead+listen("00000000:192B", 77))
			w.process(812, "etcd --cert-file=/etc/kubernetes/pki/etcd/server.crt", 77)
		}, []string{"Port-6443"}, nil},
		{"a listener on the API's port that was told to bind elsewhere", func(w *world) {
			w.put("/proc/net/tcp", tcpHead+listen("0100007F:192B", 77))
			w.process(812, "other", 77)
			w.model.Cluster.APIServer.ExtraArgs = append(w.model.Cluster.APIServer.ExtraArgs, config.Arg{Name: "bind-address", Value: "10.0.0.7"})
		}, nil, nil},
		{"the kernel's VXLAN socket", func(w *world) {
			w.put("/proc/net/udp", tcpHead+strings.Replace(listen("00000000:2118", 0), " 0A ", " 07 ", 1))
		}, nil, nil},
		{"a program on the VXLAN port", func(w *world) {
			w.put("/proc/net/udp", tcpHead+strings.Replace(listen("00000000:2118", 78), " 0A ", " 07 ", 1))
			w.process(812, "syslogd", 78)
		}, []string{"Port-8472"}, []string{"udp", "flannel"}},
		{"firewalld", func(w *world) { w.process(300, "/usr/bin/python3 -s /usr/sbin/firewalld --nofork") }, []string{"warning Firewalld"},
			[]string{"please ensure ports [6443 10250] are open", "8472/udp"}},
		{"ufw", func(w *world) { w.put("/etc/ufw/ufw.conf", "# ufw\nENABLED=yes\nLOGLEVEL=low\n") }, []string{"warning Firewalld"}, []string{"ufw disable"}},

		{"a wrong address", func(w *world) { w.remake(cluster.Options{AdvertiseAddress: "10.0.0.99"}) }, []string{"Address"},
			[]string{"10.0.0.99 is not on node-1, which has 10.0.0.7 (ens3)"}},
		{"an address of the wrong family", func(w *world) {
			w.put("/proc/net/if_inet6", "20010db8000000000000000000000007 02 40 00 80     ens3\n")
			w.put("/proc/sys/net/ipv6/conf/default/forwarding", "1\n")
			w.model.Hosts[0].Init.LocalAPIEndpoint.AdvertiseAddress = "2001:db8::7"
		}, []string{"Address"}, []string{"different families"}},
		{"two families of pods, and one address of the node", func(w *world) { w.dual("") }, []string{"warning NodeAddress"},
			[]string{"without 2001:db8::7, though pods have addresses of fd00:10:244::/56", `value: "10.0.0.7,2001:db8::7"`}},
		{"two families of pods, and both addresses of the node", func(w *world) { w.dual("10.0.0.7,2001:db8::7") }, nil, nil},
		{"two families of pods, and the IPv6 address of the node", func(w *world) { w.dual("2001:db8::7") }, []string{"warning NodeAddress"}, []string{"without 10.0.0.7"}},
		{"two networks", func(w *world) { w.second() }, []string{"warning SeveralNetworks"},
			[]string{"10.0.0.7 (ens3), 192.168.1.7 (ens4)", "uses 10.0.0.7, the default route's (ens3)", "--apiserver-advertise-address"}},
		{"two networks and a choice", func(w *world) {
			w.second()
			w.target.AddressChosen = true
		}, nil, nil},

		{"the pod range is routed", func(w *world) { w.route("ens4\t0000F40A\t00000000\t0001\t0\t0\t0\t0000FFFF") }, []string{"RangesOverlap"},
			[]string{"the pod range 10.244.0.0/16 overlaps the route to 10.244.0.0/16 on ens4", "--pod-network-cidr"}},
		{"a part of the service range is behind a VPN", func(w *world) { w.route("wg0\t0000640A\t00000000\t0001\t0\t0\t0\t00FFFFFF") }, []string{"RangesOverlap"},
			[]string{"the service range 10.96.0.0/12 overlaps the route to 10.100.0.0/24 on wg0", "--service-cidr"}},
		{"a wide route to other places", func(w *world) { w.route("wg0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF") }, []string{"warning RangesOverlap", "warning RangesOverlap"},
			[]string{"the wider route to 10.0.0.0/8 on wg0"}},
		{"an address in the service range", func(w *world) {
			w.put("/proc/net/fib_trie", "Local:\n     |-- 10.0.0.7\n        /32 host LOCAL\n     |-- 10.96.0.5\n        /32 host LOCAL\n")
			w.Answer(`[{"ifname":"ens3","addr_info":[{"local":"10.0.0.7"},{"local":"10.96.0.5"}]}]`, 0, "ip")
		}, []string{"RangesOverlap"}, []string{"the address 10.96.0.5 of node-1"}},
		{"a name server in the service range", func(w *world) { w.put("/etc/resolv.conf", "nameserver 10.100.0.53\n") }, []string{"RangesOverlap"}, []string{"name server 10.100.0.53"}},
		{"an endpoint in the pod range", func(w *world) { w.remake(cluster.Options{ControlPlaneEndpoint: "10.244.0.9:6443"}) }, []string{"RangesOverlap"}, []string{"endpoint 10.244.0.9"}},
		{"ranges that overlap each other", func(w *world) { w.model.Cluster.Networking.PodSubnet = "10.97.0.0/16" }, []string{"RangesOverlap"}, []string{"given twice"}},
		{"the cluster's own routes", func(w *world) {
			w.route("cni0\t0000F40A\t00000000\t0001\t0\t0\t0\t00FFFFFF\nflannel.1\t0001F40A\t0001F40A\t0003\t0\t0\t0\t00FFFFFF")
			w.put("/proc/net/fib_trie", "Local:\n     |-- 10.0.0.7\n        /32 host LOCAL\n     |-- 10.244.0.1\n        /32 host LOCAL\n")
		}, nil, nil},

		{"another network's configuration", func(w *world) { w.put("/etc/cni/net.d/05-cilium.conflist", "{}") }, []string{"CNI"}, []string{"05-cilium.conflist comes before"}},
		{"a configuration that comes later", func(w *world) { w.put("/etc/cni/net.d/87-podman.conflist", "{}") }, nil, nil},
		{"a bridge left behind that nothing is connected to", func(w *world) {
			w.put("/proc/net/fib_trie", "Local:\n     |-- 10.0.0.7\n        /32 host LOCAL\n     |-- 10.99.1.1\n        /32 host LOCAL\n")
			w.route("cni0\t0001630A\t00000000\t0001\t0\t0\t0\t00FFFFFF")
			w.remake(cluster.Options{ServiceSubnet: "172.20.0.0/16"})
		}, nil, nil},
		{"a bridge left behind", func(w *world) {
			w.put("/sys/class/net/cni0/brif/vethab12cd34/port_no", "0x1\n")
			w.route("cni0\t0001630A\t00000000\t0001\t0\t0\t0\t00FFFFFF")
			w.put("/proc/net/fib_trie", "Local:\n     |-- 10.0.0.7\n        /32 host LOCAL\n     |-- 10.99.1.1\n        /32 host LOCAL\n")
			w.remake(cluster.Options{ServiceSubnet: "172.20.0.0/16"})
		}, []string{"CNI"}, []string{"cni0 has the address 10.99.1.1", "ip link delete cni0"}},

		{"an unknown name", func(w *world) {
			w.put("/etc/hosts", "127.0.0.1 localhost\n")
			w.Answer("", 2, "getent", "ahosts", "node-1")
		}, []string{"warning Hostname"}, []string{`hostname "node-1" could not be reached`, "10.0.0.7 node-1"}},
		{"a name that a server knows", func(w *world) {
			w.put("/etc/hosts", "")
			w.Answer("10.0.0.7 STREAM node-1\n", 0, "getent", "ahosts", "node-1")
		}, nil, nil},
		{"a name server that does not answer", func(w *world) {
			w.put("/etc/hosts", "")
			w.Handle(func(ctx context.Context, _ *hosttest.Host, _ host.Command, _ []byte) (host.Result, error) {
				<-ctx.Done()
				return host.Result{}, ctx.Err()
			}, "getent")
		}, []string{"warning Hostname"}, []string{"within 100ms"}},
		{"a name that is none", func(w *world) { w.model.Hosts[0].Init.NodeRegistration.Name = "Node_1" }, []string{"Hostname"}, []string{"invalid node name format"}},
		{"a proxy", func(w *world) {
			w.proxies("HTTPS_PROXY=http://me:secret@proxy:3128", "NO_PROXY=10.96.0.0/12,10.244.0.0/16")
		}, []string{"warning HTTPProxy"}, []string{`Connection to "https://10.0.0.7" uses proxy "http://me:xxxxx@proxy:3128"`}},
		{"a proxy for pods and Services", func(w *world) { w.proxies("https_proxy=http://proxy:3128", "no_proxy=10.0.0.7") },
			[]string{"warning HTTPProxyCIDR", "warning HTTPProxyCIDR"}, []string{`connection to "10.244.0.0/16" uses proxy`, "NO_PROXY"}},
	}
}

// dual gives the machine and its pods both families, and the kubelet a node-ip.
func (w *world) dual(nodeIP string) {
	w.put("/proc/net/if_inet6", "20010db8000000000000000000000007 02 40 00 80     ens3\n")
	w.put("/proc/sys/net/ipv6/conf/default/forwarding", "1\n")
	w.model.Cluster.Networking.PodSubnet = "10.244.0.0/16,fd00:10:244::/56"
	w.model.Cluster.Networking.ServiceSubnet = "10.96.0.0/12,fd00:10:96::/112"
	if nodeIP != "" {
		n := &w.model.Hosts[0].Init.NodeRegistration
		n.KubeletExtraArgs = append(n.KubeletExtraArgs, config.Arg{Name: "node-ip", Value: nodeIP})
	}
}

// second gives the machine a second card without a default route.
func (w *world) second() {
	w.route("ens4\t0001A8C0\t00000000\t0001\t0\t0\t0\t00FFFFFF")
	w.put("/proc/net/fib_trie", "Local:\n     |-- 10.0.0.7\n        /32 host LOCAL\n     |-- 192.168.1.7\n        /32 host LOCAL\n")
}

// route adds lines to /proc/net/route.
func (w *world) route(lines string) {
	w.put("/proc/net/route", w.text("/proc/net/route")+strings.ReplaceAll(lines, "\n", "\t0\t0\t0\n")+"\t0\t0\t0\n")
}

func (w *world) proxies(settings ...string) {
	for _, s := range settings {
		name, value, _ := strings.Cut(s, "=")
		w.facts.ProxyEnvironment = append(w.facts.ProxyEnvironment, config.EnvVar{EnvVar: corev1.EnvVar{Name: name, Value: value}})
	}
	w.remake(cluster.Options{})
}

// runtimeOf makes a process serve a socket that the model names.
func (w *world) runtimeOf(socket, command string) {
	w.model.Hosts[0].Init.NodeRegistration.CRISocket = "unix://" + socket
	w.serve(socket, command)
	w.HandleDial("unix", socket, func(context.Context) (net.Conn, error) {
		c, _ := net.Pipe()
		return c, nil
	})
}

func (w *world) serve(socket, command string) {
	w.put("/proc/net/unix", w.text("/proc/net/unix")+fmt.Sprintf("0000000000000000: 00000002 00000000 00010000 0001 01 901 %s\n", socket))
	w.process(90, command, 901)
}
