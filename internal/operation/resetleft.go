package operation

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/cni"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
)

// contextsOf are the contexts of a kubeconfig that name the cluster of an
// authority.
func (m *Machine) contextsOf(ctx context.Context, kubeconfig, ca string) []string {
	authority, err := observe.ReadText(ctx, m.Host, ca)
	if kubeconfig == "" || err != nil {
		return nil
	}
	own, err := m.readConfig(ctx, kubeconfig)
	if err != nil {
		return nil
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(own.Contexts)) {
		c := own.Clusters[own.Contexts[name].Cluster]
		if c != nil && bytes.Equal(bytes.TrimSpace(c.CertificateAuthorityData), []byte(strings.TrimSpace(authority))) {
			names = append(names, fmt.Sprintf("kubectl --kubeconfig %s config delete-context %s", kubeconfig, name))
		}
	}
	return names
}

// resetLeft lists what stays, and what removes it.
func (m *Machine) resetLeft(ctx context.Context, in *resetInput) []Left {
	var left []Left
	add := func(what, command string) { left = append(left, Left{What: what, Command: command}) }
	for _, c := range in.leave.Remaining {
		add("the etcd member in the others' list", c)
	}
	if in.node != "" && !in.leave.Last {
		add("the Node "+in.node+", where the cluster lives on", "on another machine of the cluster: kubectl delete node "+in.node)
		add("bootstrap tokens there, until they expire", "on a control plane: keelway token list, keelway token delete")
	}
	if len(in.etcd.External) > 0 {
		add("the external etcd at "+strings.Join(in.etcd.External, ", ")+", with all its data", "when no other cluster uses it: etcdctl --endpoints="+in.etcd.External[0]+` del "" --prefix`)
	}
	if now, err := m.Observer.EtcdHere(ctx, in.wish.Socket); err == nil && len(in.etcd.External) == 0 && len(now.Data) > 0 {
		add("etcd's data in "+now.Dir, "when it is nobody's any more: rm -rf "+path.Join(now.Dir, "member"))
	}
	for _, c := range in.contexts {
		add("your kubeconfig's way to this cluster", c)
	}
	if entries, err := m.Host.List(ctx, cni.ConfDir); err == nil {
		for _, e := range entries {
			if _, ours := m.Prior.Record().Paths[e.Path]; !ours && e.Mode.IsRegular() {
				add("the pod network's configuration "+e.Path+", which somebody else wrote", "rm "+e.Path)
			}
		}
	}
	left = append(left, m.rulesLeft(ctx)...)
	for _, dir := range []string{"/var/log/pods", "/var/log/kubernetes"} {
		if entries, err := m.Host.List(ctx, dir); err == nil && len(entries) > 0 {
			add("logs in "+dir, "rm -rf "+dir)
		}
	}
	for _, dir := range desired.VolumeFolders() {
		if _, known := m.Prior.Record().Paths[dir]; !known {
			if empty := m.Observer.Hollow(ctx, dir); len(empty) > 0 {
				add("the empty folder "+dir+", which a pod's volume may have made", "rmdir "+strings.Join(empty, " "))
			}
		}
	}
	if len(m.Prior.Record().Paths) > 0 {
		add("the container runtime, its images, and the programs that Keelway installed", "keelway down")
	} else {
		add("the container runtime, its images, and the installed programs", "")
	}
	return left
}

// rulesLeft are rules of the packet filter that reset does not touch.
func (m *Machine) rulesLeft(ctx context.Context) []Left {
	var left []Left
	if text, err := observe.ReadText(ctx, m.Host, "/proc/net/ip_tables_names"); err == nil && strings.TrimSpace(text) != "" {
		left = append(left, Left{
			What:    "rules of the old iptables (" + strings.Join(strings.Fields(text), ", ") + "), with kube-proxy's if it used that",
			Command: "iptables-legacy-save | grep -v KUBE- | iptables-legacy-restore",
		})
	}
	if text, err := observe.ReadText(ctx, m.Host, "/proc/net/ip_vs"); err == nil && strings.Count(strings.TrimSpace(text), "\n") > 2 {
		left = append(left, Left{What: "IPVS services", Command: "when kube-proxy made them all: ipvsadm --clear"})
	}
	if filter, ok := m.Host.(host.Filter); ok {
		chains, err := filter.Chains(ctx)
		if err == nil && slices.ContainsFunc(chains, func(c string) bool { return strings.Contains(c, " CNI-") }) {
			left = append(left, Left{What: "iptables chains of CNI plugins (CNI-...)", Command: "nft list ruleset, and nft delete chain"})
		}
	}
	return left
}
