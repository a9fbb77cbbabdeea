// Package haproxy builds the load balancer in front of the API servers: its configuration, static pod and unit.
package haproxy

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/cluster"
)

// Name is the static pod's and the service's.
const Name = "keelway-haproxy"

// Paths on a node. The container sees the files at the same paths.
const (
	Dir        = "/etc/kubernetes/haproxy"
	ConfigFile = Dir + "/haproxy.cfg"
)

// Config is HAProxy's configuration. It passes bytes on and ends no TLS:
// clients check the API server's own certificate. caFile is the cluster's
// authority, by which the health checks know an API server; "" is none.
func Config(b cluster.Balancer, caFile string) []byte {
	var t strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&t, format+"\n", args...) }
	line("# Written by keelway: changes are undone by the next apply.")
	line("global")
	line("  log stdout format raw daemon notice")
	line("  maxconn 8192")
	if !b.Local {
		line("  uid %d", nonroot)
		line("  gid %d", nonroot)
	}
	line("")
	line("defaults")
	line("  mode tcp")
	line("  log global")
	line("  option dontlognull")
	line("  # Only servers that say they are ready get connections; one that takes none")
	line("  # within the limit is passed over.")
	line("  timeout connect 2s")
	line("  retries 3")
	line("  option redispatch 1")
	line("  # Watches and exec are connections on which nothing may be said for hours.")
	line("  timeout client 4h")
	line("  timeout server 4h")
	line("  timeout tunnel 4h")
	line("  # A client or server whose machine is gone is found out by the kernel.")
	line("  option clitcpka")
	line("  option srvtcpka")
	line("")
	line("frontend kube-apiserver")
	line("  bind %s", bind(b))
	line("  default_backend kube-apiservers")
	line("")
	line("backend kube-apiservers")
	line("  balance leastconn")
	line("  option httpchk")
	line("  http-check send meth GET uri /readyz ver HTTP/1.1 hdr Host kubernetes")
	line("  http-check expect status 200")
	line("  timeout check 3s")
	verify := "verify none"
	if caFile != "" {
		line("  # Every API server's certificate has the name kubernetes.")
		verify = "verify required ca-file " + caFile + " verifyhost kubernetes"
	} else {
		line("  # The checks verify no certificate: this machine is there before the cluster")
		line("  # and its authority are. Whoever answers in an API server's place gets")
		line("  # nothing by it, because every client verifies.")
	}
	line("  # Connections to a server that is down are closed, so that clients go to")
	line("  # another at once.")
	line("  default-server check check-ssl check-sni kubernetes %s inter 2s fastinter 500ms fall 3 rise 1 on-marked-down shutdown-sessions", verify)
	for _, s := range b.Backends {
		line("  server %s %s", s.Name, s.Address)
	}
	return []byte(t.String())
}

// Parse is the load balancer of a configuration that Config made, but for
// whether it is a node's own.
func Parse(config string) cluster.Balancer {
	var b cluster.Balancer
	for line := range strings.Lines(config) {
		switch f := strings.Fields(line); {
		case len(f) < 2:
		case f[0] == "bind":
			i := strings.LastIndex(f[1], ":")
			port, _ := strconv.ParseInt(f[1][i+1:], 10, 32)
			b.Address, b.Port = strings.Trim(f[1][:max(i, 0)], "[]"), int32(port)
			if b.Address == "::" {
				b.Address = ""
			}
		case f[0] == "server" && len(f) > 2:
			b.Backends = append(b.Backends, cluster.Backend{Name: f[1], Address: f[2]})
		}
	}
	return b
}

// bind is where it listens: everywhere, in both families, or at one address.
func bind(b cluster.Balancer) string {
	if b.Address == "" {
		return fmt.Sprintf(":::%d v4v6", b.Port)
	}
	return Endpoint(b)
}

// Endpoint is where clients reach it, where it listens at one address.
func Endpoint(b cluster.Balancer) string {
	return net.JoinHostPort(b.Address, strconv.Itoa(int(b.Port)))
}

// hash tells one configuration from another in a pod's manifest.
func hash(config []byte) string {
	sum := sha256.Sum256(config)
	return hex.EncodeToString(sum[:8])
}
