package lab

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/lab/partition"
)

// GroupsOf reads groups of hosts as they are written, "cp1,w1" for each. Hosts
// that are in none are one more group, the last.
func (l *Lab) GroupsOf(written []string) ([][]string, error) {
	group := map[string]int{}
	groups := make([][]string, len(written))
	for i, text := range written {
		for _, name := range strings.Split(text, ",") {
			if _, err := l.Host(name); err != nil {
				return nil, err
			}
			if have, ok := group[name]; ok && have != i {
				return nil, fmt.Errorf("%s stands in two groups: a host can be on one side only", name)
			} else if ok {
				continue
			}
			group[name] = i
			groups[i] = append(groups[i], name)
		}
	}
	var rest []string
	for _, h := range l.Hosts {
		if _, ok := group[h.Name]; !ok {
			rest = append(rest, h.Name)
		}
	}
	if len(rest) > 0 {
		groups = append(groups, rest)
	}
	if len(groups) < 2 {
		return nil, fmt.Errorf("%s is every host of the lab %s: name those of one side", strings.Join(written, " "), l.Name)
	}
	return groups, nil
}

// Partition drops every frame between hosts of different groups, open
// connections included; it takes the place of an earlier partition. This
// machine reaches all of them still, and a host that is stopped and started
// stays on its side.
func (l *Lab) Partition(groups [][]string) error {
	ports := make([][]partition.Port, len(groups))
	for i, names := range groups {
		for _, name := range names {
			h, err := l.Host(name)
			if err != nil {
				return err
			}
			port, err := l.portOf(h)
			if err != nil {
				return err
			}
			ports[i] = append(ports[i], partition.Port{Host: h.Name, Link: port})
		}
	}
	return l.table().Set(ports)
}

// Partitioned returns the groups of hosts that do not reach each other now, each
// sorted by name, in the order of Partition; none when every host reaches every
// other.
func (l *Lab) Partitioned() ([][]string, error) { return l.table().Groups() }

// Heal lets every host reach every other again.
func (l *Lab) Heal() error { return l.table().Remove() }

func (l *Lab) table() partition.Table { return partition.Table("keelway-lab-" + l.Name) }
