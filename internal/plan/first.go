package plan

// Standing is what a control plane is in its cluster, in the order of the file.
type Standing struct {
	// Made is true of one that the cluster was made on; Joined of one whose
	// etcd member was added to others.
	Made, Joined bool
	// Serving is true of one that serves the API now, Present of one that is part
	// of the cluster.
	Serving, Present bool
}

// FirstOf is the place of the control plane that counts as the first, and holds
// what belongs to all of the cluster, such as the addons; -1 is none. It is the
// one that the cluster was made on. Where etcd is elsewhere any other can take
// its place: the first of the file that serves, or is there at all. A stacked
// member that has joined cannot, because its static pod has another form. Where
// there is no cluster yet, the first of the file makes it.
func FirstOf(list []Standing, external bool) int {
	pick := func(is func(Standing) bool) int {
		for i, s := range list {
			if is(s) {
				return i
			}
		}
		return -1
	}
	rules := []func(Standing) bool{func(s Standing) bool { return s.Made && !s.Joined }}
	if external {
		rules = append(rules, func(s Standing) bool { return s.Serving }, func(s Standing) bool { return s.Present })
	} else if pick(func(s Standing) bool { return s.Serving }) >= 0 {
		return pick(rules[0])
	}
	rules = append(rules, func(Standing) bool { return true })
	for _, is := range rules {
		if i := pick(is); i >= 0 {
			return i
		}
	}
	return -1
}
