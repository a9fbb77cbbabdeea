package desired

import (
	"slices"
	"strings"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired/etcd"
)

// Bootstrap is a kubeconfig with a token, which is there until the kubelet has
// made what takes its place.
type Bootstrap struct {
	// Path is the kubeconfig's.
	Path string
	// Until are the files that take its place, once all of them are there.
	Until []string
	// Content holds a token and is never shown; Remove is the end of it.
	Content []byte
	Remove  bool
}

// Member is an etcd member that joins those that are there: it is added as a
// learner, started, and promoted when it has caught up. One that does not start
// is taken back.
type Member struct {
	// Name and PeerURL are the new member's.
	Name, PeerURL string
	// Manifest is the static pod's file; its initial-cluster, which only those
	// that are there can tell, is Placeholder.
	Manifest    File
	Placeholder string
	// Certs is the folder of etcd's certificates, Data that of its data.
	Certs, Data string
	// Through are the client URLs of members that are there; none are those that
	// the cluster's API lists.
	Through []string
}

// initialPlaceholder stands for --initial-cluster until the members are known.
const initialPlaceholder = "KEELWAY-INITIAL-CLUSTER"

// checkEtcd asks the members at through, or those that the API lists.
func (s *story) checkEtcd(through ...string) {
	s.add(Resource{
		ID: checkEtcdID, Component: "etcd", After: []string{"kubeconfig/admin", "certs/etcd-healthcheck-client"},
		What: "see that the cluster's etcd is healthy",
		Why:  "A member that is added to an etcd with a dead one takes it a step nearer to losing its majority.",
		Wait: &Wait{Probe: ProbeEtcd, Target: strings.Join(append([]string{s.model.Cluster.CertificatesDir + "/etcd", s.host.Init.LocalAPIEndpoint.AdvertiseAddress}, through...), " "), Seconds: int(s.host.Init.Timeouts.EtcdAPICall.Seconds())},
	})
}

// member joins the members at through, or those that the API lists.
func (s *story) member(through ...string) {
	local := s.model.Cluster.Etcd.Local
	if local == nil {
		return
	}
	pod, peer := etcd.Joining(s.model, s.host, initialPlaceholder)
	s.add(Resource{
		ID: "etcd-join/data", Component: "etcd", After: none(),
		What:  "make etcd's data folder",
		Why:   "Each member holds the whole of the cluster's state here.",
		Files: []File{dir(local.DataDir, 0o700, false, "the cluster's state", "etcd")},
	})
	s.add(Resource{
		ID: memberID, Component: "etcd",
		After: append(s.readBy("etcd"), "etcd-join/data", "kubelet-start/kubelet", checkEtcdID, "kubeconfig/admin"),
		What:  "add an etcd member on this machine",
		Why:   "It begins as a learner, which has no vote: the cluster can lose nothing by it. It gets its vote once it holds all data; one that does not start within a minute is taken back.",
		Member: &Member{
			Name: s.host.Init.NodeRegistration.Name, PeerURL: peer,
			Manifest: s.manifest(pod, "etcd's flags, certificates and data folder"), Placeholder: initialPlaceholder,
			Certs: s.model.Cluster.CertificatesDir + "/etcd", Data: local.DataDir, Through: through,
		},
	})
}

// memberFlags keeps the static pod of a member that is there as the cluster's
// configuration has it.
func (s *story) memberFlags(o JoinOptions) {
	if s.model.Cluster.Etcd.Local == nil || o.Initial == "" {
		return
	}
	pod, _ := etcd.Joining(s.model, s.host, o.Initial)
	if o.Began {
		h := s.host
		h.Initial = o.Initial
		pod = etcd.Pod(s.model, h)
	}
	s.localEtcd(pod)
	s.etcdReady()
}

// joinOrder has what the story of a first control plane stands on replaced by
// what a joining machine has in its place.
func (s *story) joinOrder(asks bool) {
	for i, r := range s.resources {
		if r.After == nil {
			continue
		}
		after := slices.Clone(r.After)
		for j, id := range after {
			switch id {
			case "certs/folders":
				after[j] = preparePhase + "/folders"
			case "kubelet-start/ca":
				if s.host.Has(cluster.ControlPlane) {
					after[j] = preparePhase + "/" + downloadPhase
				}
			case "certs/ca", "certs/sa", "certs/front-proxy-ca", "certs/etcd-ca":
				after[j] = preparePhase + "/" + downloadPhase
			case "images/control-plane":
				if !s.has(id) {
					after[j] = "images/node"
				}
			case "etcd/local":
				if s.host.Initial == "" {
					after[j] = "etcd/none" // it joins once the kubelet runs
				}
			}
		}
		switch r.ID {
		case "control-plane/apiserver", "control-plane/controller-manager", "control-plane/scheduler":
			// Started before etcd, the API server fails, and is tried again only
			// after a pause that grows. The roles are in the cluster already.
			after = append(slices.DeleteFunc(after, func(id string) bool { return id == rolesID }), memberID, etcdReadyID, preparePhase+"/folders")
		case servingID:
			// Its time begins when it can start: before that, etcd may be waiting for
			// its turn among many control planes that join at once.
			after = append(after, "control-plane/apiserver")
		case "kubelet-start/kubelet":
			after = append(slices.DeleteFunc(after, func(id string) bool { return id == "control-plane/apiserver" }), bootstrapID, "kubelet-start/ca", "kubelet-start/folder")
			if !s.host.Has(cluster.ControlPlane) {
				r.Service.Node = registeredID
			}
			if asks {
				// The kubelet writes it itself.
				r.Service.Reads = slices.DeleteFunc(slices.Clone(r.Service.Reads), func(p string) bool { return p == kubeletConf })
			}
		case "kubelet-start/config":
			after = append(after, "kubelet-start/folder")
		case "kubeconfig/kubelet":
			after = append(after, "kubelet-start/folder")
		}
		s.resources[i].After = after
	}
}

func (s *story) has(id string) bool {
	return slices.ContainsFunc(s.resources, func(r Resource) bool { return r.ID == id })
}

// joinPhase are the phases of `join` that a resource belongs to.
func joinPhase(r Resource) []string {
	switch r.Phase {
	case "runtime", "cni", "sysctl":
		return []string{"preflight", "kubelet-start"}
	case "etcd":
		return []string{"etcd-join"}
	case "images":
		return []string{"preflight", "kubelet-start"}
	case "certs", "kubeconfig", "control-plane":
		return []string{preparePhase + "/" + r.Phase}
	case "hardening":
		return []string{preparePhase + "/control-plane"}
	case preparePhase:
		if r.ID == preparePhase+"/folders" {
			return []string{preparePhase}
		}
		return []string{r.ID}
	case "load-balancer":
		return []string{"kubelet-start"}
	case "mark-control-plane", "approver":
		return []string{"control-plane-join/mark-control-plane"}
	}
	return []string{r.Phase}
}
