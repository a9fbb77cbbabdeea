package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

const (
	// requestSeconds is how long one answer may take.
	requestSeconds = 3
	// settle is how long a question is asked again: the rules of a new Service
	// reach the nodes a moment after it.
	settle = 12 * time.Second
)

// exec runs a command in a probe, at most as many at once as there are places.
func (s *Set) exec(ctx context.Context, in *corev1.Pod, argv []string) (string, error) {
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return s.Client.Exec(ctx, Namespace, in.Name, argv)
}

// tries is how often a command is tried: when the API server's certificate for
// kubelets was renewed, it closes every connection to them at some moment.
const tries = 3

// Version has a probe say its own program's version.
func (s *Set) Version(ctx context.Context, in *corev1.Pod) (out string, err error) {
	for range tries {
		if out, err = s.exec(ctx, in, []string{"kubectl", "version", "--client"}); err == nil || pause(ctx) != nil {
			break
		}
	}
	return out, err
}

// Ask has a probe ask for the name of whoever answers at host and port.
func (s *Set) Ask(ctx context.Context, from *corev1.Pod, host string, port int) (name string, err error) {
	return s.get(ctx, from, "http://"+net.JoinHostPort(host, strconv.Itoa(port)), path)
}

// AskPod has a probe ask another one at each of its addresses.
func (s *Set) AskPod(ctx context.Context, from, to *corev1.Pod) error {
	for _, a := range to.Status.PodIPs {
		name, err := s.Ask(ctx, from, a.IP, port)
		if err == nil && name != to.Name {
			err = fmt.Errorf("%s is answered by %q, not by pod %s: the address is given twice", a.IP, name, to.Name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// AskAPI has a probe of a host's network ask whether an API server is ready,
// and trust none but the cluster's own.
func (s *Set) AskAPI(ctx context.Context, from *corev1.Pod, server string) error {
	// Without any user kubectl would ask for one. The API server knows no
	// passwords: whoever comes with one is anonymous, and may ask this.
	_, err := s.get(ctx, from, server, "/readyz", "--certificate-authority="+caFile, "--username=keelway-verify", "--password=none")
	return err
}

func (s *Set) get(ctx context.Context, from *corev1.Pod, server, path string, more ...string) (string, error) {
	argv := append([]string{"kubectl", "--server=" + server, fmt.Sprintf("--request-timeout=%ds", requestSeconds)}, more...)
	argv = append(argv, "get", "--raw", path)
	for end := time.Now().Add(settle); ; {
		out, err := s.exec(ctx, from, argv)
		if err == nil {
			return strings.TrimSpace(out), nil
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return "", words(err)
		}
		if pause(ctx) != nil {
			return "", ctx.Err()
		}
	}
}

// words takes kubectl's own out of the error of a command.
func words(err error) error {
	text := err.Error()
	if _, after, ok := strings.Cut(text, "exit code 1: "); ok {
		lines := strings.Split(strings.TrimSpace(after), "\n")
		return errors.New(strings.TrimPrefix(lines[len(lines)-1], "Unable to connect to the server: "))
	}
	return err
}
