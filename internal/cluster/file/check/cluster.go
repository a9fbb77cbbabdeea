package check

import (
	"reflect"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/release"
)

// cluster checks what the cluster is called and which version it has.
func (l *list) cluster(c file.Cluster) {
	if c.APIVersion != file.APIVersion || c.Kind != file.Kind {
		l.refuse("", "write apiVersion: "+file.APIVersion+" and kind: "+file.Kind, "this is a %s of %s, and no cluster file", c.Kind, c.APIVersion)
	}
	l.label("metadata.name", c.Metadata.Name)
	const versions = "spec.kubernetesVersion"
	if c.Spec.KubernetesVersion == "" {
		l.refuse(versions, "write "+versions+": "+release.Default().Kubernetes, "it is needed: with a default, a newer keelway would upgrade the cluster")
	} else if _, err := release.For(c.Spec.KubernetesVersion); err != nil {
		l.refuse(versions, "", "%v", err)
	}
	l.choice("spec.profile", c.Spec.Profile)
	l.choice("spec.etcd.topology", c.Spec.Etcd.Topology)
	l.choice("spec.loadBalancing.kind", c.Spec.LoadBalancing.Kind)
	for i, h := range c.Spec.Hosts {
		for _, r := range h.Roles {
			l.choice(at(i, "roles"), r)
		}
	}
}

// choice refuses a word that a field of its type cannot have.
func (l *list) choice(path string, word any) {
	v := reflect.ValueOf(word)
	if known := file.Choices(v.Type()); !slices.Contains(known, v.String()) {
		l.refuse(path, "choose one of "+strings.Join(known, ", "), "%q is unknown", v.String())
	}
}

// label refuses what is no DNS label.
func (l *list) label(path, name string) {
	if name == "" {
		l.refuse(path, "", "it is needed")
		return
	}
	for _, words := range validation.IsDNS1123Label(name) {
		l.refuse(path, "", "%q: %s", name, words)
	}
}

// subdomain refuses what is no DNS name.
func (l *list) subdomain(path, name string) {
	for _, words := range validation.IsDNS1123Subdomain(name) {
		l.refuse(path, "", "%q: %s", name, words)
	}
}
