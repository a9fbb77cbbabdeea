// Package resident has the preflight checks of what already lives on a host: files, runtimes and other clusters.
package resident

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/preflight/subject"
	"keelway.dev/keelway/internal/release"
)

// kubernetesDir is kubeadm's folder on every host.
const kubernetesDir = "/etc/kubernetes"

const manifestsDir = kubernetesDir + "/manifests"

// staticPods are the manifests that a control plane consists of.
func staticPods() []string {
	return []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "etcd"}
}

// label makes kubeadm's name of a check of one path.
func label(check, file string) string {
	return check + "-" + strings.ReplaceAll(file, "/", "-")
}

// Files finds files that a control plane or a kubelet of another cluster has
// left or is using. Files of this cluster are what a second run meets.
func Files(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	var files []string
	for _, name := range staticPods() {
		if s.ControlPlane() || s.Alone() && name == "etcd" {
			files = append(files, path.Join(manifestsDir, name+".yaml"))
		}
	}
	files = append(files, kubernetesDir+"/kubelet.conf")
	var found []subject.Finding
	for _, file := range files {
		text, err := s.Text(ctx, file)
		if err != nil {
			return nil, err
		}
		if text == "" {
			continue
		}
		why := "of another cluster: " + strings.Join(differences(s, file, text), ", ")
		if why == "of another cluster: " {
			if s.Wrote == nil || s.Wrote(file) {
				continue
			}
			why = "not written by Keelway"
		}
		found = append(found, subject.Finding{
			Name:    label("FileAvailable", file),
			Message: fmt.Sprintf("%s already exists, and is %s", file, why),
			Fix:     "remove that cluster first (`keelway down`, or `kubeadm reset` if kubeadm made it), or give the same values as before",
		})
	}
	return found, nil
}

// Folders finds etcd data without an etcd, and files that the kubelet would
// take for static pods.
func Folders(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	var found []subject.Finding
	if l := s.Model.Cluster.Etcd.Local; s.Etcd() {
		entries, err := s.List(ctx, l.DataDir)
		if err != nil {
			return nil, err
		}
		manifest, err := s.Exists(ctx, path.Join(manifestsDir, "etcd.yaml"))
		if err != nil {
			return nil, err
		}
		if len(entries) > 0 && !manifest {
			found = append(found, subject.Finding{
				Name:    label("DirAvailable", l.DataDir),
				Message: fmt.Sprintf("%s is not empty, and no etcd is set up here: a new etcd would go on with the data of an old cluster", l.DataDir),
				Fix:     fmt.Sprintf("if nobody needs that data, `rm -r %s`; else save it first", path.Join(l.DataDir, "member")),
			})
		}
	}
	entries, err := s.List(ctx, manifestsDir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		name := path.Base(e.Path)
		pod, isYAML := strings.CutSuffix(name, ".yaml")
		ours := isYAML && slices.Contains(staticPods(), pod) || s.Owns(e.Path)
		// The kubelet reads every file whose name has no dot in front.
		if ours || !e.Mode.IsRegular() || strings.HasPrefix(name, ".") {
			continue
		}
		found = append(found, subject.Finding{
			Name:    label("DirAvailable", manifestsDir),
			Warning: true,
			Message: fmt.Sprintf("%s is in the folder of static pods: the kubelet runs it too, whatever its name ends in", e.Path),
			Fix:     "move it away, unless it is meant to run",
		})
	}
	return found, nil
}

// Version finds a control plane that cannot become the wanted version.
func Version(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	want := s.Model.Cluster.KubernetesVersion
	if want == "" || !s.ControlPlane() {
		return nil, nil
	}
	file := path.Join(manifestsDir, "kube-apiserver.yaml")
	text, err := s.Text(ctx, file)
	if err != nil {
		return nil, err
	}
	have := parseManifest(text).tag
	if !strings.HasPrefix(have, "v") {
		return nil, nil // no cluster yet, or an image of somebody's own making
	}
	if err := release.CheckUpgrade(have, want); err != nil {
		return []subject.Finding{{Message: fmt.Sprintf("%s runs Kubernetes %s: %v", s.Host.Name(), have, err)}}, nil
	}
	return nil, nil
}
