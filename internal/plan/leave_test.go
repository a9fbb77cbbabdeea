package plan

import (
	"slices"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/desired/phase"
	"keelway.dev/keelway/internal/observed"
)

// member is of the host n: its peer URL says so.
func member(n string, marks ...string) observed.EtcdMember {
	id := map[string]uint64{"a": 0xa, "b": 0xb, "c": 0xc, "d": 0xd, "e": 0xe}[n]
	return observed.EtcdMember{
		ID: id, Name: n, PeerURL: "https://" + n + ":2380", ClientURL: "https://" + n + ":2379",
		Learner: slices.Contains(marks, "learner"), Alive: !slices.Contains(marks, "dead"),
	}
}

// etcdOf is what host a sees.
func etcdOf(members ...observed.EtcdMember) observed.Etcd {
	return observed.Etcd{
		Manifest: "/etc/kubernetes/manifests/etcd.yaml", Running: true, Dir: "/var/lib/etcd", Data: []string{"/var/lib/etcd/member"},
		Name: "a", PeerURL: "https://a:2380", ClientURL: "https://a:2379", Certs: "/etc/kubernetes/pki/etcd",
		Asked: []string{"https://a:2379"}, Known: len(members) > 0, Members: members, Why: "connection refused",
	}
}

func TestLeaveEtcd(t *testing.T) {
	force, asked := Consent{Force: true}, Consent{Asked: true}
	with := func(e observed.Etcd, change func(*observed.Etcd)) observed.Etcd {
		change(&e)
		return e
	}
	for _, row := range []struct {
		name    string
		etcd    observed.Etcd
		consent Consent
		// member is whom to remove, through whom.
		member                uint64
		through               string
		wipe                  bool
		refused               string
		remaining, note, last bool
	}{
		{name: "a worker", etcd: observed.Etcd{}},
		{name: "a worker, forced", etcd: observed.Etcd{}, consent: force},
		{name: "external etcd stays", etcd: observed.Etcd{External: []string{"https://x:2379"}, Data: []string{"/var/lib/etcd/member"}}, consent: force, note: true},
		{name: "data that no static pod of ours uses stays", etcd: observed.Etcd{Data: []string{"/var/lib/etcd/member"}}, consent: force},
		{name: "data that was given up before, whose member lives on", etcd: with(etcdOf(member("a")), func(e *observed.Etcd) { e.Released = true }), refused: "the cluster lives on", last: true},
		{name: "and has got company since", etcd: with(etcdOf(member("a"), member("b")), func(e *observed.Etcd) { e.Released = true }), member: 0xa, through: "https://b:2379", wipe: true},
		{name: "data that was given up before", etcd: with(etcdOf(), func(e *observed.Etcd) { e.Released = true }), wipe: true},
		{name: "and its static pod is gone as well", etcd: observed.Etcd{Released: true, Data: []string{"/var/lib/etcd/member"}}, wipe: true},

		{name: "the last copy, unasked", etcd: etcdOf(member("a")), refused: "only copy of the cluster's data", last: true},
		{name: "the last copy, agreed", etcd: etcdOf(member("a")), consent: asked, wipe: true, last: true},
		{name: "the last copy, forced", etcd: etcdOf(member("a")), consent: force, wipe: true, last: true},
		{name: "the last voter with a learner", etcd: etcdOf(member("a"), member("b", "learner")), consent: force, wipe: true, last: true, note: true},
		{name: "the last voter with a learner, unasked", etcd: etcdOf(member("a"), member("b", "learner")), refused: "only copy", last: true},

		{name: "one of two", etcd: etcdOf(member("a"), member("b")), member: 0xa, through: "https://b:2379", wipe: true},
		{name: "one of two, whose other is dead", etcd: etcdOf(member("a"), member("b", "dead")), consent: force, refused: "0 of 1 members would answer, and 1 are needed"},
		{name: "one of three", etcd: etcdOf(member("a"), member("b"), member("c")), member: 0xa, through: "https://b:2379 https://c:2379", wipe: true},
		{name: "one of three, one dead: the one left is no quorum of two", etcd: etcdOf(member("a"), member("b"), member("c", "dead")), refused: "Start c (c) first"},
		{name: "and --force does not make it one", etcd: etcdOf(member("a"), member("b"), member("c", "dead")), consent: force, refused: "the cluster would stand still"},
		{name: "one of five, one dead", etcd: etcdOf(member("a"), member("b"), member("c"), member("d"), member("e", "dead")), member: 0xa, through: "https://b:2379 https://c:2379 https://d:2379", wipe: true},
		{name: "one of four, one dead", etcd: etcdOf(member("a"), member("b"), member("c"), member("d", "dead")), member: 0xa, through: "https://b:2379 https://c:2379", wipe: true},
		{name: "a learner leaves a cluster of one", etcd: etcdOf(member("a", "learner"), member("b")), member: 0xa, through: "https://b:2379", wipe: true},
		{name: "a learner leaves a cluster with a dead voter", etcd: etcdOf(member("a", "learner"), member("b"), member("c"), member("d", "dead")), member: 0xa, through: "https://b:2379 https://c:2379", wipe: true},
		{name: "the others' list has it no more", etcd: etcdOf(member("b"), member("c")), wipe: true, note: true},

		{name: "nobody answers", etcd: etcdOf(), refused: "connection refused"},
		{name: "nobody answers, agreed at a terminal", etcd: etcdOf(), consent: asked, refused: "add --force"},
		{name: "nobody answers, forced", etcd: etcdOf(), consent: force, wipe: true, remaining: true, note: true},
		{name: "nobody answers, and there is nothing to lose", etcd: with(etcdOf(), func(e *observed.Etcd) { e.Data = nil }), remaining: true},
	} {
		t.Run(row.name, func(t *testing.T) {
			l := LeaveEtcd(row.etcd, row.consent)
			if l.Member != row.member || strings.Join(l.Through, " ") != row.through || l.Wipe != row.wipe || l.Last != row.last {
				t.Errorf("%+v", l)
			}
			if len(l.Refusals) > 0 != (row.refused != "") || row.refused != "" && !strings.Contains(l.Refusals[0], row.refused) {
				t.Errorf("refusals %q, want %q", l.Refusals, row.refused)
			}
			if len(l.Remaining) > 0 != row.remaining || len(l.Notes) > 0 != row.note {
				t.Errorf("remaining %q, notes %q", l.Remaining, l.Notes)
			}
			if len(l.Refusals) > 0 && (l.Wipe || l.Release || l.Member != 0) {
				t.Errorf("it is refused, and done: %+v", l)
			}
			if l.Wipe && !l.Release && !row.etcd.Released {
				t.Error("the data goes without its mark: a run that is interrupted could not go on")
			}
			all, err := phase.Select(phase.Reset(), nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			// The data is never removed while etcd runs, and never without the decision.
			for _, s := range MakeReset("h", observed.Reset{Residue: observed.Residue{Services: []string{"kubelet"}}, Etcd: row.etcd}, l, all).Steps {
				if strings.HasPrefix(s.ID(), "remove-etcd-member/data") {
					t.Error("the data goes while the kubelet runs")
				}
			}
			data := slices.ContainsFunc(MakeReset("h", observed.Reset{Etcd: after(row.etcd, l)}, l, all).Steps, func(s Step) bool { return s.ID() == "remove-etcd-member/data" })
			if data != (row.wipe && len(row.etcd.Data) > 0) {
				t.Errorf("the data goes: %v", data)
			}
		})
	}
}

// after is what is seen when the member has left and nothing runs.
func after(e observed.Etcd, l Leaving) observed.Etcd {
	e.Running, e.Released = false, e.Released || l.Release
	return e
}

func TestMakeReset(t *testing.T) {
	left := observed.Reset{
		Residue: observed.Residue{
			Mounts: []string{"/var/lib/kubelet/pods/x"}, Links: []string{"cni0"}, Tables: []string{"ip kube-proxy"},
			Cgroups: []string{"/sys/fs/cgroup/cpu/kubepods"}, Paths: []string{"/etc/kubernetes/admin.conf"}, Empty: []string{"/lib/modules"},
		},
		Rules: []string{"ip nat KUBE-SERVICES"},
		Etcd:  etcdOf(member("a"), member("b")),
	}
	cleaned := []string{"cleanup-node/mounts", "cleanup-node/links", "cleanup-node/tables", "cleanup-node/rules", "cleanup-node/cgroups", "cleanup-node/paths", "cleanup-node/folders"}
	with := func(change func(*observed.Reset)) observed.Reset {
		s := left
		change(&s)
		return s
	}
	running := func(s *observed.Reset) { s.Services, s.Pods = []string{"kubelet"}, []string{"p"} }
	released := func(s *observed.Reset) { s.Etcd.Released, s.Etcd.Running, s.Etcd.Known = true, false, false }
	for _, row := range []struct {
		name       string
		seen       observed.Reset
		only, skip []string
		want       []string
	}{
		{name: "the member leaves first, then what runs ends", seen: with(running), want: []string{"remove-etcd-member/member", "cleanup-node/services", "cleanup-node/pods"}},
		{name: "interrupted after the member left", seen: with(func(s *observed.Reset) { running(s); released(s) }), want: []string{"cleanup-node/services", "cleanup-node/pods"}},
		{name: "nothing runs any more", seen: with(released), want: append([]string{"remove-etcd-member/data"}, cleaned...)},
		{name: "pods outlived their runtime", seen: with(func(s *observed.Reset) { released(s); s.Processes = []string{"7 pause"} }), want: []string{"cleanup-node/processes"}},
		{name: "nothing is left", seen: observed.Reset{}},
		{name: "the member alone: its pod is stopped, and the kubelet goes on", only: []string{"remove-etcd-member"}, seen: with(running), want: []string{"remove-etcd-member/member", "remove-etcd-member/pod"}},
		{name: "the member alone, and etcd has ended", only: []string{"remove-etcd-member"}, seen: with(released), want: []string{"remove-etcd-member/data"}},
		{name: "the node alone: etcd's data stays", only: []string{"cleanup-node"}, seen: left, want: cleaned},
		{name: "the member is skipped: its data stays", skip: []string{"remove-etcd-member"}, seen: with(released), want: cleaned},
		{name: "preflight alone changes nothing", only: []string{"preflight"}, seen: with(running)},
	} {
		t.Run(row.name, func(t *testing.T) {
			run, err := phase.Select(phase.Reset(), row.only, row.skip)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			p := MakeReset("h", row.seen, LeaveEtcd(row.seen.Etcd, Consent{}), run)
			for i, s := range p.Steps {
				ids = append(ids, s.ID())
				if i > 0 && !slices.Contains(s.Needs, p.Steps[i-1].ID()) {
					t.Errorf("%s does not wait for %s", s.ID(), p.Steps[i-1].ID())
				}
				if l := s.Resource.Leave; l != nil && (l.Member != 0xa || l.Through[0] != "https://b:2379" || l.Mark != "/var/lib/etcd/"+desired.ReleaseMark) {
					t.Errorf("%+v", *l)
				}
			}
			if !slices.Equal(ids, row.want) {
				t.Errorf("steps %v, want %v", ids, row.want)
			}
		})
	}
}
