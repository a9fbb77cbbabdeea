package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
	"k8s.io/apimachinery/pkg/util/validation"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/preflight/subject"
)

// patience is how long a name may take to be resolved. A longer wait would
// only be spent on a warning.
const patience = 100 * time.Millisecond

// Hostname finds a node name that the API would refuse, and one that this host
// cannot resolve.
func Hostname(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	name := s.Name()
	var found []subject.Finding
	for _, words := range validation.IsDNS1123Subdomain(name) {
		found = append(found, subject.Finding{Message: fmt.Sprintf("invalid node name format %q: %s", name, words)})
	}
	if len(found) > 0 {
		return found, nil
	}
	known, err := resolves(ctx, s, name)
	if err != nil || known {
		return nil, err
	}
	return []subject.Finding{{
		Warning: true,
		Message: fmt.Sprintf("hostname %q could not be reached: it is not in /etc/hosts, and no name server answered within %v", name, patience),
		Fix:     fmt.Sprintf("add the line \"%s %s\" to /etc/hosts", s.Advertise(), name),
	}}, nil
}

func resolves(ctx context.Context, s *subject.Subject, name string) (bool, error) {
	hosts, err := s.Text(ctx, "/etc/hosts")
	if err != nil {
		return false, err
	}
	for line := range strings.Lines(hosts) {
		line, _, _ = strings.Cut(line, "#")
		if f := strings.Fields(line); len(f) > 1 && slices.ContainsFunc(f[1:], func(n string) bool { return strings.EqualFold(n, name) }) {
			return true, nil
		}
	}
	limited, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	r, err := s.Host.Run(limited, host.Command{Argv: []string{"getent", "ahosts", name}})
	// Late, not there or not found: in each case the name is not resolved.
	return err == nil && r.Code == 0, ctx.Err()
}

// Proxy finds connections to this host that its users' proxy would take.
func Proxy(_ context.Context, s *subject.Subject) ([]subject.Finding, error) {
	address := s.Advertise()
	if !address.IsValid() {
		return nil, nil
	}
	target := &url.URL{Scheme: "https", Host: address.String()}
	if address.Is6() {
		target.Host = net.JoinHostPort(address.String(), "1234")
	}
	proxy, err := proxyFor(s, target)
	if err != nil || proxy == nil {
		return nil, err
	}
	return []subject.Finding{{
		Warning: true,
		Message: fmt.Sprintf("Connection to %q uses proxy %q. If that is not intended, adjust your proxy settings", target, proxy.Redacted()),
		Fix:     fmt.Sprintf("add %s to NO_PROXY", address),
	}}, nil
}

// ProxyRanges finds pod and service ranges that a proxy would take from the
// API server, which gets these settings.
func ProxyRanges(_ context.Context, s *subject.Subject) ([]subject.Finding, error) {
	var found []subject.Finding
	for _, r := range s.Ranges() {
		first := r.Prefix.Masked().Addr().Next()
		target := &url.URL{Scheme: "https", Host: netip.AddrPortFrom(first, 1234).String(), Path: "/"}
		proxy, err := proxyFor(s, target)
		if err != nil {
			return nil, err
		}
		if proxy != nil {
			found = append(found, subject.Finding{
				Warning: true,
				Message: fmt.Sprintf("connection to %q uses proxy %q. This may lead to malfunctional cluster setup. Make sure that Pod and Services IP ranges specified correctly as exceptions in proxy configuration", r.Prefix, proxy.Redacted()),
				Fix:     fmt.Sprintf("add %s to NO_PROXY", r.Prefix),
			})
		}
	}
	return found, nil
}

func proxyFor(s *subject.Subject, target *url.URL) (*url.URL, error) {
	var c httpproxy.Config
	for _, e := range s.Node().Facts.ProxyEnvironment {
		switch strings.ToUpper(e.Name) {
		case "HTTP_PROXY":
			c.HTTPProxy = e.Value
		case "HTTPS_PROXY":
			c.HTTPSProxy = e.Value
		case "NO_PROXY":
			c.NoProxy = e.Value
		}
	}
	return c.ProxyFunc()(target)
}
