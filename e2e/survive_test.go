package e2e

import (
	"strings"
	"time"
)

// workload is a server on every worker behind one Service, out of an image that all hosts have.
const workload = `kubectl --kubeconfig /etc/kubernetes/admin.conf apply -f - <<'OBJECTS'
apiVersion: v1
kind: ConfigMap
metadata: {name: web, namespace: default}
data:
  Corefile: |
    .:1053 {
        health :8080
    }
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: web, namespace: default}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: IMAGE
        args: [-conf, /etc/web/Corefile]
        readinessProbe: {httpGet: {path: /health, port: 8080}, periodSeconds: 2}
        volumeMounts: [{name: config, mountPath: /etc/web}]
      volumes: [{name: config, configMap: {name: web}}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec:
  selector: {app: web}
  ports: [{port: 80, targetPort: 8080}]
OBJECTS
kubectl --kubeconfig /etc/kubernetes/admin.conf rollout status daemonset web --timeout 60s`

// serve puts a workload into the cluster, and returns a command that asks it
// on any node and tries again as clients do.
func (f fleet) serve() (ask string) {
	f.t.Helper()
	image := f.kubectl("-n kube-system get deployment coredns -o jsonpath={.spec.template.spec.containers[0].image}")
	f.on("cp1", strings.Replace(workload, "IMAGE", strings.TrimSpace(image), 1))
	address := f.kubectl("get service web -o jsonpath={.spec.clusterIP}")
	return "for try in 1 2 3 4 5 6 7 8; do kubectl --server http://" + strings.TrimSpace(address) + " --request-timeout 2s get --raw /health 2>/dev/null && exit 0; sleep 1; done; exit 1"
}

// survives cuts a host's power, has the others go on, and switches it on again.
// ask is the workload's question.
func (f fleet) survives(host, ask string) {
	f.t.Helper()
	must(f.t, "lab", "stop", "--lab", f.name, "--cut", host)
	f.goOn(host, ask)
	must(f.t, "lab", "start", "--lab", f.name, host)
	if strings.HasPrefix(host, "cp") {
		waitFor(f.t, 2*time.Minute, host+" to serve the API again", func() (bool, string) {
			out, err := f.try(host, livez)
			return err == nil, out
		})
	}
	f.isReady(host)
}

// survivesPartition cuts a host off from all others instead: nothing is
// refused, everything waits. Nobody does anything but to mend the network.
func (f fleet) survivesPartition(host, ask string) {
	f.t.Helper()
	must(f.t, "lab", "partition", "--lab", f.name, host)
	f.goOn(host, ask)
	must(f.t, "lab", "heal", "--lab", f.name)
	f.isReady(host)
}

// isReady waits for a host to be a Ready node, as its own kubelet's API says.
func (f fleet) isReady(host string) {
	f.t.Helper()
	waitFor(f.t, 2*time.Minute, host+" to be Ready again", func() (bool, string) {
		out, err := f.try(host, "kubectl --kubeconfig /etc/kubernetes/kubelet.conf --request-timeout 5s get node $(hostname) --no-headers")
		return err == nil && readyLine(out, host), out
	})
}

// goOn has a cluster serve that has just lost a host.
func (f fleet) goOn(host, ask string) {
	f.t.Helper()
	worker, main := "w1", "cp1"
	switch host {
	case worker:
		worker = "w2"
	case main:
		main = "cp2"
	}
	began := time.Now()
	waitFor(f.t, 15*time.Second, "the API by the worker's load balancer without "+host, func() (bool, string) {
		out, err := f.try(worker, fromWorker)
		return err == nil, out
	})
	f.t.Logf("without %s the API answers %s after %s", host, worker, time.Since(began).Round(100*time.Millisecond))
	for end := began.Add(25 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Second) {
		if out, err := f.try(worker, ask); err != nil || strings.TrimSpace(out) != "OK" {
			f.t.Errorf("%s without %s: the workload: %v\n%s", time.Since(began).Round(time.Second), host, err, out)
		}
		// Until the checks have found the host dead, a client may have to try again.
		if out, err := f.try(worker, fromWorker); err != nil && time.Since(began) > 15*time.Second {
			f.t.Errorf("%s without %s: the API: %v\n%s", time.Since(began).Round(time.Second), host, err, out)
		}
	}
	f.on(main, "kubectl --kubeconfig /etc/kubernetes/admin.conf -n default annotate configmap web --overwrite without="+host)
}
