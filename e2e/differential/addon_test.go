package differential

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestAddons compares the printed objects of the addons. kubeadm prints its own
// templates, so that only what they say counts.
func TestAddons(t *testing.T) {
	t.Parallel()
	keelway, kubeadm := peers(t)
	// The part of kube-proxy's settings that Keelway fits to the machine is given.
	const proxy = "---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nmode: iptables\nconntrack: {maxPerCore: 0, min: 0}\n"
	compared := 0
	for name, text := range map[string]string{
		"plain":         cluster("networking: {podSubnet: 10.244.0.0/16}"),
		"both families": cluster("networking: {podSubnet: \"10.244.0.0/16,2001:db8:42::/56\", serviceSubnet: \"10.96.0.0/16,2001:db8:43::/112\"}"),
		"IPv6":          cluster("networking: {podSubnet: \"2001:db8:42::/56\", serviceSubnet: \"2001:db8:43::/112\"}") + "localAPIEndpoint: {advertiseAddress: \"2001:db8::7\"}\n",
		"own names":     cluster("networking: {dnsDomain: corp.example, serviceSubnet: 172.21.0.0/20}\ncontrolPlaneEndpoint: api.example:8443\nclusterName: mine"),
		"own images":    cluster("imageRepository: r.example:5000/k\ndns: {imageRepository: dns.example/x, imageTag: v9}"),
		"no pod range":  cluster(""),
	} {
		path := file(t, text+proxy)
		for _, addon := range []string{"coredns", "kube-proxy"} {
			args := []string{"init", "phase", "addon", addon, "--print-manifest", "--config", path}
			// kubeadm prints kube-proxy without the proxy environment that it gives it.
			theirs, ours := runWith(t, nil, kubeadm, args...), runWith(t, nil, keelway, args...)
			if !theirs.ok || !ours.ok {
				t.Errorf("%s, %s: ok %t and %t: %s%s", name, addon, theirs.ok, ours.ok, theirs.err, ours.err)
				continue
			}
			a, b := printed(t, theirs.out), printed(t, ours.out)
			if says := compareTrees(a, b); says != "" || len(a) == 0 {
				t.Errorf("%s, %s: %s", name, addon, says)
			}
			compared += len(a)
		}
	}
	t.Logf("%d printed objects compared", compared)
}

// printed are YAML documents as objects, by kind and name.
func printed(t *testing.T, text string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for document := range strings.SplitSeq("\n"+text, "\n---") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(document+"\n"), &object); err != nil {
			t.Fatalf("%v in\n%s", err, document)
		}
		if object == nil {
			continue
		}
		meta := object["metadata"].(map[string]any)
		delete(object, "status")
		delete(meta, "resourceVersion") // "0", so that an old object is replaced
		said, err := json.MarshalIndent(pruned(object), "", " ")
		if err != nil {
			t.Fatal(err)
		}
		all[fmt.Sprint(object["kind"], " ", meta["namespace"], "/", meta["name"])] = string(said)
	}
	return all
}

// pruned leaves out what says nothing: null, a mount that is not only read, and
// empty maps and lists in maps.
func pruned(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range slices.Collect(maps.Keys(v)) {
			below := pruned(v[key])
			m, isMap := below.(map[string]any)
			if below == nil || isMap && len(m) == 0 && key != "emptyDir" || key == "readOnly" && below == false {
				delete(v, key)
				continue
			}
			v[key] = below
		}
	case []any:
		for i := range v {
			v[i] = pruned(v[i])
		}
		if len(v) == 0 {
			return nil
		}
	}
	return value
}
