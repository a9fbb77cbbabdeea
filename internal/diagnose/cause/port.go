package cause

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"keelway.dev/keelway/internal/diagnose/evidence"
)

func portRules() []rule {
	return []rule{
		{
			name:    "port-taken",
			pattern: `:(\d+): bind: address already in use`,
			say:     portTaken,
		},
		{
			name:    "address-not-here",
			pattern: `listen \w+ (\S+): bind: cannot assign requested address`,
			say:     addressNotHere,
		},
	}
}

func portTaken(e evidence.Evidence, m match) (string, string) {
	port, _ := strconv.Atoi(m.group[1])
	holder := e.Holders[port]
	why := fmt.Sprintf("port %d is taken", port)
	next := fmt.Sprintf("find who holds port %d with `ss -ltnp 'sport = :%d'` and stop it", port, port)
	if holder.PID != 0 {
		why = fmt.Sprintf("port %d is held by process %d (%s)", port, holder.PID, holder.Name)
		next = "stop that process"
		if slices.ContainsFunc(e.Components, func(c evidence.Component) bool { return c.Name == holder.Name }) {
			why += ", which was left by an earlier cluster or runs beside this one"
		}
	}
	if port == e.Port {
		next = strings.Replace(next, "stop", "free the port (stop", 1) + "), or choose another one with --apiserver-bind-port"
	}
	return why, next + again
}

func addressNotHere(e evidence.Evidence, m match) (string, string) {
	host, _, err := net.SplitHostPort(m.group[1])
	if err != nil {
		host = m.group[1]
	}
	why := fmt.Sprintf("%s is not an address of this machine", host)
	next := "give one that it has with --apiserver-advertise-address"
	if slices.Contains(e.Addresses, host) {
		// It came meanwhile: the kubelet starts the component again by itself.
		return fmt.Sprintf("%s was not an address of this machine when the component started; it is now", host), "run `keelway up` again"
	}
	if len(e.Addresses) > 0 {
		why += ", which has " + strings.Join(e.Addresses, ", ")
	}
	return why, next + again
}
