package store

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/verify/probe"
	"keelway.dev/keelway/internal/verify/result"
	"keelway.dev/keelway/internal/verify/subject"
)

// word is what the Secret holds; it is none.
const word = "keelway-verify-plain-text"

// Encryption writes a Secret through each API server, because each has its own
// configuration, and reads what etcd holds then.
func Encryption(ctx context.Context, s *subject.Subject) (o result.Outcome, err error) {
	args := s.Model.Cluster.APIServer.ExtraArgs
	if v, _ := config.Value(args, "encryption-provider-config"); v == "" {
		o.Skip("", "the cluster was made without encryption at rest (profile %s)", s.Model.Profile)
		return o, nil
	}
	prefix, _ := config.Value(args, "etcd-prefix")
	if prefix == "" {
		prefix = "/registry"
	}
	c, _, err := s.Etcd(ctx)
	if err != nil {
		return o, err
	}
	defer c.Close()
	pods, err := s.Client.Typed.CoreV1().Pods(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "component=kube-apiserver"})
	if err != nil {
		return o, err
	}
	good := 0
	var providers []string
	for i, p := range pods.Items {
		host, port, err := net.SplitHostPort(p.Annotations[subject.APIAnnotation])
		if err != nil {
			o.Skip(p.Spec.NodeName, "its API server does not say where it listens")
			continue
		}
		name := fmt.Sprintf("%s-%d", probe.Name, i)
		if err := write(ctx, s, "https://"+net.JoinHostPort(host, port), name); err != nil {
			o.Add(result.Failed, p.Spec.NodeName, "look at the node's API server: `keelway diagnose`", "a Secret cannot be written through its API server: %v", err)
			continue
		}
		raw, err := c.Raw(ctx, prefix+"/secrets/"+probe.Namespace+"/"+name)
		if err != nil {
			return o, err
		}
		provider, found := judgeRaw(p.Spec.NodeName, raw)
		if len(found) == 0 {
			good++
			providers = append(providers, provider)
		}
		o.Found = append(o.Found, found...)
	}
	o.Seen = result.Counted(good, len(pods.Items), "API server")
	if good > 0 {
		o.Seen += ": " + providers[0]
	}
	return o, nil
}

func write(ctx context.Context, s *subject.Subject, server, name string) error {
	own := rest.CopyConfig(s.Client.Config)
	own.Host = server
	client, err := kube.Typed(own)
	if err != nil {
		return err
	}
	// Not cut off: a request that is may still be done, after everything was removed.
	_, err = client.CoreV1().Secrets(probe.Namespace).Create(context.WithoutCancel(ctx), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{probe.Label: "secret"}},
		Data:       map[string][]byte{"word": []byte(word)},
	}, metav1.CreateOptions{})
	return err
}

// judgeRaw looks at the bytes of a Secret in etcd: "k8s:enc:secretbox:v1:key1:"
// stands before what is encrypted, and names the provider.
func judgeRaw(node string, raw []byte) (provider string, found []result.Finding) {
	var o result.Outcome
	switch {
	case len(raw) == 0:
		o.Fail(node, "etcd holds no such Secret: the API server stores elsewhere")
	case bytes.Contains(raw, []byte(word)) || !bytes.HasPrefix(raw, []byte("k8s:enc:")):
		o.Fail(node, "a Secret written through its API server lies in etcd as plain text")
	default:
		parts := strings.SplitN(string(raw[:min(len(raw), 64)]), ":", 5)
		provider = strings.Join(parts[2:min(len(parts), 4)], " ")
	}
	return provider, o.Found
}
