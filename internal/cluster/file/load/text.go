package load

import (
	"fmt"
	"path"

	"keelway.dev/keelway/internal/cluster/file"
)

// texts puts the texts of files in the place of their paths: scripts of hooks,
// and the authorities of mirrors.
func (r *reader) texts(s *file.Spec) {
	for name, hooks := range map[string][]file.Hook{
		"beforeApply": s.Hooks.BeforeApply, "beforeHost": s.Hooks.BeforeHost, "afterHost": s.Hooks.AfterHost, "afterApply": s.Hooks.AfterApply,
	} {
		for i := range hooks {
			r.text(fmt.Sprintf("spec.hooks.%s[%d].scriptFile", name, i), &hooks[i].ScriptFile, &hooks[i].Script)
		}
	}
	for i := range s.Mirrors {
		r.text(fmt.Sprintf("spec.mirrors[%d].caFile", i), &s.Mirrors[i].CAFile, &s.Mirrors[i].CA)
	}
}

// text reads a file into a field that is empty, and takes its path away. Where
// both say something, package check refuses it.
func (r *reader) text(at string, name, into *string) {
	if *name == "" || *into != "" {
		return
	}
	if r.options.ReadFile == nil {
		r.fail(at, "put its text here instead", "other files cannot be read here")
		return
	}
	text, err := r.options.ReadFile(from(path.Dir(r.name), *name))
	switch {
	case err != nil:
		r.fail(at, "", "%v", err)
	case len(text) == 0:
		r.fail(at, "", "%s is empty", *name)
	default:
		*into, *name = string(text), ""
	}
}
