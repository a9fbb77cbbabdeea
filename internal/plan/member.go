package plan

import "fmt"

// MemberState is one etcd member, as far as a removal depends on it.
type MemberState struct {
	Name            string
	Voting, Healthy bool
}

// CheckRemoval applies etcd's rule to taking a member out: those that stay must
// have a majority of healthy ones among them. The error names the rule.
func CheckRemoval(members []MemberState, name string) error {
	voters, healthy := 0, 0
	found := false
	for _, m := range members {
		if m.Name == name {
			found = true
			continue
		}
		if m.Voting {
			voters++
			if m.Healthy {
				healthy++
			}
		}
	}
	switch {
	case !found:
		return nil
	case voters == 0:
		return fmt.Errorf("%s is the last etcd member: without it nothing is left of the cluster (rule: last member); `keelway destroy` removes the whole", name)
	case healthy < Majority(voters):
		return fmt.Errorf("%s is not removed: of the %d other etcd members %d answer, and a majority of them is needed (rule: quorum); bring the others back first", name, voters, healthy)
	}
	return nil
}
