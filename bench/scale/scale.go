// Package scale plans a cluster of any size whose machines are simulated in memory: all that `keelway plan` decides, from the cluster file's text to the order of the steps.
package scale

import (
	"fmt"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/file/load"
	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/release"
)

// controlPlanes is how many of the hosts are control planes.
const controlPlanes = 3

// Text is the cluster file of that many hosts.
func Text(hosts int) []byte {
	c := file.Cluster{Metadata: file.Metadata{Name: "simulated"}, Spec: file.Spec{KubernetesVersion: release.Default().Kubernetes}}
	for i := range hosts {
		h := file.Host{Name: fmt.Sprintf("host-%d", i), Address: fmt.Sprintf("192.168.%d.%d", i/250, i%250+1), Roles: []file.Role{file.Worker}}
		if i < controlPlanes {
			h.Roles = []file.Role{file.ControlPlane}
		}
		h.Zone = []string{"east", "west", "north"}[i%3]
		c.Spec.Hosts = append(c.Spec.Hosts, h)
	}
	c.APIVersion, c.Kind = file.APIVersion, file.Kind
	return config.Marshal(c)
}

// facts are those of a usual machine.
func facts(h file.Host) cluster.Facts {
	return cluster.Facts{
		Hostname: h.Name, Addresses: []string{h.Address}, Interface: "eth0", MTU: 1500, DiskFreePercent: 80,
		CgroupVersion: 2, Systemd: true, OOMScoreAdjustable: true, NFTables: true, BridgeNetfilter: true, ConntrackWritable: true,
	}
}

// host is one machine, with what was decided on it.
type host struct {
	part plan.Part
	want desired.Host
	plan plan.Plan
}

// decide is what `keelway plan` decides once the machines were read: seen is
// what each of them looked like, in the order of the file.
func decide(text []byte, seen []observed.Host, in plan.Inputs) ([]host, plan.Fleet, error) {
	l, err := load.Read("cluster.yaml", text, load.Options{})
	if err != nil {
		return nil, plan.Fleet{}, err
	}
	c := l.Cluster
	documents, err := c.Documents()
	if err != nil {
		return nil, plan.Fleet{}, err
	}
	models := cluster.NewModels(cluster.Fleet{
		Profile: c.Spec.Profile, Cluster: documents.Cluster, Kubelet: documents.Kubelet, Proxy: documents.Proxy,
		Balancer: documents.Balancer, Now: in.Now,
	})
	all, err := phase.Select(phase.Join(), nil, nil)
	if err != nil {
		return nil, plan.Fleet{}, err
	}
	shared := sharedBy(documents.Cluster, seen[0])
	var hosts []host
	var plans []plan.HostPlan
	for i, d := range documents.Nodes {
		model, err := models.Model(cluster.Host{Init: d.Init, Roles: d.Roles, Labels: d.Labels, Facts: facts(d.Host)})
		if err != nil {
			return nil, plan.Fleet{}, err
		}
		h := host{part: plan.Node}
		o := desired.JoinOptions{Run: all, CA: shared["ca.crt"], Shared: shared}
		switch {
		case i == 0:
			h.part = plan.First
		case i < controlPlanes:
			h.part = plan.Control
		case seen[i].Files["/etc/kubernetes/kubelet.conf"].SHA256 == "":
			o.Bootstrap = []byte("a kubeconfig with a token\n")
		}
		if h.part == plan.First {
			h.want = desired.For(model, 0)
		} else if h.want, err = desired.Join(model, 0, o); err != nil {
			return nil, plan.Fleet{}, err
		}
		h.plan = plan.Make(h.want, seen[i], in)
		p := plan.HostPlan{Host: h.want.Name, Part: h.part, Plan: h.plan, Prepare: map[string]bool{}}
		for _, r := range h.want.Prepared().Resources {
			p.Prepare[r.ID] = true
		}
		hosts, plans = append(hosts, h), append(plans, p)
	}
	return hosts, plan.Order(plans), nil
}

// sharedBy are the keys and certificates that the first control plane has.
func sharedBy(c config.ClusterConfiguration, first observed.Host) map[string][]byte {
	shared := map[string][]byte{}
	for _, f := range desired.SharedFiles(c) {
		shared[f.Name] = []byte("made on the first control plane\n")
		if content := first.Files[f.Path].Content; content != nil {
			shared[f.Name] = content
		}
	}
	return shared
}

// Result is what one size came to.
type Result struct {
	Hosts   int
	Steps   int
	Seconds float64
	// Peak is the most memory that the process had while it decided, in bytes,
	// with what was seen of all machines.
	Peak int64
}

// Measure decides on that many machines once, in this process: bare ones, or
// with made set such as hold all that is desired.
func Measure(hosts int, made bool, now time.Time) (Result, error) {
	text := Text(hosts)
	in := plan.Inputs{Now: now, Binaries: map[string]string{}}
	for _, name := range programs() {
		in.Binaries[name] = sum([]byte(name))
	}
	seen := make([]observed.Host, hosts)
	for i := range seen {
		seen[i] = bare(now)
	}
	if made {
		if err := makeAll(text, seen, in); err != nil {
			return Result{}, err
		}
	}
	if err := forget(); err != nil {
		return Result{}, err
	}
	began := time.Now()
	_, p, err := decide(text, seen, in)
	took := time.Since(began)
	if err != nil {
		return Result{}, err
	}
	if made != p.Empty() {
		return Result{}, fmt.Errorf("%d machines, made %v: the plan has %d steps and %v", hosts, made, p.Steps(), p.Refusals)
	}
	r := Result{Hosts: hosts, Steps: p.Steps(), Seconds: took.Seconds()}
	r.Peak, err = peak()
	return r, err
}
