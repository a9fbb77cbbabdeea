package cli

import (
	"fmt"
	"io"
	"slices"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/operation"
)

func printSummary(w io.Writer, r *operation.StatusReport, width int) {
	about := ""
	if !r.Ours {
		about = " (not made by keelway)"
	}
	services := r.Services.Manager
	if services == "supervisor" {
		services = "the built-in supervisor"
	}
	if r.Services.Boot != "" {
		services += "; " + r.Services.Boot
	}
	a := r.Addresses
	rows := [][]string{{"Cluster", what(r) + about}, {"Services", "under " + services}}
	if a.Endpoint != "" {
		rows = append(rows, []string{"API", a.Endpoint})
	}
	if a.ServiceRange != "" {
		rows = append(rows, []string{"Ranges", fmt.Sprintf("pods %s, Services %s, DNS %s (%s)", a.PodRange, a.ServiceRange, a.DNS, a.Domain)})
	}
	hanging(w, "", rows, width)
}

// what says which part of a cluster the machine is.
func what(r *operation.StatusReport) string {
	is := func(role cluster.Role) bool { return slices.Contains(r.Roles, role) }
	switch {
	case is(cluster.ControlPlane):
		return clusterIs(r.Kubernetes, r.Profile, ", ") + "on " + r.Host
	case is(cluster.Worker):
		return clusterIs(r.Kubernetes, r.Profile, ", ") + "on " + r.Host + ", a worker"
	case is(cluster.EtcdMember):
		return r.Host + " is a host of etcd, and no node"
	}
	return r.Host + " is a load balancer in front of the API servers, and no node"
}
