// Package network has the preflight checks of addresses, ranges, ports, names and proxies.
package network

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/preflight/subject"
	"keelway.dev/keelway/internal/preflight/survey"
)

// Ports finds ports that components need and that others hold. A component of
// this cluster that holds its own port is what a second run meets.
func Ports(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	listeners, err := s.Listeners(ctx)
	if err != nil {
		return nil, err
	}
	var found []subject.Finding
	for _, p := range s.Ports() {
		for _, l := range listeners {
			if !p.Clashes(l) {
				continue
			}
			f, ok, err := taken(ctx, s, p, l)
			if err != nil {
				return nil, err
			}
			if ok {
				found = append(found, f)
				break
			}
		}
	}
	return found, nil
}

func taken(ctx context.Context, s *subject.Subject, p subject.Port, l survey.Listener) (subject.Finding, bool, error) {
	f := subject.Finding{Name: "Port-" + strconv.Itoa(int(p.Number))}
	holder, known, err := s.Holder(ctx, l.Inode, p.Component)
	if err != nil {
		return f, false, err
	}
	switch {
	case known && s.Component(holder, p.Component):
		return f, false, nil
	case known:
		f.Message = fmt.Sprintf("Port %d is in use: %s listens on %s/%s, where %s must", p.Number, holder, l.Address, l.Protocol, p.Component)
		f.Fix = fmt.Sprintf("stop it; `kill %d` ends it until something starts it again", holder.PID)
	case p.Protocol == "udp":
		// The kernel's own VXLAN socket, which all such links share.
		return f, false, nil
	default:
		f.Message = fmt.Sprintf("Port %d is in use on %s/%s, where %s must listen; the process that has it cannot be seen from here", p.Number, l.Address, l.Protocol, p.Component)
		f.Fix = fmt.Sprintf("find it with `ss -ltnp sport = :%d`, or look in the containers of this host", p.Number)
	}
	return f, true, nil
}

// Firewall finds firewalld or ufw at work: both drop what pods send each other
// and what other hosts send to this one, unless they are told.
func Firewall(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	var ports []string
	for _, p := range s.Ports() {
		if !p.Extra && (p.Component == "kube-apiserver" || p.Component == "kubelet") {
			ports = append(ports, strconv.Itoa(int(p.Number)))
		}
	}
	list := "[" + strings.Join(ports, " ") + "]"
	some, err := s.Named(ctx, "firewalld")
	if err != nil {
		return nil, err
	}
	var found []subject.Finding
	if len(some) > 0 {
		found = append(found, subject.Finding{
			Warning: true,
			Message: fmt.Sprintf("firewalld is active, please ensure ports %s are open or your cluster may not function correctly; between hosts it must let 8472/udp through, and everything to and from the pod and service ranges", list),
			Fix:     fmt.Sprintf("run `systemctl disable --now firewalld`, or `firewall-cmd --permanent --add-port=%s/tcp --add-port=8472/udp` and put the ranges in the trusted zone", strings.Join(ports, "/tcp --add-port=")),
		})
	}
	ufw, err := s.Text(ctx, "/etc/ufw/ufw.conf")
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(ufw) {
		if strings.EqualFold(strings.TrimSpace(line), "ENABLED=yes") {
			found = append(found, subject.Finding{
				Warning: true,
				Message: fmt.Sprintf("ufw is active, please ensure ports %s are open or your cluster may not function correctly; it drops forwarded packets too, which is all that pods send", list),
				Fix:     "run `ufw disable`, or allow the ports and set DEFAULT_FORWARD_POLICY=ACCEPT in /etc/default/ufw",
			})
		}
	}
	return found, nil
}
