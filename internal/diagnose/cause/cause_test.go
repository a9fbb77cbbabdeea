package cause

import (
	"os"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/diagnose/evidence"
	"keelway.dev/keelway/internal/diagnose/state"
	"keelway.dev/keelway/internal/observe"
)

var now = time.Date(2026, 11, 22, 5, 20, 0, 0, time.UTC)

// ill is evidence of one component that does not work and said one line.
func ill(name, raw string) evidence.Evidence {
	return evidence.Evidence{
		Now: now, Manager: "supervisor", Asked: name, Port: 6443,
		Components: []evidence.Component{{
			State: state.State{Component: component.Component{Name: name}, Health: state.Unhealthy},
			Words: []evidence.Line{evidence.NewReader(now).Container(raw)},
		}},
		Facts: evidence.Facts{
			Addresses: []string{"192.0.2.2"},
			Holders:   map[int]evidence.Holder{6443: {PID: 812, Name: "nginx"}, 2379: {PID: 77, Name: "python3"}},
			Disks: []observe.Disk{
				{Mount: "/", Size: 100 << 30, Available: 60 << 30},
				{Mount: "/var", Size: 10 << 30, Available: 12 << 20},
			},
			KubeletDriver: "systemd", RuntimeDriver: "cgroupfs",
		},
	}
}

// Most lines were printed by the real programs: Kubernetes v1.37.0, etcd
// v3.7.3, containerd v2.4.2 with runc v1.5.2, flannel v0.26.7.
func TestRules(t *testing.T) {
	tested := map[string]bool{}
	for _, row := range []struct{ rule, component, line, cause, next string }{
		{
			"port-taken", "kube-apiserver",
			`2026-11-22T05:17:19.183265111Z stderr F E1122 05:17:19.183265   14056 run.go:72] "command failed" err="failed to create listener: failed to listen on 0.0.0.0:6443: listen tcp 0.0.0.0:6443: bind: address already in use"`,
			"port 6443 is held by process 812 (nginx)", "--apiserver-bind-port",
		},
		{
			"port-taken", "etcd",
			`2026-11-22T05:16:37.296926Z stderr F {"level":"fatal","ts":"2026-11-22T05:16:37.296926Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"listen tcp 127.0.0.1:2379: bind: address already in use","stacktrace":"go.etcd.io/etcd/server/v3/etcdmain.startEtcdOrProxyV2\n\tgo.etcd.io"}`,
			"port 2379 is held by process 77 (python3)", "stop that process, then run `keelway up` again",
		},
		{
			"port-taken", "kube-scheduler",
			`E1122 05:17:19.183265   14056 run.go:72] "command failed" err="failed to create listener: failed to listen on 127.0.0.1:10259: listen tcp 127.0.0.1:10259: bind: address already in use"`,
			"port 10259 is taken", "ss -ltnp 'sport = :10259'",
		},
		{
			"address-not-here", "etcd",
			`{"level":"fatal","ts":"2026-11-22T05:16:37.325890Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"listen tcp 10.99.99.99:2380: bind: cannot assign requested address"}`,
			"10.99.99.99 is not an address of this machine, which has 192.0.2.2", "--apiserver-advertise-address",
		},
		{
			"address-not-here", "kube-apiserver",
			`E1122 05:18:02.240165   16497 run.go:72] "command failed" err="failed to create listener: failed to listen on 192.0.2.2:6443: listen tcp 192.0.2.2:6443: bind: cannot assign requested address"`,
			"it is now", "run `keelway up` again",
		},
		{
			"disk-full", "etcd",
			`{"level":"fatal","ts":"2026-11-22T05:16:37.325890Z","caller":"etcdserver/raft.go:257","msg":"failed to save Raft hard state and entries","error":"write /var/lib/etcd/member/wal/0.tmp: no space left on device"}`,
			"/var has 12 MB free (0 %)", "make room on /var",
		},
		{
			"disk-pressure", "coredns",
			`Evicted: The node was low on resource: ephemeral-storage. Threshold quantity: 2Gi, available: 1536Mi. Container coredns was using 700Mi, request is 100Mi, has larger consumption of ephemeral-storage. `,
			"the disk is too full: /var", "evictionHard",
		},
		{
			"memory-pressure", "coredns", `pod coredns-1: Evicted: The node was low on resource: memory. Threshold quantity: 100Mi, available: 92Mi. `,
			"short of memory", "more memory",
		},
		{"oom-killed", "coredns", `container coredns: OOMKilled (exit code 137)`, "memory ran out", "dmesg"},
		{"oom-killed", "kubelet", `signal: killed`, "the kernel killed kubelet", "Out of memory"},
		{
			"read-only", "etcd",
			`{"level":"fatal","ts":"2026-11-22T05:16:37.325890Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"open /var/lib/etcd/member: read-only file system"}`,
			"/var/lib/etcd/member lies on a read-only file system", "dmesg",
		},
		{
			"cgroup-v1-refused", "kubelet",
			`E1122 05:18:38.661793   17985 run.go:72] "command failed" err="failed to validate kubelet configuration, error: kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be removed in a future release, path: &TypeMeta{Kind:,APIVersion:,}"`,
			"cgroup version 1", "failCgroupV1: false",
		},
		{
			"cgroup-driver", "etcd",
			`E1122 05:18:38.661793   17985 pod_workers.go:1338] "Error syncing pod, skipping" err="failed to \"CreatePodSandbox\" for \"etcd-a_kube-system(1)\" with CreatePodSandboxError: \"Failed to create sandbox: rpc error: code = Unknown desc = failed to start sandbox: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: expected cgroupsPath to be of format \\\"slice:prefix:name\\\" for systemd cgroups, got \\\"/kubepods/burstable/pod1/x\\\" instead\"" pod="kube-system/etcd-a" podUID="1"`,
			"the kubelet's cgroupDriver is systemd, containerd's is cgroupfs", "SystemdCgroup",
		},
		{
			"cgroup-driver", "etcd",
			`Failed: Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: systemd not running on this host, cannot use systemd cgroups manager`,
			"manage cgroups in different ways", "agree",
		},
		{
			"cgroup-missing", "kubelet",
			`E1122 05:18:38.661793   17985 kubelet.go:1700] "Failed to start ContainerManager" err="system validation failed - Following Cgroup subsystem not mounted: [memory]"`,
			"needs: memory", "cgroup_enable=memory",
		},
		{
			"oom-score", "etcd",
			`E1122 05:18:38.661793   17985 pod_workers.go:1338] "Error syncing pod, skipping" err="failed to \"CreatePodSandbox\": OCI runtime create failed: runc create failed: unable to start container process: can't get final child's PID from pipe: EOF; runc init error(s): nsexec[2704]: failed to update /proc/self/oom_score_adj: Permission denied" pod="kube-system/etcd-a"`,
			"CAP_SYS_RESOURCE", "restrict_oom_score_adj",
		},
		{
			"swap", "kubelet",
			`E1122 05:18:38.661793   17985 run.go:72] "command failed" err="failed to run Kubelet: running with swap on is not supported, please disable swap or set --fail-swap-on flag to false"`,
			"swap is on", "swapoff -a",
		},
		{
			"apparmor", "kube-proxy",
			`Failed: Error: failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: unable to apply apparmor profile: apparmor failed to apply profile: write fsmount:fscontext:proc/thread-self/attr/exec: invalid argument`,
			"AppArmor", "apparmor_parser",
		},
		{
			"seccomp", "etcd",
			`Failed: Error: failed to create containerd task: OCI runtime create failed: runc create failed: unable to start container process: error during container init: unable to init seccomp: error loading seccomp filter into kernel: errno 524`,
			"seccomp", "CONFIG_SECCOMP_FILTER",
		},
		{
			"overlay", "etcd",
			`E1122 05:18:38.661793   17985 log.go:32] "RunPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = failed to create containerd container: failed to mount /tmp/containerd-mount1: mount source: \"overlay\", target: \"/tmp/containerd-mount1\", fstype: overlay, flags: 0, data: \"workdir=x\", err: invalid argument"`,
			"overlayfs", "modprobe overlay",
		},
		{
			"br-netfilter", "flannel",
			`E1122 05:18:38.661793       1 main.go:268] Failed to check br_netfilter: stat /proc/sys/net/bridge/bridge-nf-call-iptables: no such file or directory`,
			"br_netfilter is not loaded", "modprobe br_netfilter",
		},
		{
			"vxlan", "flannel",
			`E1122 05:18:38.661793       1 main.go:359] Error registering network: failed to create vxlanDevice: operation not supported`,
			"VXLAN", "modprobe vxlan",
		},
		{
			"packet-filter", "kube-proxy",
			`E1122 05:18:38.661793       1 proxier.go:1290] "nftables sync failed" err="/dev/stdin:1:1-20: Error: Could not process rule: Operation not supported"`,
			"packet filter", "nf_tables",
		},
		{
			"module-missing", "kube-proxy", `modprobe: FATAL: Module ip_vs not found in directory /lib/modules/6.18.0`,
			"no module ip_vs", "linux-modules-extra",
		},
		{
			"conntrack", "kube-proxy",
			`E1122 05:18:38.661793       1 run.go:72] "command failed" err="open /proc/sys/net/netfilter/nf_conntrack_max: permission denied"`,
			"connection-tracking", "maxPerCore",
		},
		{
			"file-watches", "kubelet",
			`E1122 05:18:38.661793   17985 kubelet.go:1500] "Failed to start cAdvisor" err="inotify_init: too many open files"`,
			"file watches", "max_user_instances",
		},
		{
			"etcd-corrupt", "etcd",
			`{"level":"fatal","ts":"2026-11-22T05:16:43.569284Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"walpb: crc mismatch: expected: 9bfb23ff computed: 257bb7a7: in file '0000000000000000-0000000000000000.wal' at position: 16"}`,
			"damaged", "etcdutl snapshot restore",
		},
		{
			"etcd-corrupt", "etcd",
			`{"level":"panic","ts":"2026-11-22T05:16:43.869377Z","caller":"backend/backend.go:215","msg":"failed to open database","path":"/var/lib/etcd/member/snap/db","error":"invalid database"}`,
			"damaged", "Keep a copy",
		},
		{
			"etcd-space", "etcd",
			`{"level":"warn","ts":"2026-11-22T05:16:43.869377Z","caller":"etcdserver/server.go:1","msg":"alarm raised","alarm":"NOSPACE","error":"etcdserver: mvcc: database space exceeded"}`,
			"reached its quota", "alarm disarm",
		},
		{
			"etcd-foreign", "etcd",
			`{"level":"fatal","ts":"2026-11-22T05:16:50.048222Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"couldn't find local name \"m2\" in the initial cluster configuration"}`,
			"belongs to another cluster", "keelway down",
		},
		{
			"etcd-foreign", "etcd",
			`{"level":"error","ts":"2026-11-22T05:16:50.048222Z","caller":"rafthttp/stream.go:1","msg":"request cluster ID mismatch","local-member-cluster-id":"cdf818194e3a8c32","remote-peer-cluster-id":"aa1"}`,
			"another cluster", "restore",
		},
		{
			"etcd-locked", "etcd",
			`{"level":"info","ts":"2026-11-22T05:16:50.048222Z","caller":"storage/backend.go:88","msg":"db file is flocked by another process, or taking too long","path":"/var/lib/etcd/member/snap/db","took":"10.0001s"}`,
			"another etcd", "ps -C etcd",
		},
		{
			"etcd-data-dir", "etcd",
			`{"level":"fatal","ts":"2026-11-22T05:16:51.629034Z","caller":"etcdmain/etcd.go:157","msg":"discovery failed","error":"cannot access data directory: mkdir /var/lib/etcd/member: not a directory"}`,
			"mkdir /var/lib/etcd/member: not a directory", "0700",
		},
		{
			"clock", "kube-controller-manager",
			`E1122 05:18:43.365579   18519 leaderelection.go:448] "Error retrieving lease lock" err="Get \"https://192.0.2.2:6443/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/kube-controller-manager\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2025-11-22T05:18:43Z is before 2026-11-22T05:13:00Z"`,
			"clock is behind: it says 2025-11-22T05:18:43Z", "set the clock",
		},
		{
			"certificate-expired", "kube-scheduler",
			`E1122 05:18:43.365579   18519 leaderelection.go:448] "Error retrieving lease lock" err="Get \"https://192.0.2.2:6443/x\": tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-11-22T05:18:43Z is after 2026-11-21T05:13:00Z"`,
			"expired on 2026-11-21T05:13:00Z, if this machine's clock is right", "keelway status",
		},
		{
			"key-mismatch", "kube-apiserver",
			`E1122 05:18:01.387755   16432 run.go:72] "command failed" err="tls: private key does not match public key"`,
			"do not belong together", "same backup",
		},
		{
			"certificate-name", "kubelet",
			`E1122 05:18:43.365579   18519 reflector.go:200] "Failed to watch" err="failed to list *v1.Node: Get \"https://192.0.2.9:6443/api/v1/nodes\": tls: failed to verify certificate: x509: certificate is valid for 10.96.0.1, 192.0.2.2, not 192.0.2.9" reflector="k8s.io/client-go"`,
			"not valid for 192.0.2.9, only for 10.96.0.1, 192.0.2.2", "--apiserver-cert-extra-sans",
		},
		{
			"certificate-address", "kube-apiserver",
			`W1122 05:18:43.365579   18519 dispatcher.go:1] x509: cannot validate certificate for 192.0.2.9 because it doesn't contain any IP SANs`,
			"192.0.2.9", "--apiserver-cert-extra-sans",
		},
		{
			"certificate-authority", "kube-apiserver",
			`W1122 05:17:37.256074   14097 logging.go:55] [core] [Channel #1 SubChannel #2] grpc: addrConn.createTransport failed to connect to {Addr: "127.0.0.1:2379", ServerName: "127.0.0.1:2379", }. Err: connection error: desc = "transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate signed by unknown authority"`,
			"trust different certificate authorities", "move it away",
		},
		{
			"certificate-authority", "kube-apiserver",
			`W1122 05:17:42.056555   15222 logging.go:55] [core] [Channel #5 SubChannel #8] grpc: addrConn.createTransport failed to connect to {Addr: "127.0.0.1:2379"}. Err: connection error: desc = "error reading server preface: remote error: tls: unknown certificate authority"`,
			"trust different certificate authorities", "keelway status",
		},
		{
			"certificate-unreadable", "kube-apiserver",
			`E1122 05:18:01.387755   16432 run.go:72] "command failed" err="failed to load SNI cert and key: tls: failed to find any PEM data in certificate input"`,
			"no certificate or key in it", "keelway status",
		},
		{
			"unauthorized", "kubelet",
			`E1122 05:18:43.365579   18519 kubelet_node_status.go:110] "Unable to register node with API server" err="Unauthorized" node="a"`,
			"does not accept the credentials of kubelet", "kubeconfig",
		},
		{
			"sandbox-image", "etcd",
			`E1122 05:18:43.365579   18519 pod_workers.go:1] "Error syncing pod, skipping" err="rpc error: code = NotFound desc = failed to start sandbox \"1\": failed to get sandbox image \"registry.k8s.io/pause:3.10.2\": failed to pull image \"registry.k8s.io/pause:3.10.2\": dial tcp: lookup registry.k8s.io: no such host" pod="kube-system/etcd-a"`,
			"registry.k8s.io/pause:3.10.2", "from the bundle",
		},
		{
			"image-missing", "kube-apiserver",
			`ErrImageNeverPull: Container image "registry.k8s.io/kube-apiserver:v1.37.0" is not present with pull policy of Never`,
			"kube-apiserver:v1.37.0", "from the bundle",
		},
		{"image-missing", "flannel", `pod kube-flannel-ds-x: ErrImageNeverPull: `, "an image of flannel", "from the bundle"},
		{
			"image-missing", "coredns",
			`Failed: Failed to pull image "registry.k8s.io/coredns/coredns:v1.14.6": failed to pull and unpack image "registry.k8s.io/coredns/coredns:v1.14.6": failed to resolve reference "registry.k8s.io/coredns/coredns:v1.14.6": dial tcp: lookup registry.k8s.io on 127.0.0.53:53: server misbehaving`,
			"coredns:v1.14.6", "from the bundle",
		},
		{
			"image-damaged", "etcd",
			`Failed: failed to create containerd container: failed to extract layer sha256:1: failed to get reader from content store: content digest sha256:abc: not found`,
			"not whole", "crictl rmi",
		},
		{
			"cni-plugin-missing", "coredns",
			`FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = Unknown desc = failed to setup network for sandbox "1": plugin type="flannel" failed (add): failed to delegate add: failed to find plugin "bridge" in path [/opt/cni/bin]`,
			"the CNI plugin bridge is missing in /opt/cni/bin", "keelway up",
		},
		{
			"cni-bridge", "coredns",
			`FailedCreatePodSandBox: Failed to create pod sandbox: failed to setup network for sandbox "1": plugin type="flannel" failed (add): failed to delegate add: failed to set bridge addr: "cni0" already has an IP address different from 10.244.0.1/24`,
			"not 10.244.0.1/24", "ip link delete cni0",
		},
		{
			"cni-addresses", "coredns",
			`FailedCreatePodSandBox: Failed to create pod sandbox: failed to setup network for sandbox "1": plugin type="bridge" failed (add): no IP addresses available in range set: 10.244.0.1-10.244.0.254`,
			"used up: 10.244.0.1-10.244.0.254", "/var/lib/cni/networks",
		},
		{
			"pod-range", "flannel",
			`E1122 05:18:43.365579       1 main.go:359] Error registering network: failed to acquire lease: node "a" pod cidr not assigned`,
			"no range of pod addresses", "--allocate-node-cidrs",
		},
		{
			"dns-loop", "coredns", `[FATAL] plugin/loop: Loop (127.0.0.1:55953 -> :1053) detected for zone ".", see https://coredns.io/plugins/loop#troubleshooting. Query: "HINFO 4547991504243258144.3688648895315093531."`,
			"forwards to itself", "resolvConf",
		},
		{
			"service-address", "coredns",
			`[WARNING] plugin/kubernetes: Kubernetes API connection failure: Get "https://10.96.0.1:443/version": dial tcp 10.96.0.1:443: i/o timeout`,
			"10.96.0.1:443 does not answer", "kube-proxy",
		},
		{
			"cni-subnet", "coredns",
			`FailedCreatePodSandBox: Failed to create pod sandbox: failed to setup network for sandbox "1": plugin type="flannel" failed (add): loadFlannelSubnetEnv failed: open /run/flannel/subnet.env: no such file or directory`,
			"subnet.env", "flannel",
		},
		{
			"cni-not-ready", "kubelet",
			`node a: Ready is False: KubeletNotReady: container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized`,
			"no pod network", "keelway up",
		},
		{
			"bootstrap-missing", "kubelet",
			`E1122 05:18:40.775184   18395 run.go:72] "command failed" err="failed to run Kubelet: unable to load bootstrap kubeconfig: stat /etc/kubernetes/bootstrap-kubelet.conf: no such file or directory"`,
			"no identity", "keelway up",
		},
		{
			"kubelet-config-missing", "kubelet",
			`E1122 05:18:38.379006   17943 run.go:72] "command failed" err="failed to load kubelet config file, path: /var/lib/kubelet/config.yaml, error: failed to load Kubelet config file /var/lib/kubelet/config.yaml, error failed to read kubelet config file \"/var/lib/kubelet/config.yaml\", error: open /var/lib/kubelet/config.yaml: no such file or directory"`,
			"/var/lib/kubelet/config.yaml does not exist", "keelway up",
		},
		{"flag-unknown", "kube-apiserver", `2026-11-22T05:17:19.1Z stderr F Error: unknown flag: --foo`, "does not know --foo", "keelway explain kube-apiserver"},
		{
			"config-invalid", "kube-apiserver",
			`E1122 05:18:01.875826   16444 run.go:72] "command failed" err="error while parsing file: resources[0].providers[0].secretbox.keys[0].secret: Invalid value: \"REDACTED\": secret is not of the expected length, got 5, expected one of [32]"`,
			"secret is not of the expected length", "keelway status",
		},
		{
			"config-invalid", "kube-apiserver",
			`E1122 05:18:02.094582   16479 run.go:72] "command failed" err="loading audit policy file: failed to read file path \"/etc/kubernetes/audit/policy.yaml\": open /etc/kubernetes/audit/policy.yaml: no such file or directory"`,
			"/etc/kubernetes/audit/policy.yaml", "keelway up",
		},
		{
			"file-missing", "kube-apiserver",
			`E1122 05:18:01.219555   16411 run.go:72] "command failed" err="open /etc/kubernetes/pki/apiserver.crt: no such file or directory"`,
			"/etc/kubernetes/pki/apiserver.crt, which does not exist", "keelway explain /etc/kubernetes/pki/apiserver.crt",
		},
		{
			"permission", "etcd",
			`{"level":"fatal","ts":"2026-11-22T05:16:51.629034Z","caller":"etcdmain/etcd.go:172","msg":"listener failed","error":"open /etc/kubernetes/pki/etcd/server.key: permission denied"}`,
			"may not use /etc/kubernetes/pki/etcd/server.key", "lsattr",
		},
		{
			"sandbox-name", "etcd",
			`E1122 05:18:43.365579   18519 log.go:32] "RunPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = failed to reserve sandbox name \"etcd-a_kube-system_1_0\": name \"etcd-a_kube-system_1_0\" is reserved for \"66f3e0\""`,
			"half-made pod", "crictl rmp -f 66f3e0",
		},
		{
			"unschedulable", "coredns",
			`pod coredns-1: Unschedulable: 0/1 nodes are available: 1 node(s) had untolerated taint(s) {node-role.kubernetes.io/control-plane: }. preemption: 0/1 nodes are available`,
			"no node takes the pod", "--keep-taint",
		},
		{
			"webhook", "kube-apiserver",
			`Internal error occurred: failed calling webhook "validate.example.com": failed to call webhook: Post "https://hook.default.svc:443/validate?timeout=10s": no endpoints available for service "hook"`,
			"validate.example.com", "webhook configuration",
		},
		{
			"runtime-missing", "etcd",
			`E1122 05:18:43.365579   18519 log.go:32] "RunPodSandbox from runtime service failed" err="rpc error: code = Unknown desc = failed to get sandbox runtime: no runtime for \"kata\" is configured"`,
			"cannot find the program", "runc",
		},
		{
			"container-start", "kube-proxy",
			`container kube-proxy: StartError (exit code 128): failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/usr/local/bin/kube-proxy": stat /usr/local/bin/kube-proxy: no such file or directory: unknown`,
			"cannot start the container of kube-proxy", "runc's",
		},
		{
			"sandbox-failed", "coredns",
			`FailedCreatePodSandBox: Failed to create pod sandbox: rpc error: code = DeadlineExceeded desc = context deadline exceeded`,
			"cannot make the pod of coredns", "runtime's",
		},
		{"probe-failed", "kube-apiserver", `Unhealthy: Liveness probe failed: HTTP probe failed with statuscode: 500`, "liveness probe", "longer"},
		{
			"etcd-unreachable", "kube-apiserver",
			`E1122 05:17:40.487842   14097 run.go:72] "command failed" err="error creating storage factory: etcd grpc connection not ready: context deadline exceeded"`,
			"cannot reach etcd", "etcd",
		},
		{
			"runtime-unreachable", "kubelet",
			`E1122 05:18:40.366049   18040 run.go:72] "command failed" err="failed to run Kubelet: validate service connection: validate CRI v1 runtime API for endpoint \"unix:///run/containerd/containerd.sock\": rpc error: code = Unavailable desc = connection error: desc = \"transport: Error while dialing: dial unix /run/containerd/containerd.sock: connect: no such file or directory\""`,
			"cannot reach containerd", "containerd",
		},
		{
			"api-unreachable", "kube-scheduler",
			`E1122 05:18:43.365579   18519 reflector.go:200] "Failed to watch" err="failed to list *v1.Pod: Get \"https://192.0.2.2:6443/api/v1/pods\": dial tcp 192.0.2.2:6443: connect: connection refused"`,
			"nobody answers at 192.0.2.2:6443", "kube-apiserver",
		},
		{
			"slow-disk", "etcd",
			`{"level":"warn","ts":"2026-11-22T05:16:51.629034Z","caller":"wal/wal.go:838","msg":"slow fdatasync","took":"1.4s","expected-duration":"1s"}`,
			"too slow", "SSD",
		},
	} {
		found := Find(ill(row.component, row.line))
		if len(found) == 0 {
			t.Errorf("%s: nothing is found in %s", row.rule, row.line)
			continue
		}
		f := found[0]
		if f.Rule != row.rule || f.Component != row.component {
			t.Errorf("%s of %s: found %s of %s in %s", row.rule, row.component, f.Rule, f.Component, f.Line)
		}
		if !strings.Contains(f.Cause, row.cause) || !strings.Contains(f.Next, row.next) {
			t.Errorf("%s says\n  %s\n  %s\nwant\n  %s\n  %s", row.rule, f.Cause, f.Next, row.cause, row.next)
		}
		tested[row.rule] = true
	}
	for _, r := range rules() {
		if !tested[r.name] {
			t.Errorf("no row tests rule %s", r.name)
		}
	}
}

// sick and well are components with one line each.
func sick(name, line string) evidence.Component {
	return evidence.Component{
		State: state.State{Component: component.Component{Name: name}, Health: state.Unhealthy},
		Words: []evidence.Line{{At: now.Add(-time.Second), Level: evidence.Error, Text: line}},
	}
}

func well(name, line string) evidence.Component {
	c := sick(name, line)
	c.Health, c.Running = state.Healthy, true
	return c
}

const (
	refused = "dial tcp 127.0.0.1:2379: connect: connection refused"
	taken   = "listen tcp 127.0.0.1:2379: bind: address already in use"
)

func TestTheRootComesFirst(t *testing.T) {
	for _, row := range []struct {
		name       string
		components []evidence.Component
		cause      string
		want       string // rules, in order
	}{
		{"what is needed before what needs it", []evidence.Component{sick("etcd", taken), sick("kube-apiserver", refused)}, "", "port-taken"},
		{"the other order too", []evidence.Component{sick("kubelet", "validate service connection: x"), sick("etcd", taken)}, "", "port-taken"},
		{"who works is not listened to", []evidence.Component{well("etcd", taken), sick("kube-apiserver", refused)}, "", ""},
		{"what one says of another counts when nothing else is known", []evidence.Component{sick("etcd", "hello"), sick("kube-apiserver", refused)}, "", "etcd-unreachable"},
		{"but the one that was asked about is", []evidence.Component{well("kube-apiserver", taken)}, "", "port-taken"},
		{"the step's own error counts", nil, "put /etc/kubernetes/pki/ca.key: no space left on device", "disk-full"},
		{"that it does not answer is no cause", nil, "health https://192.0.2.10:6443/readyz did not come true within 4m0s; the last answer was: dial tcp 192.0.2.10:6443: connect: connection refused", ""},
		{"the same words twice are one cause", []evidence.Component{sick("etcd", taken), sick("kube-apiserver", taken)}, "", "port-taken"},
		{"nothing known", []evidence.Component{sick("etcd", "hello")}, "", ""},
	} {
		e := evidence.Evidence{Now: now, Port: 6443, Components: row.components, Asked: "kube-apiserver", Cause: evidence.Line{Text: row.cause}}
		var rules []string
		for _, f := range Find(e) {
			rules = append(rules, f.Rule)
		}
		if got := strings.Join(rules, " "); got != row.want {
			t.Errorf("%s: %q, want %q", row.name, got, row.want)
		}
	}
}

// Whoever runs again has survived what it said long ago; whoever does not run
// said it last.
func TestOldWords(t *testing.T) {
	for _, running := range []bool{true, false} {
		c := sick("etcd", taken)
		c.Running = running
		c.Words[0].At = now.Add(-time.Hour)
		found := Find(evidence.Evidence{Now: now, Components: []evidence.Component{c}})
		if (len(found) > 0) == running {
			t.Errorf("running %v: %v", running, found)
		}
	}
}

func TestCertificatesAreNamed(t *testing.T) {
	e := ill("kube-apiserver", "x509: certificate has expired or is not yet valid: current time 2026-11-22T05:18:43Z is after 2026-11-21T05:13:00Z")
	e.Certificates = []evidence.Certificate{{Name: "certs/apiserver", Path: "/etc/kubernetes/pki/apiserver.crt", Problem: "it expired on 2026-11-21"}}
	found := Find(e)
	if len(found) != 1 || !strings.Contains(found[0].Cause, "/etc/kubernetes/pki/apiserver.crt: it expired") {
		t.Errorf("%+v", found)
	}
}

// The page for users lists every cause.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../../docs/tasks/status.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rules() {
		if !strings.Contains(string(page), "`"+r.name+"`") {
			t.Errorf("docs/tasks/status.md does not list %s", r.name)
		}
	}
}
