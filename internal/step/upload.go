package step

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/pki"
	"keelway.dev/keelway/internal/pki/seal"
)

// upload seals the host's shared files into a Secret that its token owns.
func (r *Runner) upload(ctx context.Context, u desired.Upload) error {
	client, err := r.Client(ctx)
	if err != nil {
		return err
	}
	token, err := client.Typed.CoreV1().Secrets(metav1.NamespaceSystem).Get(ctx, u.TokenName(), metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("cannot read the token that is to own the sealed certificates: %w", err)
	}
	secret := u.Secret()
	secret.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(token, schema.GroupVersionKind{Version: "v1", Kind: "Secret"})}
	secret.Data = map[string][]byte{}
	for _, f := range u.Files {
		data, err := r.read(ctx, f.Path)
		if errors.Is(err, fs.ErrNotExist) || f.Path == "" {
			secret.Data[f.Name] = nil // kubeadm's way to say that there is none
			continue
		}
		if err != nil {
			return err
		}
		if secret.Data[f.Name], err = seal.Seal(r.Random, u.Key, data); err != nil {
			return err
		}
	}
	return r.objects(ctx, []desired.Object{{Object: secret}})
}

// rotate has a kubeconfig refer to a file, and the kubelet read it anew.
func (r *Runner) rotate(ctx context.Context, o desired.Rotation) error {
	data, err := r.read(ctx, o.Kubeconfig)
	if err != nil {
		return err
	}
	if data, err = pki.Refer(data, o.ClientFile); err != nil {
		return fmt.Errorf("%s: %w", o.Kubeconfig, err)
	}
	if err := r.put(ctx, o.Kubeconfig, modePrivate, data); err != nil {
		return err
	}
	return r.Services.Restart(ctx, "kubelet")
}
