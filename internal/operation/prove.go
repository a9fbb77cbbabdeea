package operation

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/prior"
	"keelway.dev/keelway/internal/report"
)

// unproven is there from the first change of a run until the proof has passed,
// so that a run that was killed in between is proved by the next one. It
// decides nothing else.
const unproven = prior.Dir + "/unproven"

// proofLimit is how long the whole proof may take.
const proofLimit = 90 * time.Second

func (m *Machine) markUnproven(ctx context.Context) error {
	return m.Host.Put(ctx, host.Entry{Path: unproven, Mode: 0o600}, strings.NewReader(""))
}

func (m *Machine) isUnproven(ctx context.Context) bool {
	_, err := m.Host.Stat(ctx, unproven)
	return !errors.Is(err, fs.ErrNotExist)
}

// prove shows that the cluster answers: a pod resolves a Service's name, is
// answered by another pod through its ClusterIP, its logs can be read and a
// command runs in a pod. Everything it made is removed again, also when it
// fails or is interrupted. It returns one line for each thing proved.
func (m *Machine) prove(ctx context.Context, model *cluster.Model) (lines []string, err error) {
	began := m.Now()
	e := report.Event{Kind: report.Step, Host: m.Host.Name(), Phase: "prove", Step: "prove/service",
		What: "prove that pods, Services, DNS, logs and exec work"}
	m.emit(e)
	ctx, cancel := context.WithTimeout(ctx, proofLimit)
	defer cancel()
	// What a proof that was killed has left is found by it; where another program
	// made the cluster, there is no folder for it.
	_ = m.markUnproven(ctx)
	client, err := m.Client.Client(ctx)
	if err != nil {
		return nil, err
	}
	p := proof{client: client, objects: desiredProof(model)}
	p.say = report.Waiting(m.Events, e, m.Now)
	defer func() {
		clean, stop := context.WithTimeout(context.WithoutCancel(ctx), 20*time.Second)
		defer stop()
		if removeErr := p.remove(clean); err == nil {
			err = removeErr
		}
		e.Seconds = m.Now().Sub(began).Seconds()
		if err != nil {
			e.Kind, e.Detail = report.Failed, err.Error()
			m.emit(e)
			return
		}
		e.Kind = report.Done
		m.emit(e)
		err = m.Host.Remove(clean, unproven)
	}()
	return p.run(ctx)
}

// proof is one run of the proof.
type proof struct {
	client  *kube.Client
	objects proofObjects
	say     func(string)
}

func (p *proof) run(ctx context.Context) ([]string, error) {
	if err := p.remove(ctx); err != nil {
		return nil, err
	}
	if err := p.create(ctx); err != nil {
		return nil, err
	}
	if err := p.await(ctx, p.objects.server.Name, kube.PodReady); err != nil {
		return nil, err
	}
	answer, err := p.ask(ctx)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(answer, "OK") {
		return nil, fmt.Errorf("the pod behind the Service answered %q, not OK", answer)
	}
	version, err := p.command(ctx, p.objects.server.Name, []string{"/coredns", "-version"})
	if err != nil {
		return nil, fmt.Errorf("cannot run a command in a pod: %w; the API server reaches the kubelet on port 10250: look at `keelway status`", err)
	}
	word, _, _ := strings.Cut(strings.TrimSpace(version), "\n")
	return []string{
		"a pod resolved the name " + p.objects.name + " and was answered through the ClusterIP by another pod",
		"its logs were read through the API server: " + strings.TrimSpace(answer),
		"a command ran in a pod: " + word,
	}, nil
}

func (p *proof) create(ctx context.Context) error {
	core := p.client.Typed.CoreV1()
	if _, err := core.ConfigMaps(proofNamespace).Create(ctx, &p.objects.config, metav1.CreateOptions{}); err != nil {
		return err
	}
	if _, err := core.Services(proofNamespace).Create(ctx, &p.objects.service, metav1.CreateOptions{}); err != nil {
		return err
	}
	return p.pod(ctx, &p.objects.server)
}

// pod creates a pod, once its namespace has the service account that it needs.
func (p *proof) pod(ctx context.Context, pod *corev1.Pod) error {
	for {
		_, err := p.client.Typed.CoreV1().Pods(proofNamespace).Create(ctx, pod, metav1.CreateOptions{})
		if err == nil || !apierrors.IsForbidden(err) {
			return err
		}
		p.say(err.Error())
		if stop := pause(ctx); stop != nil {
			return fmt.Errorf("cannot create pod %s: %w", pod.Name, err)
		}
	}
}

// ask runs the client pod until it succeeds and returns its logs. A pod that
// fails is replaced at once: the kubelet would wait ten seconds.
func (p *proof) ask(ctx context.Context) (string, error) {
	for {
		if err := p.pod(ctx, &p.objects.client); err != nil {
			return "", err
		}
		err := p.await(ctx, p.objects.client.Name, kube.PodEnded)
		logs, logErr := p.client.Typed.CoreV1().Pods(proofNamespace).GetLogs(p.objects.client.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
		if err == nil {
			if logErr != nil {
				return "", fmt.Errorf("cannot read a pod's logs: %w", logErr)
			}
			return string(logs), nil
		}
		p.say(strings.TrimSpace(string(logs)))
		if stop := pause(ctx); stop != nil {
			return "", fmt.Errorf("a pod cannot reach the Service %s: %w; it said: %s", p.objects.name, err, strings.TrimSpace(string(logs)))
		}
		if err := p.client.DeletePod(ctx, proofNamespace, p.objects.client.Name); err != nil {
			return "", err
		}
	}
}

// commandTries is how often a command is tried: when its certificate for
// kubelets was renewed, the API server closes every connection to them at some
// moment, the one that is just being opened too.
const commandTries = 3

// command runs a command in a pod and returns what it printed.
func (p *proof) command(ctx context.Context, pod string, argv []string) (out string, err error) {
	for range commandTries {
		if out, err = p.client.Exec(ctx, proofNamespace, pod, argv); err == nil {
			return out, nil
		}
		p.say(err.Error())
		if pause(ctx) != nil {
			break
		}
	}
	return "", err
}

func pause(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(100 * time.Millisecond):
		return nil
	}
}
