package keep

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"keelway.dev/keelway/internal/service/unit"
)

// credential looks up User= and Group=, and adds the variables that a session
// of that user would have. nil is the supervisor's own, root.
func credential(u unit.Unit, env map[string]string) (*syscall.Credential, error) {
	if u.User == "" && u.Group == "" {
		return nil, nil
	}
	c := &syscall.Credential{Uid: uint32(os.Getuid()), Gid: uint32(os.Getgid())}
	if u.User != "" {
		who, err := user.Lookup(u.User)
		if err != nil {
			if who, err = user.LookupId(u.User); err != nil {
				return nil, fmt.Errorf("the unit's User=%s: no such user", u.User)
			}
		}
		if c.Uid, err = id(who.Uid); err != nil {
			return nil, err
		}
		if c.Gid, err = id(who.Gid); err != nil {
			return nil, err
		}
		groups, err := who.GroupIds()
		if err != nil {
			return nil, fmt.Errorf("the unit's User=%s: its groups: %w", u.User, err)
		}
		for _, g := range groups {
			n, err := id(g)
			if err != nil {
				return nil, err
			}
			c.Groups = append(c.Groups, n)
		}
		env["USER"], env["LOGNAME"], env["HOME"] = who.Username, who.Username, who.HomeDir
	}
	if u.Group != "" {
		group, err := user.LookupGroup(u.Group)
		if err != nil {
			if group, err = user.LookupGroupId(u.Group); err != nil {
				return nil, fmt.Errorf("the unit's Group=%s: no such group", u.Group)
			}
		}
		if c.Gid, err = id(group.Gid); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func id(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}
