// Package check finds everything in a kubeadm configuration that cannot be, by kubeadm's rules and by those that it lacks.
package check

import (
	"encoding/hex"
	"fmt"
	"net"
	"net/url"
	"path"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
	netutils "k8s.io/utils/net"

	"keelway.dev/keelway/internal/config"
)

// Problem is one thing that cannot be.
type Problem struct {
	// Path is the field's, such as "networking.podSubnet".
	Path string
	// Message says what is wrong with the value, and what to write instead.
	Message string
	// Name is the name by which --ignore-preflight-errors makes a warning of it;
	// "" for what kubeadm refuses as well.
	Name string
}

// list collects problems.
type list []Problem

func (l *list) add(path, format string, args ...any) {
	*l = append(*l, Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

// named adds a problem that kubeadm lets pass.
func (l *list) named(name, path, format string, args ...any) {
	*l = append(*l, Problem{Path: path, Message: fmt.Sprintf(format, args...), Name: name})
}

func (l *list) absolute(field, value string) {
	if !path.IsAbs(value) {
		l.add(field, "%q is not an absolute path", value)
	}
}

func (l *list) sans(field string, names []string) {
	for i, name := range names {
		if len(validation.IsDNS1123Subdomain(name)) > 0 && len(validation.IsWildcardDNS1123Subdomain(name)) > 0 && netutils.ParseIPSloppy(name) == nil {
			l.add(fmt.Sprintf("%s[%d]", field, i), "%q is neither an IP address nor a DNS name, which may begin with \"*.\"", name)
		}
	}
}

func (l *list) args(field string, args []config.Arg) {
	for i, a := range args {
		if a.Name == "" {
			l.add(fmt.Sprintf("%s[%d]", field, i), "the argument has no name")
		}
	}
}

// repository is what stands before an image's name: an optional host with a
// port, and a path of small letters (the reference grammar of distribution,
// where a first part with a capital is a host).
func (l *list) repository(field, value string) {
	for i, part := range strings.Split(value, "/") {
		switch {
		case i == 0 && validRegistry(part):
		case validComponent(part):
		default:
			l.add(field, "%q is not an image repository such as registry.example:5000/kubernetes", value)
			return
		}
	}
}

// validRegistry is a host, an IPv6 address in brackets or a name, and perhaps a port.
func validRegistry(s string) bool {
	host, port, hasPort := strings.Cut(s, ":")
	if address, rest, ok := strings.Cut(strings.TrimPrefix(s, "["), "]"); ok && s[0] == '[' {
		if address == "" || strings.Trim(strings.ToLower(address), "0123456789abcdef:") != "" {
			return false
		}
		host, hasPort, port = "v6", rest != "", strings.TrimPrefix(rest, ":")
		if hasPort && rest[0] != ':' {
			return false
		}
	}
	return validHost(host) && (!hasPort || onlyDigits(port))
}

func onlyDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func validHost(s string) bool {
	for part := range strings.SplitSeq(s, ".") {
		if part == "" || strings.Trim(strings.ToLower(part), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || part[0] == '-' || part[len(part)-1] == '-' {
			return false
		}
	}
	return true
}

// validComponent is letters and digits with ".", "_", "__" or dashes between.
func validComponent(s string) bool {
	word := func(r byte) bool { return r >= 'a' && r <= 'z' || r >= '0' && r <= '9' }
	if s == "" || !word(s[0]) || !word(s[len(s)-1]) {
		return false
	}
	for i := 0; i < len(s); {
		if word(s[i]) {
			i++
			continue
		}
		j := i
		for j < len(s) && !word(s[j]) {
			j++
		}
		if between := s[i:j]; between != "." && between != "_" && between != "__" && strings.Trim(between, "-") != "" {
			return false
		}
		i = j
	}
	return true
}

func (l *list) pullPolicy(field, value string) {
	switch value {
	case "", "Always", "IfNotPresent", "Never":
	default:
		l.add(field, "%q is not a pull policy: Always, IfNotPresent or Never", value)
	}
}

func (l *list) socket(field, value string) {
	u, err := url.Parse(value)
	if err != nil || u.Scheme != "unix" {
		l.add(field, "%q is not a socket such as %s", value, config.DefaultCRISocket)
	}
}

func (l *list) endpoint(field string, e config.APIEndpoint) {
	if netutils.ParseIPSloppy(e.AdvertiseAddress) == nil {
		l.add(field+".advertiseAddress", "%q is not an IP address", e.AdvertiseAddress)
	}
	if e.BindPort < 1 || e.BindPort > 65535 {
		l.add(field+".bindPort", "%d is not a port, which is 1 to 65535", e.BindPort)
	}
}

// hostPort is an address or DNS name, with or without a port.
func (l *list) hostPort(field, value string) {
	if value == "" {
		return
	}
	host := value
	if h, p, err := net.SplitHostPort(value); err == nil {
		host = h
		if n, err := strconv.ParseUint(p, 10, 16); p != "" && (err != nil || n == 0) {
			l.add(field, "%q has no port between 1 and 65535", value)
			return
		}
	}
	if netutils.ParseIPSloppy(host) != nil {
		return
	}
	if len(validation.IsDNS1123Subdomain(host)) > 0 {
		l.add(field, "%q is neither an address nor a DNS name, with or without a port", value)
	}
}

func (l *list) certificateKey(field, value string) {
	if value == "" {
		return
	}
	// The value is a secret: it is not repeated.
	if key, err := hex.DecodeString(value); err != nil || len(key) != 32 {
		l.add(field, "it is not a certificate key, which is 64 hexadecimal digits: `keelway certs certificate-key` makes one")
	}
}

func (l *list) registration(field string, n config.NodeRegistrationOptions) {
	for _, words := range validation.IsDNS1123Subdomain(n.Name) {
		l.add(field+".name", "%q: %s", n.Name, words)
	}
	l.socket(field+".criSocket", n.CRISocket)
	l.args(field+".kubeletExtraArgs", n.KubeletExtraArgs)
	l.pullPolicy(field+".imagePullPolicy", string(n.ImagePullPolicy))
}
