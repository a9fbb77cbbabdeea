package upgrade

import (
	"regexp"
	"strings"
)

// memberFlag is a line of etcd's manifest that says with whom a member began.
var memberFlag = regexp.MustCompile(`(?m)^ *- --initial-cluster(?:-state)?=.*\n`)

// KeepMembers is etcd's manifest next, with the first members that have names:
// a member that joined began with the others. etcd reads them only once.
func KeepMembers(next, have string) string {
	was := memberFlag.FindAllString(have, -1)
	at := memberFlag.FindStringIndex(next)
	if len(was) == 0 || at == nil {
		return next
	}
	return next[:at[0]] + strings.Join(was, "") + next[at[1]:]
}

var imageLine = regexp.MustCompile(`(?m)^ *image: *["']?[^\s"']+:([^\s"':@]+)`)

// ImageTag is the tag of the first image in a manifest, "" for none.
func ImageTag(manifest string) string {
	if m := imageLine.FindStringSubmatch(manifest); m != nil {
		return m[1]
	}
	return ""
}
