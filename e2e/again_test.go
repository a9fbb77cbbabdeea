package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"keelway.dev/keelway/internal/report"
)

// TestRunAgain kills init and join of both programs in the middle. kubeadm
// refuses to run again; keelway, killed at the beginning of every step one after
// the other, ends with the cluster that was wanted. In between an etcd member
// cannot start: kubeadm leaves a learner behind, keelway takes it back.
func TestRunAgain(t *testing.T) {
	f := newFleet(t, "again", "--controlplanes", "2", "--workers", "1")
	f.runtime("cp1", "cp2", "w1")
	f.on("cp1", "cat > kubeadm.yaml <<'EOF'\n"+peerConfig+"EOF\n")
	for _, h := range []string{"cp1", "cp2", "w1"} {
		f.debian(h)
	}

	f.peerRefuses("cp1", theirs("init --config kubeadm.yaml"), "/etc/kubernetes/manifests/etcd.yaml", "FileAvailable--etc-kubernetes-manifests-etcd.yaml")
	const init = "/mnt/share/keelway init --config kubeadm.yaml --bundle /mnt/share/bundle.tar.zst"
	f.killedAt("cp1", "", init, 30)
	by := invite(t, f.on("cp1", init+" --upload-certs"))
	f.ready(1, 1)

	f.killedAt("cp2", "", ours+by.control, 20)
	f.ready(2, 2)
	f.on("cp2", "/mnt/share/keelway reset --force")
	f.kubectl("delete node cp2")
	learner(t, f, by)
	f.on("cp2", ours+by.control)
	f.ready(2, 2)

	f.peerRefuses("w1", theirs("join "+by.worker), "/etc/kubernetes/kubelet.conf", "FileAvailable--etc-kubernetes-kubelet.conf")
	f.kubectl("delete node w1 --ignore-not-found")
	f.killedAt("w1", "", ours+by.worker, 4)
	f.ready(3, 2)
}

// theirs is the real kubeadm. A lab has the cgroups of the machine, which may be of
// the version that it does not like.
func theirs(command string) string {
	return "PATH=$PATH:/mnt/share kubeadm " + command + " --ignore-preflight-errors=SystemVerification"
}

// peerRefuses kills kubeadm when a file appears and runs it again, which it
// refuses. Then the host is reset.
func (f fleet) peerRefuses(host, command, file, why string) {
	f.t.Helper()
	f.on(host, command+" >/root/kubeadm.log 2>&1 & p=$!; until [ -e "+file+" ]; do kill -0 $p || { cat /root/kubeadm.log; exit 1; }; sleep 0.05; done; kill -KILL $p")
	if out, err := f.try(host, command); err == nil || !strings.Contains(out, "[ERROR "+why+"]") {
		f.t.Errorf("kubeadm was killed and run again on %s: %v, without %s:\n%s", host, err, why, out)
	}
	f.on(host, "/mnt/share/keelway reset --force")
}

// killedAt kills a run of keelway at the beginning of every step whose name fits
// the pattern, one after the other, and of the wait for a learner. The last one,
// which nobody killed, must leave nothing to do.
func (f fleet) killedAt(host, pattern, command string, atLeast int) {
	f.t.Helper()
	began := time.Now()
	f.on(host, "cat > killed.sh <<'EOF'\n"+killedScript+"EOF\n")
	out := f.on(host, "bash killed.sh '"+pattern+"' "+command)
	if kills := strings.Count(out, "killed at "); kills < atLeast || !strings.HasSuffix(out, "ended with 0\n") {
		f.t.Fatalf("%s: killed %d times:\n%s", command, kills, out)
	}
	f.t.Logf("%s, in %s:\n%s", host, time.Since(began).Round(time.Second), out)
	if out := f.on(host, command); !strings.Contains(out, "nothing to do") {
		f.t.Errorf("after it was killed and ended, %s has something to do:\n%s", command, out)
	}
}

// killedScript runs keelway until a run ends by itself. It kills a run at the
// beginning of each step whose name fits the pattern, once, and once while the
// learner starts.
const killedScript = `pattern=$1; shift
mkfifo events 2>/dev/null
: > killed
for i in $(seq 200); do
  : > errors
  "$@" --output json >events 2>>errors & p=$!
  k=
  while IFS= read -r line; do
    case $line in
      *'"event":"failed"'*) echo "$line" >> errors; continue ;;
      *'"event":"step"'*) at=step ;;
      *'"event":"wait"'*'the learner starts'*) at=wait ;;
      *) continue ;;
    esac
    step=${line#*'"step":"'}; step=${step%%'"'*}
    [[ -z $k && $step =~ $pattern ]] || continue
    grep -qxF "$at $step" killed && continue
    k="$at $step"; kill -KILL $p; echo "$k" >> killed
  done < events
  wait $p 2>/dev/null; code=$?
  if [ -n "$k" ] && [ $code = 137 ]; then echo "killed at $k"; continue; fi
  [ $code = 0 ] || cat errors
  echo "ended with $code"
  exit $code
done
`

// learner has an etcd that reaches no other join: kubeadm fails and leaves a
// learner, which keeps every other control plane out. keelway takes it back
// within a minute, so that the members are as before.
func learner(t *testing.T, f fleet, by invitation) {
	t.Helper()
	before := f.members()
	f.on("cp2", `nft "table inet cut { chain in { type filter hook input priority 0; tcp dport 2380 drop; }; chain out { type filter hook output priority 0; tcp dport 2380 drop; }; }"`)

	w := strings.Fields(by.control) // endpoint, --token T, --discovery-token-ca-cert-hash P, --control-plane, --certificate-key K
	f.on("cp2", "cat > join.yaml <<'EOF'\n"+fmt.Sprintf(hastyJoin, w[0], w[2], w[4], w[7])+"EOF\n")
	join := theirs("join --config join.yaml")
	out, err := f.try("cp2", join)
	if err == nil || !strings.Contains(f.members(), ", true") {
		t.Errorf("kubeadm leaves no learner: %v\n%s\n%s", err, out, f.members())
	}
	if out, err := f.try("cp2", join); err == nil || !strings.Contains(out, "[ERROR FileAvailable--etc-kubernetes-kubelet.conf]") {
		t.Errorf("kubeadm joins after a failure: %v\n%s", err, out)
	}
	f.on("cp2", "/mnt/share/keelway reset --force")
	f.kubectl("delete node cp2 --ignore-not-found")
	if after := f.members(); after != before {
		t.Errorf("after the reset of a learner the members are\n%s, and were\n%s", after, before)
	}

	began := time.Now()
	var failed report.Event
	out, _ = f.try("cp2", ours+by.control+" --output json")
	for line := range strings.Lines(out) {
		var e report.Event
		if json.Unmarshal([]byte(line), &e) == nil && e.Kind == report.Failed && failed.Step == "" {
			failed = e
		}
	}
	if failed.Step != "etcd-join/member" || failed.Seconds > 60 || !strings.Contains(failed.Detail, "was taken back, so that the cluster is as before") {
		t.Errorf("a learner that cannot start failed so: %+v\n%s", failed, out)
	}
	if took := time.Since(began); took > 90*time.Second {
		t.Errorf("the join ends only %s after it began", took.Round(time.Second))
	}
	t.Logf("a learner failed after %.0f s: %s", failed.Seconds, failed.Detail)
	if after := f.members(); after != before {
		t.Errorf("after a learner that did not start the members are\n%s, and were\n%s", after, before)
	}
	if out := f.on("cp2", "ls -A /etc/kubernetes/manifests /var/lib/etcd | grep -e etcd.yaml -e member || true"); out != "" {
		t.Errorf("a learner that was taken back has left %s", out)
	}
	f.on("cp2", "nft delete table inet cut")
}

// hastyJoin is a control plane's, which waits for its etcd not as long as kubeadm
// does by itself, two minutes.
const hastyJoin = `apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery: {bootstrapToken: {apiServerEndpoint: "%s", token: "%s", caCertHashes: ["%s"]}}
controlPlane: {certificateKey: "%s"}
timeouts: {etcdAPICall: 20s}
`

// TestJoinTogether has control planes join at the same moment and leave at the
// same moment, until more than ten joins in a row have succeeded. Those who are
// left by all others must serve at once, and the next may join at once.
func TestJoinTogether(t *testing.T) {
	f := newFleet(t, "ten", "--controlplanes", "5")
	joining := []string{"cp2", "cp3", "cp4", "cp5"}
	f.runtime(append(joining, "cp1")...)
	out := f.on("cp1", "/mnt/share/keelway init --bundle /mnt/share/bundle.tar.zst --pod-network-cidr 10.244.0.0/16 --control-plane-endpoint cp1:6443 --upload-certs")
	by := invite(t, out)
	for round := range 3 {
		if round > 0 {
			began := time.Now()
			f.together("/mnt/share/keelway reset --force", joining...)
			t.Logf("all %d had left after %s", len(joining), time.Since(began).Round(time.Second))
			f.kubectl("delete node " + strings.Join(joining, " "))
			if out := f.members(); strings.Count(out, "\n") != 1 || !strings.Contains(out, "started, cp1") {
				t.Fatalf("cp1 alone is wanted:\n%s", out)
			}
		}
		began := time.Now()
		f.together(ours+by.control, joining...)
		t.Logf("round %d: all %d had joined after %s", round+1, len(joining), time.Since(began).Round(time.Second))
		f.ready(5, 5)
	}
}
