package many

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired/access"
)

const worker = "w1"

// Multiply makes the lab's cluster, has its worker stand for so many machines
// that there are that many with the two real ones, and puts them into the file.
func (l *Lab) Multiply(ctx context.Context, hosts int) error {
	if err := l.Ours(ctx); err != nil {
		return err
	}
	out, err := l.on(ctx, worker, here(fmt.Sprintf("machines -with %d", hosts-2)))
	if err != nil {
		return err
	}
	var clones []clone
	if err := json.Unmarshal([]byte(lastLine(out)), &clones); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	w, err := l.lab.Host(worker)
	if err != nil {
		return err
	}
	// The way goes with the lab's bridge.
	if said, err := exec.CommandContext(ctx, "ip", "route", "replace", cloneNet, "via", w.Address.String()).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, said)
	}
	if err := l.register(ctx, clones); err != nil {
		return err
	}
	text, err := os.ReadFile(l.file())
	if err != nil {
		return err
	}
	var f file.Cluster
	if err := yaml.Unmarshal(text, &f); err != nil {
		return err
	}
	for _, c := range clones {
		f.Spec.Hosts = append(f.Spec.Hosts, file.Host{
			Name: c.Name, Address: c.Address, Roles: []file.Role{file.Worker},
			SSH: file.SSH{User: "root", Port: clonePort, KeyFile: l.lab.KeyFile(), HostKey: c.HostKey},
		})
	}
	if err := os.WriteFile(l.file(), config.Marshal(f), 0o600); err != nil {
		return err
	}
	return l.know(net.JoinHostPort(w.Address.String(), "22"), clones)
}

// know has the checksums of the worker's files, which the apply that made it has
// left, stand for the clones' too: they are the same files. An apply that made so
// many machines would have left them all.
func (l *Lab) know(worker string, clones []clone) error {
	book := filepath.Join(l.cache(), "keelway", "sums.json")
	text, err := os.ReadFile(book)
	if err != nil {
		return err
	}
	var known map[string]json.RawMessage
	if err := json.Unmarshal(text, &known); err != nil {
		return err
	}
	if known[worker] == nil {
		return fmt.Errorf("%s knows nothing of %s", book, worker)
	}
	for _, c := range clones {
		known[net.JoinHostPort(c.Address, strconv.Itoa(clonePort))] = known[worker]
	}
	if text, err = json.Marshal(known); err != nil {
		return err
	}
	return os.WriteFile(book, text, 0o600)
}

// register makes the clones' Nodes, as an apply leaves them: there is one kubelet
// for all of them. Without the label of an operating system no DaemonSet waits for
// a pod on them.
func (l *Lab) register(ctx context.Context, clones []clone) error {
	for some := range slices.Chunk(clones, 100) { // a command line has room for so many
		list := corev1.NodeList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "NodeList"}}
		for _, c := range some {
			list.Items = append(list.Items, corev1.Node{
				TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"}, ObjectMeta: metav1.ObjectMeta{Name: c.Name, Annotations: map[string]string{access.MarksAnnotation: "{}"}},
			})
		}
		objects, err := json.Marshal(list)
		if err != nil {
			return err
		}
		text := strings.ReplaceAll(string(objects), "NodeList", "List")
		if _, err := l.on(ctx, first, "keelway kubectl create -f - >/dev/null <<'EOF'\n"+text+"\nEOF"); err != nil {
			return err
		}
	}
	return nil
}

// Nothing is what an apply took that had nothing to do.
type Nothing struct {
	Took time.Duration
	Peak int64
}

// Nothing applies the file, and fails if there was anything to do.
func (l *Lab) Nothing(ctx context.Context) (Nothing, error) {
	began := time.Now()
	said := &strings.Builder{}
	log := l.Log
	l.Log = said
	peak, err := l.measured(ctx, "apply", "-f", l.file(), "--bundle", l.Bundle, "--yes", "--output", "json")
	took := time.Since(began)
	l.Log = log
	fmt.Fprint(l.Log, said)
	if err == nil && !strings.Contains(said.String(), "nothing to do") {
		err = fmt.Errorf("there was something to do: %s", lastLine(said.String()))
	}
	return Nothing{took, peak}, err
}
