// Package plan decides: from what is desired and what is observed it makes the steps that are left to do. It is pure.
package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
)

// Change is what a step does to its resource.
type Change string

// The changes, named as people say them.
const (
	Create  Change = "create"
	Update  Change = "update"
	Start   Change = "start"
	Restart Change = "restart"
	Wait    Change = "wait"
	Remove  Change = "remove"
)

// Step is one change on one host, as data: it says what will be done and why,
// and can be printed, saved and compared before anything is executed.
type Step struct {
	Host   string
	Change Change
	// Reason is what was seen that makes the step necessary.
	Reason string
	// Origins are where what differs was changed since the last apply, as far as
	// that is known.
	Origins []Origin
	// Needs are the IDs of steps of the same plan that must have ended.
	Needs []string
	// Resource is what must be true after the step; of its files and objects
	// only those that are not true yet.
	Resource desired.Resource
	// Before is what was there of the step's files and objects.
	Before Before
}

// Before is what was seen of the files, by path, and of the objects, by their
// key in package observed, that a step changes. What is not there is absent.
type Before struct {
	Files   map[string]observed.File
	Objects map[string]*unstructured.Unstructured
}

func (b *Before) file(path string, f observed.File, there bool) {
	if !there {
		return
	}
	if b.Files == nil {
		b.Files = map[string]observed.File{}
	}
	b.Files[path] = f
}

func (b *Before) object(key string, o *unstructured.Unstructured) {
	if o == nil {
		return
	}
	if b.Objects == nil {
		b.Objects = map[string]*unstructured.Unstructured{}
	}
	b.Objects[key] = o
}

// ID names the step within its host.
func (s Step) ID() string { return s.Resource.ID }

// Plan is the steps that are left, in the order of the story. Empty means
// that everything is as desired.
type Plan struct {
	Steps []Step
	// Refusals are what Keelway will not do by itself, with the reason and
	// what the user can do. A plan with refusals is not executed.
	Refusals []string
	// Notes are differences that need no step but that the user should know.
	Notes []string
}

// Empty is true when there is nothing to do.
func (p Plan) Empty() bool { return len(p.Steps) == 0 && len(p.Refusals) == 0 }

// OnlyWaits tells whether nothing is left to do but to wait.
func (p Plan) OnlyWaits() bool {
	return !slices.ContainsFunc(p.Steps, func(s Step) bool { return s.Change != Wait })
}

// Paths lists what the step writes or removes.
func (s Step) Paths() []string { return s.Resource.Paths() }
