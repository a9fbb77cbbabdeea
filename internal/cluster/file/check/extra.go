package check

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config"
)

// extras checks flags, volumes, hooks, addons, mirrors and proxies.
func (l *list) extras(c file.Cluster) {
	s := c.Spec
	l.component("spec.apiServer", s.APIServer)
	l.component("spec.controllerManager", s.ControllerManager)
	l.component("spec.scheduler", s.Scheduler)
	l.args("spec.etcd.extraArgs", s.Etcd.ExtraArgs)
	l.args("spec.kubelet.extraArgs", s.Kubelet.ExtraArgs)
	for i, a := range s.Kubelet.ExtraArgs {
		if a.Name == "node-ip" || a.Name == "hostname-override" {
			l.refuse(fmt.Sprintf("spec.kubelet.extraArgs[%d]", i), "use a host's nodeAddress and nodeName", "no two hosts share %s", a.Name)
		}
	}
	l.hooks("spec.hooks.beforeApply", s.Hooks.BeforeApply, c)
	l.hooks("spec.hooks.afterApply", s.Hooks.AfterApply, c)
	for i, path := range s.Addons.Manifests {
		if path == "" {
			l.refuse(fmt.Sprintf("spec.addons.manifests[%d]", i), "", "it is empty")
		}
	}
	for i, m := range s.Mirrors {
		path := fmt.Sprintf("spec.mirrors[%d]", i)
		if m.Registry == "" || strings.ContainsAny(m.Registry, "/ ") {
			l.refuse(path+".registry", `write a host such as docker.io, or "*"`, "%q is not a registry", m.Registry)
		}
		if len(m.Endpoints) == 0 {
			l.refuse(path+".endpoints", "", "at least one is needed")
		}
		for n, e := range m.Endpoints {
			l.url(fmt.Sprintf("%s.endpoints[%d]", path, n), e)
		}
	}
	l.url("spec.proxies.http", s.Proxies.HTTP)
	l.url("spec.proxies.https", s.Proxies.HTTPS)
	if a := s.Audit; a.MaxAge < 0 || a.MaxBackups < 0 || a.MaxSize < 0 {
		l.refuse("spec.audit", "leave them out for Keelway's own", "maxAge, maxBackups and maxSize are positive numbers")
	}
	if !*s.Audit.Enabled && (s.Audit.PolicyFile != "" || s.Audit.MaxAge+s.Audit.MaxBackups+s.Audit.MaxSize > 0) {
		l.refuse("spec.audit", "set spec.audit.enabled: true, or leave the rest out", "the audit log is off, and other fields say how it should be")
	}
	if !*s.Encryption.Enabled && len(s.Encryption.Resources) > 0 {
		l.refuse("spec.encryption", "set spec.encryption.enabled: true, or leave the resources out", "encryption is off, and resources name what to encrypt")
	}
}

func (l *list) component(path string, c file.Component) {
	l.args(path+".extraArgs", c.ExtraArgs)
	names := map[string]bool{}
	for i, v := range c.ExtraVolumes {
		at := fmt.Sprintf("%s.extraVolumes[%d]", path, i)
		l.label(at+".name", v.Name)
		if names[v.Name] {
			l.refuse(at+".name", "", "the volume %s is there twice", v.Name)
		}
		names[v.Name] = true
		if !strings.HasPrefix(v.HostPath, "/") || !strings.HasPrefix(v.MountPath, "/") {
			l.refuse(at, "", "hostPath and mountPath are absolute paths")
		}
	}
	for i, v := range c.ExtraEnvs {
		if v.Name == "" {
			l.refuse(fmt.Sprintf("%s.extraEnvs[%d].name", path, i), "", "it is needed")
		}
	}
}

// args refuses flags that no program would take as they are written.
func (l *list) args(path string, args []config.Arg) {
	for i, a := range args {
		if strings.HasPrefix(a.Name, "-") {
			l.refuse(fmt.Sprintf("%s[%d].name", path, i), "write "+strings.TrimLeft(a.Name, "-"), "%q: flags are written without their dashes", a.Name)
		} else if strings.ContainsAny(a.Name, "= \t\n") {
			l.refuse(fmt.Sprintf("%s[%d].name", path, i), "", "%q is not the name of a flag", a.Name)
		} else if a.Name == "" {
			l.refuse(fmt.Sprintf("%s[%d].name", path, i), "", "the argument has no name")
		}
	}
}

func (l *list) hooks(path string, hooks []file.Hook, c file.Cluster) {
	for i, h := range hooks {
		at := fmt.Sprintf("%s[%d]", path, i)
		if h.Name == "" {
			l.refuse(at+".name", "say in a word what it is for", "it is needed")
		}
		if len(h.Command) == 0 || h.Command[0] == "" {
			l.refuse(at+".command", `write the program and its arguments as a list, such as ["systemctl", "restart", "chrony"]`, "it is needed")
		}
		for n, name := range h.Hosts {
			if !slices.ContainsFunc(c.Spec.Hosts, func(o file.Host) bool { return o.Name == name }) {
				l.refuse(fmt.Sprintf("%s.hosts[%d]", at, n), "", "there is no host %q in this file", name)
			}
		}
	}
}

// url refuses what is no http or https URL. It may hold a password, and is not
// repeated.
func (l *list) url(path, text string) {
	if text == "" {
		return
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		l.refuse(path, "", "it is not a URL such as https://registry.example:5000")
	} else if _, secret := u.User.Password(); secret {
		l.warn(path, "let it know the hosts by their addresses, or keep this file as a secret", "it holds a password")
	}
}

// hardened tells whether the cluster has the hardened profile.
func hardened(c file.Cluster) bool { return c.Spec.Profile == cluster.Hardened }
