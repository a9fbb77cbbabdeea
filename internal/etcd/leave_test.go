package etcd_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/host/local"
	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/plan"
	"keelway.dev/keelway/internal/step"
)

// three starts the members a, b and c, and returns a client of all.
func three(t *testing.T) (*etcd.Rig, *etcd.Client, []*etcd.Process) {
	t.Helper()
	r := etcd.NewRig(t)
	all := []*etcd.Process{r.Member("a"), r.Member("b"), r.Member("c")}
	for _, m := range all {
		r.Start(m, "new", all...)
	}
	client := r.Open(all...)
	for _, m := range all {
		r.Wait(client, m)
	}
	return r, client, all
}

// TestLeave has one real member of three leave, seen, decided and done as
// `keelway reset` does it, with the API down.
func TestLeave(t *testing.T) {
	r, client, all := three(t)
	a, b, c := all[0], all[1], all[2]
	observer, here := onHost(t, r, a)
	data := here.Dir
	run, err := phase.Select(phase.Reset(), []string{"remove-etcd-member"}, nil)
	if err != nil {
		t.Fatal(err)
	}

	// One of the others is dead: the one that is left would be no quorum of two.
	c.Stop()
	seen := observer.AskEtcd(t.Context(), here)
	if l := plan.LeaveEtcd(seen, plan.Consent{Force: true}); len(l.Refusals) != 1 || !strings.Contains(l.Refusals[0], "Start c (") {
		t.Fatalf("with c dead: %+v, from %+v", l, seen)
	}
	r.Start(c, "existing", all...)
	r.Wait(client, c)

	seen = observer.AskEtcd(t.Context(), here)
	l := plan.LeaveEtcd(seen, plan.Consent{})
	if len(l.Refusals) > 0 || len(l.Through) != 2 || !l.Wipe || l.Last {
		t.Fatalf("%+v, from %+v", l, seen)
	}
	p := plan.MakeReset("here", observed.Reset{Etcd: seen}, l, run)
	if len(p.Steps) != 1 || p.Steps[0].ID() != "remove-etcd-member/member" {
		t.Fatalf("%+v", p)
	}
	runner := &step.Runner{Host: observer.Host, Now: time.Now}
	for range 2 { // killed before its mark was written, it is done again
		if err := runner.Run(t.Context(), p.Steps[0], func(string) {}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(data, desired.ReleaseMark)); err != nil {
		t.Error("the data that was given up is not marked")
	}
	left, err := r.Open(b, c).Members(t.Context())
	if err != nil || len(left) != 2 {
		t.Errorf("%d members are left, %v", len(left), err)
	}

	// What ran out of power between the two: the others' list says it.
	here.Asked = []string{a.Client, b.Client, c.Client}
	a.Stop()
	if l := plan.LeaveEtcd(observer.AskEtcd(t.Context(), here), plan.Consent{}); !l.Wipe || l.Member != 0 || len(l.Notes) != 1 {
		t.Errorf("after it has left: %+v", l)
	}
	// Nobody answers.
	b.Stop()
	c.Stop()
	if l := plan.LeaveEtcd(observer.AskEtcd(t.Context(), here), plan.Consent{Asked: true}); len(l.Refusals) != 1 || !strings.Contains(l.Refusals[0], "the API is down") || l.Wipe {
		t.Errorf("with nobody there: %+v", l)
	}
}

// onHost looks at a member as `keelway reset` looks at its own, with the API down.
func onHost(t *testing.T, r *etcd.Rig, own *etcd.Process) (*observe.Observer, observed.Etcd) {
	t.Helper()
	// Where kubeadm's health checks find their certificate.
	for from, to := range map[string]string{"etcd-ca.crt": "ca.crt", "etcd-healthcheck-client.crt": "healthcheck-client.crt", "etcd-healthcheck-client.key": "healthcheck-client.key"} {
		if err := os.Link(filepath.Join(r.Dir, from), filepath.Join(r.Dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	h, err := local.New("here")
	if err != nil {
		t.Fatal(err)
	}
	down := func(context.Context) (*kube.Client, error) { return nil, errors.New("the API is down") }
	data := filepath.Join(r.Dir, own.Name)
	return &observe.Observer{Host: h, Cluster: observe.Cluster{Client: down}}, observed.Etcd{
		Manifest: "/etc/kubernetes/manifests/etcd.yaml", Dir: data, Data: []string{filepath.Join(data, "member")},
		Name: own.Name, PeerURL: own.Peer, ClientURL: own.Client, Certs: r.Dir, Asked: []string{own.Client},
	}
}

// TestLeaveMeanwhile asks again and again what a reset of one member would do
// while another one leaves and ends. It must always know who there is: with
// --force, what is not known is deleted.
func TestLeaveMeanwhile(t *testing.T) {
	t.Parallel()
	r, client, all := three(t)
	a, b, c := all[0], all[1], all[2]
	observer, here := onHost(t, r, a)
	here.Asked = []string{a.Client, b.Client, c.Client}
	s, err := client.Status(t.Context(), c.Client)
	if err != nil {
		t.Fatal(err)
	}
	others := r.Open(a, b)
	gone := make(chan error, 1)
	go func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		err := others.Remove(ctx, s.ID)
		c.Stop()
		gone <- err
	}()
	for asked, left := 0, -1; left != 0; asked++ {
		l := plan.LeaveEtcd(observer.AskEtcd(t.Context(), here), plan.Consent{Force: true})
		if len(l.Refusals) > 0 || l.Member == 0 || l.Last {
			t.Errorf("question %d: %+v", asked, l)
		}
		select {
		case err := <-gone:
			if err != nil {
				t.Fatal(err)
			}
			left = 3
		default:
			left--
		}
	}
}
