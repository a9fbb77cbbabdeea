package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/observed"
	"keelway.dev/keelway/internal/pki"
)

// Inputs are the facts a decision needs beside desired and observed.
type Inputs struct {
	// Binaries gives the sha256, in hex, of each program of the bundle.
	Binaries map[string]string
	// Now is the time that certificates are judged by.
	Now time.Time
	// Ignore are the names of checks that the user lets pass, in any case; "all"
	// stands for every one.
	Ignore []string
	// Config is the file that the configuration is from, for the commands that
	// notes name; "" for none.
	Config string
}

// ignores says whether the user lets the check of that name pass.
func (in Inputs) ignores(name string) bool {
	return name != "" && slices.ContainsFunc(in.Ignore, func(n string) bool {
		return strings.EqualFold(n, name) || strings.EqualFold(n, "all")
	})
}

// verdict is what one resource came to.
type verdict struct {
	change  Change
	reason  string
	refusal string
	notes   []string
	drifts  []drift
	// left is the resource with only the parts that are not true yet.
	left   desired.Resource
	before Before
	// origins are where what differs was changed, sorted.
	origins []Origin
}

func (v verdict) done() bool { return v.change == "" && v.refusal == "" }

// Make decides what is left to do on one host, in the order of desired.
func Make(want desired.Host, seen observed.Host, in Inputs) Plan {
	var p Plan
	d := decider{seen: seen, in: in, writes: map[string]bool{}}
	for _, r := range want.Resources {
		if r.Certificate != nil && !r.Certificate.CA {
			d.leaves = append(d.leaves, *r.Certificate)
		}
	}
	needs := newOrder(want.Resources)
	var drifts []drift
	for _, r := range want.Resources {
		v := d.decide(r)
		p.Notes = append(p.Notes, v.notes...)
		drifts = append(drifts, v.drifts...)
		if v.refusal != "" {
			p.Refusals = append(p.Refusals, v.refusal)
			continue
		}
		if v.done() {
			continue
		}
		for _, path := range v.left.Paths() {
			d.writes[path] = true
		}
		p.Steps = append(slices.Grow(p.Steps, len(want.Resources)-len(p.Steps)), Step{Host: want.Name, Change: v.change, Reason: v.reason, Origins: v.origins, Resource: v.left, Before: v.before})
	}
	p.Notes = append(p.Notes, tell(drifts, in.Config)...)
	needs.link(p.Steps)
	return p
}

// decider holds what the decision on one resource may look at: what was seen,
// and which paths earlier steps of this plan will write.
type decider struct {
	seen   observed.Host
	in     Inputs
	writes map[string]bool
	// leaves are the certificates that the host is to hold.
	leaves []pki.Spec
}

func (d decider) decide(r desired.Resource) verdict {
	switch {
	case len(r.Files) > 0:
		return d.files(r)
	case r.Certificate != nil:
		return d.certificate(r)
	case r.Keypair != nil:
		return d.keypair(r)
	case r.Kubeconfig != nil:
		return d.kubeconfig(r)
	case r.Key != nil:
		return d.randomKey(r)
	case len(r.Sysctls) > 0:
		return d.sysctls(r)
	case r.Service != nil:
		return d.service(r)
	case len(r.Images) > 0:
		return d.images(r)
	case len(r.Objects) > 0:
		return d.objects(r)
	case r.Wait != nil:
		return d.wait(r)
	case r.Upload != nil:
		return d.upload(r)
	case r.Rotation != nil:
		return d.rotation(r)
	case r.Bootstrap != nil:
		return d.bootstrap(r)
	case r.Member != nil:
		return d.member(r)
	case r.Residue != nil:
		return d.network(r)
	}
	return verdict{refusal: fmt.Sprintf("%s: nothing is desired; this is a defect of keelway", r.ID)}
}

func (d decider) files(r desired.Resource) verdict {
	v := verdict{left: r}
	v.left.Files = nil
	for _, f := range r.Files {
		have, ok := d.seen.Files[f.Path]
		diff := fileDifference(f, have, ok, d.in.Binaries)
		if diff == "" {
			continue
		}
		v.left.Files = append(v.left.Files, f)
		v.before.file(f.Path, have, ok)
		v.by(d.fileOrigin(f, have)...)
		v.say(ok, f.Path+" "+diff)
	}
	if len(v.left.Files) == len(r.Files) {
		v.left.Files = r.Files // thousands of hosts may have the same
	}
	return v
}

// say records why a step is needed: the first reason stands, the change is an
// update as soon as something was there before.
func (v *verdict) say(existed bool, reason string) {
	if v.reason == "" {
		v.reason = reason
		v.change = Create
	}
	if existed {
		v.change = Update
	}
}

func fileDifference(want desired.File, have observed.File, exists bool, binaries map[string]string) string {
	if !exists {
		return "is missing"
	}
	if have.Mode.Type() != want.Mode.Type() {
		return fmt.Sprintf("is a %s, not a %s", typeName(have.Mode), typeName(want.Mode))
	}
	switch {
	case want.Mode.Type() == modeSymlink:
		if have.Link != want.Link {
			return fmt.Sprintf("points to %s, not to %s", have.Link, want.Link)
		}
		return ""
	case want.Mode.IsDir():
		return folderDifference(want, have)
	}
	if have.SHA256 != digestOf(want, binaries) {
		return "has another content"
	}
	if have.Mode.Perm() != want.Mode.Perm() {
		return fmt.Sprintf("has mode %04o, not %04o", have.Mode.Perm(), want.Mode.Perm())
	}
	return ""
}

func (d decider) sysctls(r desired.Resource) verdict {
	v := verdict{left: r}
	v.left.Sysctls = nil
	for _, s := range r.Sysctls {
		have, ok := d.seen.Sysctls[s.Name]
		if ok && have == s.Value {
			continue
		}
		v.left.Sysctls = append(v.left.Sysctls, s)
		v.by(d.sysctlOrigin(s, have)...)
		v.say(ok, fmt.Sprintf("%s is %q, not %q", s.Name, have, s.Value))
	}
	return v
}

func (d decider) service(r desired.Resource) verdict {
	s := d.seen.Services[r.Service.Name]
	if !s.Running {
		v := verdict{change: Start, reason: r.Service.Name + " is not running", left: r}
		if !d.seen.Applied.Empty() {
			v.by(OnHost)
		}
		return v
	}
	for _, path := range r.Service.Reads {
		if d.writes[path] {
			return verdict{change: Restart, reason: path + " changes", left: r}
		}
		if f, ok := d.seen.Files[path]; ok && f.ModTime.After(s.Since) {
			return verdict{change: Restart, reason: path + " is newer than the running process", left: r}
		}
	}
	if a, ok := d.seen.Probes[r.Service.Node]; ok && a.Detail == observed.NotRegistered && d.seen.API && d.in.Now.Sub(s.Since) > settled {
		return verdict{change: Restart, reason: "its Node is not in the cluster any more, and a kubelet registers when it starts", left: r}
	}
	return verdict{}
}

// settled is how long a kubelet may take to register its Node. After 3.1 seconds
// of tries that failed, its pauses are up to 7: it is sooner there when started anew.
const settled = 3 * time.Second

func (d decider) images(r desired.Resource) verdict {
	v := verdict{left: r}
	v.left.Images = nil
	for _, i := range r.Images {
		if !d.seen.Images[i.Reference] {
			v.left.Images = append(v.left.Images, i)
			v.say(false, i.Reference+" is not in the runtime's store")
		}
	}
	return v
}

func (d decider) wait(r desired.Resource) verdict {
	a, ok := d.seen.Probes[r.ID]
	if ok && a.OK {
		return verdict{}
	}
	reason := a.Detail
	if reason == "" {
		reason = "not seen yet"
	}
	return verdict{change: Wait, reason: reason, left: r}
}
