package step

import (
	"testing"

	"keelway.dev/keelway/internal/etcd"
)

// TestInitialCluster counts every member, named or not: etcd compares their
// number with the cluster's before a new member starts.
func TestInitialCluster(t *testing.T) {
	all := []etcd.Member{
		{ID: 0x1a, Name: "cp1", PeerURLs: []string{"https://192.0.2.1:2380"}},
		{ID: 0x2b, PeerURLs: []string{"https://192.0.2.2:2380"}},                // has its vote, has not told its name yet
		{ID: 0x3c, PeerURLs: []string{"https://192.0.2.3:2380"}, Learner: true}, // the new one
	}
	const want = "2b=https://192.0.2.2:2380,cp1=https://192.0.2.1:2380,cp3=https://192.0.2.3:2380"
	if got := initialCluster(all, 0x3c, "cp3"); got != want {
		t.Errorf("the initial cluster is %s, want %s", got, want)
	}
}
