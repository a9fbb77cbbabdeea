package machine

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	kubelet "k8s.io/kubelet/config/v1beta1"

	"keelway.dev/keelway/internal/desired/containerd"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/preflight/subject"
)

// margin is the share of a disk, in percent, by which a threshold of the
// kubelet should be cleared: logs and images of the first days fill it.
const margin = 5

// store is a folder that grows, with the kubelet's eviction signals for it.
type store struct {
	path string
	// signal is "" where the kubelet does not watch.
	signal string
	what   string
}

// Disk finds file systems without room for the installation, or on which the
// kubelet would begin to evict pods once it is done.
func Disk(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	stores := []store{
		{containerd.Root, "imagefs.available", "images and containers"},
		{"/var/lib/kubelet", "nodefs.available", "volumes and logs"},
	}
	if l := s.Model.Cluster.Etcd.Local; s.Etcd() {
		stores = append(stores, store{l.DataDir, "", "etcd's data"})
	}
	disks, err := disksOf(ctx, s, stores)
	if err != nil {
		return nil, err
	}
	need, err := needed(ctx, s)
	if err != nil {
		return nil, err
	}
	var found []subject.Finding
	told := map[string]bool{}
	for i, st := range stores {
		d := disks[i]
		f, ok := judge(st, d, need, s.Model.Kubelet)
		// The first store of a file system has the sharper threshold.
		if ok && !told[d.Mount] {
			told[d.Mount] = true
			found = append(found, f)
		}
	}
	return found, nil
}

func disksOf(ctx context.Context, s *subject.Subject, stores []store) ([]observe.Disk, error) {
	var paths []string
	for _, st := range stores {
		p, err := s.Nearest(ctx, st.path)
		if err != nil {
			return nil, err
		}
		paths = append(paths, p)
	}
	return observe.ReadDisks(ctx, s.Host, paths...)
}

// needed is how many bytes the installation is still going to write.
func needed(ctx context.Context, s *subject.Subject) (int64, error) {
	if s.Need != 0 {
		return s.Need, nil
	}
	runs, err := s.Runs(ctx, "kubelet")
	if err != nil || runs {
		return 0, err
	}
	return subject.FreshBytes, nil
}

func judge(st store, d observe.Disk, need int64, k kubelet.KubeletConfiguration) (subject.Finding, bool) {
	where := fmt.Sprintf("%s of %s free on %s, which holds %s for %s", size(d.Available), size(d.Size), d.Mount, st.path, st.what)
	if d.Available < need {
		return subject.Finding{
			Message: fmt.Sprintf("%s: the installation takes %s", where, size(need)),
			Fix:     fmt.Sprintf("free at least %s on %s, or mount a larger disk at %s", size(need-d.Available), d.Mount, st.path),
		}, true
	}
	limit, text := threshold(k, st.signal, d.Size)
	left := d.Available - need
	if limit == 0 || left >= limit+d.Size*margin/100 {
		return subject.Finding{}, false
	}
	after := ""
	if need > 0 {
		after = fmt.Sprintf(", %s after the installation", size(left))
	}
	f := subject.Finding{
		Warning: left >= limit,
		Message: fmt.Sprintf("%s%s: the kubelet evicts pods with DiskPressure below %s=%s, which is %s here", where, after, st.signal, text, size(limit)),
		Fix: fmt.Sprintf("free at least %s on %s, or lower evictionHard[%q] in the KubeletConfiguration",
			size(limit+d.Size*margin/100-left), d.Mount, st.signal),
	}
	return f, true
}

// threshold is the kubelet's hard eviction threshold for a signal in bytes,
// and as it is written. A configuration that sets any signal switches the
// default of the others off, unless it asks to merge.
func threshold(k kubelet.KubeletConfiguration, signal string, total int64) (bytes int64, text string) {
	text, set := k.EvictionHard[signal]
	merge := k.MergeDefaultEvictionSettings != nil && *k.MergeDefaultEvictionSettings
	if !set && (len(k.EvictionHard) == 0 || merge) {
		text = map[string]string{"nodefs.available": "10%", "imagefs.available": "15%"}[signal]
	}
	if share, ok := strings.CutSuffix(text, "%"); ok {
		percent, err := strconv.ParseFloat(share, 64)
		if err != nil {
			return 0, text
		}
		return int64(percent / 100 * float64(total)), text
	}
	q, err := resource.ParseQuantity(text)
	if err != nil {
		return 0, text
	}
	return q.Value(), text
}

func size(bytes int64) string {
	const gib = 1 << 30
	if bytes < gib {
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
	return fmt.Sprintf("%.1f GiB", float64(bytes)/gib)
}
