// Package observed is what was seen on a host and in the API, as plain data that mirrors package desired.
package observed

import (
	"io/fs"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Host is what was seen on one host. A path, name or key that is absent from a
// map was looked for and not found.
type Host struct {
	// Now is the host's own clock when it was looked at.
	Now      time.Time
	Files    map[string]File
	Sysctls  map[string]string
	Services map[string]Service
	// Idle is what is there of a pod network, of what is to be removed, on a host
	// where neither the kubelet nor a pod runs.
	Idle []string
	// Images holds every reference in the runtime's store; nil when the
	// runtime does not answer.
	Images map[string]bool
	// API is true when the API server answered; Objects are as it has them.
	API     bool
	Objects map[string]*unstructured.Unstructured
	// Applied is what the last apply wrote; nothing where none has.
	Applied Applied
	// Probes are the answers to the desired waits, by resource ID.
	Probes map[string]Answer
}

// File is a file, directory or link as it is.
type File struct {
	Mode     fs.FileMode
	UID, GID int
	Size     int64
	ModTime  time.Time
	Link     string
	// SHA256 is a regular file's, in hex.
	SHA256 string
	// Content is kept for what is small enough to be compared or parsed: at
	// most MaxContent bytes.
	Content []byte
	// Names are what a directory holds, where it was asked for.
	Names []string
}

// MaxContent is the size in bytes up to which a file's content is kept.
const MaxContent = 1 << 20

// Service is the state of a unit.
type Service struct {
	Running bool
	// Since is when its process was started.
	Since time.Time
}

// Answer is what a probe came to.
type Answer struct {
	OK bool
	// Detail is the component's own words, such as the failing health checks.
	Detail string
}

// NotRegistered is the Detail of a Node that the API says it has not. An API
// that was too slow to answer says no such thing.
const NotRegistered = "the kubelet has not registered the node yet"

// ObjectKey names an API object in Objects: "Kind/namespace/name", with an
// empty namespace for cluster-scoped kinds.
func ObjectKey(kind, namespace, name string) string {
	return kind + "/" + namespace + "/" + name
}

// Residue is what is on a host because of Keelway or of what it ran.
type Residue struct {
	// Services are the units that run; Runtime is true while containerd does.
	Services []string
	Runtime  bool
	// Pods are the IDs of the sandboxes in the runtime; OtherNamespaces are
	// containerd namespaces of others that hold containers or images.
	Pods            []string
	OtherNamespaces []string
	// Processes are what runs in a pod, or keeps one, as "pid name".
	Processes []string
	Mounts    []string
	Links     []string
	// Chains are the kubelet's in iptables, as "program table chain"; Tables
	// are nftables', as "family name".
	Chains  []string
	Tables  []string
	Cgroups []string
	// Sysctls are settings that differ from what they were before, as
	// "name=value before".
	Sysctls []string
	// Restore are paths that held something else before; Paths are to be
	// removed whole; Empty are folders that were made and may go when empty.
	Restore, Paths, Empty []string
	// Daemon is true while the built-in supervisor runs.
	Daemon bool
}
