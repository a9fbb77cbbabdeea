package check

import (
	"fmt"
	"slices"

	"keelway.dev/keelway/internal/cluster/file"
)

func (l *list) hooks(c file.Cluster) {
	h := c.Spec.Hooks
	for _, when := range []struct {
		name  string
		hooks []file.Hook
	}{{"beforeApply", h.BeforeApply}, {"beforeHost", h.BeforeHost}, {"afterHost", h.AfterHost}, {"afterApply", h.AfterApply}} {
		for i, hook := range when.hooks {
			l.hook(fmt.Sprintf("spec.hooks.%s[%d]", when.name, i), hook, c)
		}
	}
}

func (l *list) hook(at string, h file.Hook, c file.Cluster) {
	if h.Name == "" {
		l.refuse(at+".name", "say in a word what it is for", "it is needed")
	}
	given := 0
	for _, there := range []bool{len(h.Command) > 0, h.Script != "", h.ScriptFile != ""} {
		if there {
			given++
		}
	}
	switch {
	case given > 1:
		l.refuse(at, "keep one", "command, script and scriptFile exclude each other")
	case given == 0 || len(h.Command) > 0 && h.Command[0] == "":
		l.refuse(at+".command", `write the program and its arguments as a list, such as ["systemctl", "restart", "chrony"], or a script`, "it is needed")
	}
	if h.Timeout.Duration <= 0 {
		l.refuse(at+".timeout", "", "%s is not a time in which anything could be done", h.Timeout.Duration)
	}
	if len(h.Hosts) > 0 && len(h.Roles) > 0 {
		l.refuse(at, "keep one", "hosts and roles exclude each other")
	}
	for n, name := range h.Hosts {
		if !slices.ContainsFunc(c.Spec.Hosts, func(o file.Host) bool { return o.Name == name }) {
			l.refuse(fmt.Sprintf("%s.hosts[%d]", at, n), "", "there is no host %q in this file", name)
		}
	}
	for n, role := range h.Roles {
		if !slices.ContainsFunc(c.Spec.Hosts, func(o file.Host) bool { return o.Is(role) }) {
			l.warn(fmt.Sprintf("%s.roles[%d]", at, n), "", "no host has the role %q", role)
		}
	}
}
