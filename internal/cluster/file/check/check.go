// Package check finds everything in a cluster file that cannot be, that cannot be yet, and that its owner should know.
package check

import (
	"fmt"

	"keelway.dev/keelway/internal/cluster/file"
)

// Problem is one thing that is wrong, or worth a warning.
type Problem struct {
	// Path is the field's, such as "spec.network.pods".
	Path string
	// Message says what is wrong with the value.
	Message string
	// Fix says what to do about it.
	Fix string
	// Warning is true for what can be, and its owner should know.
	Warning bool
}

// list collects problems.
type list []Problem

// refuse adds an error.
func (l *list) refuse(path, fix, format string, args ...any) {
	*l = append(*l, Problem{Path: path, Fix: fix, Message: fmt.Sprintf(format, args...)})
}

// warn adds a warning.
func (l *list) warn(path, fix, format string, args ...any) {
	*l = append(*l, Problem{Path: path, Fix: fix, Message: fmt.Sprintf(format, args...), Warning: true})
}

// Cluster finds the problems of a defaulted cluster file.
func Cluster(c file.Cluster) []Problem {
	var l list
	l.cluster(c)
	l.hosts(c)
	l.roles(c)
	l.balancing(c)
	l.etcd(c)
	l.zones(c)
	l.ranges(c)
	l.extras(c)
	l.kubeadm(c)
	l.notYet(c)
	return l
}

// at is the path of a host's field.
func at(i int, field string) string {
	if field == "" {
		return fmt.Sprintf("spec.hosts[%d]", i)
	}
	return fmt.Sprintf("spec.hosts[%d].%s", i, field)
}
