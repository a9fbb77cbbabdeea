package observe

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/observed"
)

const (
	etcdManifest = manifestsDir + "/etcd.yaml"
	etcdDir      = "/var/lib/etcd"
	// apiLimit is how long the API may take to say where etcd's members are.
	apiLimit = 5 * time.Second
	// askTries is how often etcd is asked until all of its members answer, and
	// askAgain the pause between: a member that leaves at the same moment ends
	// under the question, or is listed and silent. Nobody's answer must not be
	// taken for nobody being there.
	askTries = 3
	askAgain = 2 * time.Second
	// aliveLimit is how long a member may take to say that it follows a leader.
	aliveLimit = 5 * time.Second
)

// EtcdHere looks at what this host has of an etcd member, and asks nobody.
func (o *Observer) EtcdHere(ctx context.Context, socket string) (observed.Etcd, error) {
	e := observed.Etcd{Dir: etcdDir, Certs: defaultCerts + "/etcd"}
	pod, err := o.staticPod(ctx, etcdManifest)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		e.External = external(o.StaticFlag(ctx, "kube-apiserver", "etcd-servers"))
	case err != nil:
		e.Manifest, e.Why = etcdManifest, err.Error()
	default:
		e.Manifest = etcdManifest
		e.Name, e.PeerURL, e.ClientURL = flag(pod, "name"), flag(pod, "initial-advertise-peer-urls"), flag(pod, "advertise-client-urls")
		if ca := flag(pod, "trusted-ca-file"); ca != "" {
			e.Certs = path.Dir(ca)
		}
		for _, v := range pod.Spec.Volumes {
			if v.Name == "etcd-data" && v.HostPath != nil {
				e.Dir = v.HostPath.Path
			}
		}
		e.Asked = endpoints(e.ClientURL, flag(pod, "initial-cluster"))
	}
	mark := path.Join(e.Dir, desired.ReleaseMark)
	e.Released = o.exists(ctx, mark)
	e.Data = o.inside(ctx, e.Dir)
	if e.Released {
		// The mark goes last: until then a run that is interrupted finds it.
		e.Data = append(slices.DeleteFunc(e.Data, func(p string) bool { return p == mark }), mark)
	}
	e.Running = o.etcdRuns(ctx, socket)
	return e, nil
}

// AskEtcd adds what the cluster says of its members: this host's own is asked,
// those that the API lists, and those that were there when it joined.
func (o *Observer) AskEtcd(ctx context.Context, e observed.Etcd) observed.Etcd {
	if e.Manifest == "" || e.Why != "" {
		return e
	}
	why := ""
	if client, err := o.Cluster.Client(ctx); err != nil {
		why = err.Error()
	} else {
		bounded, cancel := context.WithTimeout(ctx, apiLimit)
		listed, err := etcd.Endpoints(bounded, client)
		cancel()
		if err != nil {
			why = err.Error()
		}
		e.Asked = append(e.Asked, listed...)
		slices.Sort(e.Asked)
		e.Asked = slices.Compact(e.Asked)
	}
	c, err := o.etcd(ctx, e.Certs, e.Asked...)
	if err != nil {
		e.Why = err.Error()
		return e
	}
	defer c.Close()
	for try := range askTries {
		if try > 0 {
			select {
			case <-ctx.Done():
			case <-time.After(askAgain):
			}
		}
		all, err := c.Members(ctx)
		if e.Known = err == nil; !e.Known {
			if e.Why = err.Error(); why != "" {
				e.Why += "; and the API does not say who else there is: " + why
			}
			continue
		}
		e.Why, e.Members = "", alive(ctx, c, all)
		if !slices.ContainsFunc(e.Members, func(m observed.EtcdMember) bool {
			return m.ClientURL != "" && m.PeerURL != e.PeerURL && !m.Alive
		}) {
			break
		}
	}
	return e
}

// alive asks every member whether it follows a leader.
func alive(ctx context.Context, c *etcd.Client, all []etcd.Member) []observed.EtcdMember {
	members := make([]observed.EtcdMember, len(all))
	ctx, cancel := context.WithTimeout(ctx, aliveLimit)
	defer cancel()
	var wg sync.WaitGroup
	for i, m := range all {
		members[i] = observed.EtcdMember{ID: m.ID, Name: m.Name, PeerURL: first(m.PeerURLs), ClientURL: first(m.ClientURLs), Learner: m.Learner}
		if members[i].ClientURL == "" {
			continue
		}
		wg.Go(func() {
			s, err := c.Status(ctx, members[i].ClientURL)
			members[i].Alive = err == nil && s.Leader != 0
		})
	}
	wg.Wait()
	return members
}

// StaticFlag is the value of a flag in a static pod's file, "" without either.
func (o *Observer) StaticFlag(ctx context.Context, component, name string) string {
	pod, err := o.staticPod(ctx, path.Join(manifestsDir, component+".yaml"))
	if err != nil {
		return ""
	}
	return flag(pod, name)
}

func (o *Observer) staticPod(ctx context.Context, file string) (*corev1.Pod, error) {
	text, err := ReadText(ctx, o.Host, file)
	if err != nil {
		return nil, err
	}
	var pod corev1.Pod
	if err := yaml.Unmarshal([]byte(text), &pod); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", file, err)
	}
	return &pod, nil
}

// flag is the value of a flag of the pod's one container; the last one counts.
func flag(pod *corev1.Pod, name string) string {
	value := ""
	for _, c := range pod.Spec.Containers {
		for _, arg := range slices.Concat(c.Command, c.Args) {
			if v, ok := strings.CutPrefix(arg, "--"+name+"="); ok {
				value = v
			}
		}
	}
	return value
}

// external are the API server's endpoints of etcd, but those of this host: their
// static pod is gone already, or something else runs them.
func external(servers string) []string {
	return slices.DeleteFunc(strings.Split(servers, ","), func(s string) bool {
		u, err := url.Parse(s)
		if err != nil || u.Hostname() == "" {
			return true
		}
		ip := net.ParseIP(u.Hostname())
		return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	})
}

// endpoints are the member's own client URL, and those of the members that it
// joined, whose peer URLs end in another port.
func endpoints(own, initial string) []string {
	var all []string
	if own != "" {
		all = append(all, own)
	}
	for one := range strings.SplitSeq(initial, ",") {
		_, peer, _ := strings.Cut(one, "=")
		if u, err := url.Parse(peer); err == nil && u.Hostname() != "" {
			u.Host = net.JoinHostPort(u.Hostname(), "2379")
			all = append(all, u.String())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func first(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return all[0]
}
