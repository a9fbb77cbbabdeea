package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"keelway.dev/keelway/internal/lab/image"
	"keelway.dev/keelway/internal/report"
)

// Options are what the user chose for a new lab.
type Options struct {
	Name                                              string
	ControlPlanes, Workers, LoadBalancer, EtcdMembers int
	Family                                            Family
	// Share is a folder that the hosts see, read-only; "" is none.
	Share string
	// Self is the path of this program, which keeps the hosts.
	Self   string
	Events report.Sink
}

// Create makes a lab, or what is missing of one that was begun: its bridge, and
// hosts that have booted and answer over SSH. The hosts boot side by side.
func Create(ctx context.Context, o Options) (*Lab, error) {
	began := time.Now()
	if os.Geteuid() != 0 {
		return nil, errors.New("a lab needs root: it makes namespaces, cgroups and a bridge")
	}
	if err := checkName(o.Name); err != nil {
		return nil, err
	}
	emit := func(e report.Event) { e.Time = time.Now(); o.Events.Emit(e) }
	emit(report.Event{Kind: report.Start, What: "keelway lab create · " + o.Name})
	release, err := alone(ctx, func(holder string) {
		emit(report.Event{Kind: report.Note, What: "waiting for another keelway that works on labs: " + holder})
	})
	if err != nil {
		return nil, err
	}
	defer release()
	step := func(host, id, what string, do func(waiting func(string)) error) error {
		e := report.Event{Kind: report.Step, Host: host, Phase: "lab", Step: id, What: what}
		emit(e)
		since := time.Now()
		err := do(func(detail string) {
			w := e
			w.Kind, w.Detail, w.Seconds = report.Wait, detail, time.Since(since).Seconds()
			emit(w)
		})
		e.Kind, e.Seconds = report.Done, time.Since(since).Seconds()
		if err != nil {
			e.Kind, e.Detail = report.Failed, err.Error()
		}
		emit(e)
		return err
	}
	var root string
	if err := step("", "lab/image", "prepare the root of the hosts", func(waiting func(string)) (err error) {
		root, err = image.Make(ctx, waiting)
		return err
	}); err != nil {
		return nil, err
	}
	l, err := begin(o, root)
	if err != nil {
		return nil, err
	}
	if err := step("", "lab/network", "make the bridge "+l.Bridge+" with "+l.ranges(), func(func(string)) error {
		return errors.Join(l.makeBridge(), l.writeSSH())
	}); err != nil {
		return l, err
	}
	var record sync.Mutex
	g, ctx := errgroup.WithContext(ctx)
	for i := range l.Hosts {
		if l.Hosts[i].Running() {
			continue
		}
		g.Go(func() error {
			return step(l.Hosts[i].Name, "lab/"+l.Hosts[i].Name, "boot "+l.Hosts[i].Name+" at "+l.Hosts[i].Address.String(), func(waiting func(string)) error {
				return l.start(ctx, i, o.Self, &record, waiting)
			})
		})
	}
	if err := g.Wait(); err != nil {
		return l, err
	}
	emit(report.Event{Kind: report.Done, What: fmt.Sprintf("%d hosts have booted", len(l.Hosts)), Seconds: time.Since(began).Seconds()})
	return l, nil
}

// start boots the host of an index and waits for it.
func (l *Lab) start(ctx context.Context, i int, self string, record *sync.Mutex, waiting func(string)) error {
	h := &l.Hosts[i]
	// A host that ended by itself, or that a killed create did not write down.
	if err := l.clear(ctx, *h); err != nil {
		return err
	}
	if err := l.makeHost(*h); err != nil {
		return err
	}
	record.Lock()
	err := l.boot(h, self)
	if err == nil {
		err = l.save()
	}
	record.Unlock()
	if err != nil {
		return err
	}
	return l.wait(ctx, *h, waiting)
}

// begin writes the record of a lab before anything of it is made; one that is
// there already must be of the same shape.
func begin(o Options, root string) (*Lab, error) {
	taken, err := List()
	if err != nil {
		return nil, err
	}
	l := &Lab{Name: o.Name, Bridge: "lab-" + o.Name, Image: root, Share: o.Share}
	for _, kind := range []struct {
		role   Role
		prefix string
		count  int
	}{{ControlPlane, "cp", o.ControlPlanes}, {Worker, "w", o.Workers}, {LoadBalancer, "lb", o.LoadBalancer}, {EtcdMember, "etcd", o.EtcdMembers}} {
		for n := range kind.count {
			l.Hosts = append(l.Hosts, Host{Name: fmt.Sprintf("%s%d", kind.prefix, n+1), Role: kind.role})
		}
	}
	if len(l.Hosts) == 0 || len(l.Hosts) > 200 {
		return nil, fmt.Errorf("a lab has 1 to 200 hosts, not %d", len(l.Hosts))
	}
	for _, t := range taken {
		if t.Name != o.Name {
			continue
		}
		if !sameShape(t, l) || t.family() != o.Family {
			return nil, fmt.Errorf("the lab %s is there already, with other hosts or addresses, or another shared folder: choose another name, or `keelway lab delete --lab %s`", o.Name, o.Name)
		}
		return t, nil
	}
	if err := l.choose(o.Family, taken); err != nil {
		return nil, err
	}
	return l, l.save()
}

func sameShape(a, b *Lab) bool {
	if len(a.Hosts) != len(b.Hosts) || a.Share != b.Share {
		return false
	}
	for i := range a.Hosts {
		if a.Hosts[i].Name != b.Hosts[i].Name {
			return false
		}
	}
	return true
}
