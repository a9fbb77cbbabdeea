package store

import (
	"errors"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/etcd"
	"keelway.dev/keelway/internal/verify/result/resulttest"
)

func TestJudgeEtcd(t *testing.T) {
	members := []etcd.Member{{ID: 1, Name: "a"}, {ID: 2, Name: "b"}, {ID: 3, Name: "c"}}
	state := func(e string, change func(*memberState)) memberState {
		s := memberState{endpoint: e, status: etcd.Status{Leader: 1, Version: "3.7.3", DBSize: 5 << 20}}
		if change != nil {
			change(&s)
		}
		return s
	}
	with := func(change func(*memberState)) []memberState {
		return []memberState{state("a", nil), state("b", nil), state("c", change)}
	}
	for _, tc := range []struct {
		name    string
		members []etcd.Member
		states  []memberState
		want    []string
	}{
		{"in order", members, with(nil), nil},
		{"one is down", members, with(func(s *memberState) { s.err = errors.New("connection refused") }), []string{"failed c: connection refused"}},
		{"no leader", members, with(func(s *memberState) { s.status.Leader = 0 }), []string{"failed c: has no leader"}},
		{"two leaders", members, with(func(s *memberState) { s.status.Leader = 3 }), []string{"failed c: follows 3, another one follows 1"}},
		{"an alarm", members, with(func(s *memberState) { s.status.Alarms = []string{"NOSPACE of 3"} }), []string{"failed c: has an alarm: NOSPACE of 3"}},
		{"versions", members, with(func(s *memberState) { s.status.Version = "3.6.14" }), []string{"warning c: is etcd 3.6.14, another member is 3.7.3"}},
		{"nearly full", members, with(func(s *memberState) { s.status.DBSize = 2 << 30 }), []string{"warning c: its store is 2147 MB"}},
		{"a learner", append(members[:2:2], etcd.Member{ID: 3, Name: "c", Learner: true}), with(nil), []string{"failed c: is a learner"}},
		{"never started", append(members[:2:2], etcd.Member{ID: 0x3e, PeerURLs: []string{"https://192.0.2.3:2380"}}), with(nil), []string{"the member 3e was added and has never started"}},
		{"an even number", members[:2], with(nil)[:2], []string{"warning 2 members survive"}},
	} {
		resulttest.Expect(t, tc.name, judgeEtcd(tc.members, tc.states).Found, tc.want...)
	}
}

func TestJudgeHashes(t *testing.T) {
	same := []memberHash{{"a", 7, 100}, {"b", 7, 100}, {"c", 7, 100}}
	o, again := judgeHashes(same, 120)
	if resulttest.Expect(t, "the same", o.Found); again || !strings.Contains(o.Seen, "3 members at revision 120") {
		t.Errorf("again %v, seen %q", again, o.Seen)
	}
	o, again = judgeHashes([]memberHash{{"a", 7, 100}, {"b", 8, 100}}, 120)
	if resulttest.Expect(t, "another", o.Found, "failed b: stores other keys than a at revision 120"); again {
		t.Error("members that differ are asked again")
	}
	if o, again = judgeHashes([]memberHash{{"a", 7, 100}, {"b", 8, 110}}, 120); !again || len(o.Found) > 0 {
		t.Errorf("compacted in between: again %v, %v", again, o.Found)
	}
}

func TestJudgeRaw(t *testing.T) {
	provider, found := judgeRaw("a", []byte("k8s:enc:secretbox:v1:key1:\x01\x02"))
	if resulttest.Expect(t, "encrypted", found); provider != "secretbox v1" {
		t.Errorf("provider %q", provider)
	}
	_, found = judgeRaw("a", []byte("k8s\x00\n\x0c\n\x02v1 "+word))
	resulttest.Expect(t, "plain", found, "failed a: a Secret written through its API server lies in etcd as plain text")
	_, found = judgeRaw("a", nil)
	resulttest.Expect(t, "elsewhere", found, "failed a: etcd holds no such Secret")
}
