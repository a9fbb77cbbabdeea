package cli

import (
	"errors"
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/host/ssh/hostkey"
)

// trust asks, at the first sight of machines' keys, whether each is right, and
// remembers it where SSH looks for it. lost says why machines are not reached,
// and again reaches them once more: there may be others behind a jump host.
// Without a terminal nothing is trusted, whatever flag was given.
func (s streams) trust(lost func() []error, again func() error) error {
	trusted := map[string]bool{}
	for {
		unknown := unknownKeys(lost())
		if len(unknown) == 0 {
			return nil
		}
		if !s.canAsk() {
			return unpinned(unknown)
		}
		for _, u := range unknown {
			if trusted[u.Address+u.Key] {
				return fmt.Errorf("%s does not keep the key of %s: name another file in UserKnownHostsFile, or pin the key in the cluster file (hostKey: %s)", u.Files[0], u.Host, u.Key)
			}
			if err := s.confirmKey(u); err != nil {
				return err
			}
			trusted[u.Address+u.Key] = true
		}
		if err := again(); err != nil {
			return err
		}
	}
}

// unknownKeys are the keys that nothing is known of, each once.
func unknownKeys(lost []error) []*hostkey.UnknownError {
	var list []*hostkey.UnknownError
	seen := map[string]bool{}
	for _, err := range lost {
		var u *hostkey.UnknownError
		if errors.As(err, &u) && !seen[u.Address+u.Key] {
			seen[u.Address+u.Key] = true
			list = append(list, u)
		}
	}
	return list
}

func (s streams) confirmKey(u *hostkey.UnknownError) error {
	if len(u.Files) == 0 {
		return unpinned([]*hostkey.UnknownError{u})
	}
	fmt.Fprintf(s.err, "%s (%s) is seen for the first time. Its host key is\n  %s\nCompare that with `%s` on the machine's console.\nTrust this key, and remember it in %s? [y/N] ",
		u.Host, u.Address, u.Fingerprint, u.Compare(), u.Files[0])
	if !s.yes() {
		return usageError{fmt.Errorf("nothing was changed: the key of %s was not trusted", u.Host)}
	}
	return hostkey.Remember(u.Files[0], u)
}

// unpinned says how keys are made known without a terminal.
func unpinned(unknown []*hostkey.UnknownError) error {
	var b strings.Builder
	b.WriteString("nothing was changed: these host keys are not known, and there is no terminal to ask on (--yes trusts no key):")
	for _, u := range unknown {
		fmt.Fprintf(&b, "\n  %s (%s) shows %s\n    hostKey: %s", u.Host, u.Address, u.Fingerprint, u.Key)
	}
	fmt.Fprintf(&b, "\ncompare each with `%s` on the machine's console; then pin it in the cluster file (ssh.hostKey of the host), add it to known_hosts, or run this once on a terminal", unknown[0].Compare())
	return usageError{errors.New(b.String())}
}
