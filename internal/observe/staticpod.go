package observe

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
)

// staticPod tells whether the runtime runs a static pod with the flags of its
// file, and then whether that answers. The process that ran before the file was
// changed goes on for a moment, and its answer is worth nothing.
func staticPod(ctx context.Context, h host.Host, target string) (bool, string) {
	manifest, url, _ := strings.Cut(target, " ")
	text, err := ReadText(ctx, h, manifest)
	if err != nil {
		return false, manifest + " is not there yet"
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal([]byte(text), &pod); err != nil || len(pod.Spec.Containers) == 0 {
		return false, manifest + " holds no pod"
	}
	want := pod.Spec.Containers[0]
	commands, err := running(ctx, h, want.Name)
	switch {
	case err != nil:
		return false, err.Error()
	case len(commands) == 0:
		return false, "no container of " + want.Name + " runs yet"
	case !slices.ContainsFunc(commands, func(c []string) bool { return slices.Equal(c, want.Command) }):
		return false, want.Name + " still runs with the flags that its file had before"
	}
	ok, words := kube.Healthz(ctx, h, url)
	return ok, failing(words)
}

// running are the command lines of the running containers of that name.
func running(ctx context.Context, h host.Host, name string) ([][]string, error) {
	conn, err := DialRuntime(h)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	client := cri.NewRuntimeServiceClient(conn)
	list, err := client.ListContainers(ctx, &cri.ListContainersRequest{Filter: &cri.ContainerFilter{
		State:         &cri.ContainerStateValue{State: cri.ContainerState_CONTAINER_RUNNING},
		LabelSelector: map[string]string{"io.kubernetes.container.name": name, "io.kubernetes.pod.namespace": "kube-system"},
	}})
	if err != nil {
		return nil, err
	}
	var commands [][]string
	for _, c := range list.Containers {
		answer, err := client.ContainerStatus(ctx, &cri.ContainerStatusRequest{ContainerId: c.Id, Verbose: true})
		if err != nil {
			return nil, err
		}
		// What it was made of is in containerd's own words.
		var info struct {
			Config struct {
				Command []string `json:"command"`
			} `json:"config"`
		}
		if err := json.Unmarshal([]byte(answer.Info["info"]), &info); err != nil {
			return nil, err
		}
		commands = append(commands, info.Config.Command)
	}
	return commands, nil
}
