package check

import (
	"fmt"
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
	for i, path := range s.Addons.Manifests {
		if path == "" {
			l.refuse(fmt.Sprintf("spec.addons.manifests[%d]", i), "", "it is empty")
		}
	}
	l.charts(s.Addons.Helm)
	l.hooks(c)
	l.registries(s)
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

func (l *list) charts(charts []file.Chart) {
	names := map[string]bool{}
	for i, h := range charts {
		at := fmt.Sprintf("spec.addons.helm[%d]", i)
		l.label(at+".name", h.Name)
		l.label(at+".namespace", h.Namespace)
		if names[h.Name] {
			l.refuse(at+".name", "", "the release %s is there twice", h.Name)
		}
		names[h.Name] = true
		if h.Chart == "" {
			l.refuse(at+".chart", "name its folder, or a .tgz of it", "it is needed")
		}
	}
}

// hardened tells whether the cluster has the hardened profile.
func hardened(c file.Cluster) bool { return c.Spec.Profile == cluster.Hardened }
