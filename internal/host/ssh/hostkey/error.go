package hostkey

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// UnknownError says that nothing is known of a machine's key. Whoever compares
// the fingerprint with the machine's own may then Remember the key.
type UnknownError struct {
	Host    string
	Address string // host:port, as known_hosts is asked for it
	// Fingerprint is "SHA256:...", as ssh-keygen -lf prints it.
	Fingerprint string
	// Key is the key itself, "ssh-ed25519 AAAA...".
	Key string
	// Files are where it was looked for.
	Files []string
}

func (e *UnknownError) Error() string {
	return fmt.Sprintf("refused to connect to %s (%s): its host key is unknown. It shows %s; compare that with `%s` on the machine's console, and then pin the key in the cluster file (hostKey: %s) or add it to %s",
		e.Host, e.Address, e.Fingerprint, e.Compare(), e.Key, strings.Join(e.Files, " or "))
}

// Compare is the command that tells the fingerprint on the machine itself.
func (e *UnknownError) Compare() string {
	return fmt.Sprintf("ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub", shortKind(e.Key))
}

func shortKind(key string) string {
	kind, _, _ := strings.Cut(key, " ")
	switch {
	case strings.HasPrefix(kind, "ecdsa"):
		return "ecdsa"
	case kind == ssh.KeyAlgoRSA:
		return "rsa"
	}
	return "ed25519"
}

// ChangedError says that a machine shows another key than the known one:
// somebody else answers, or the machine was made anew. It is never overridden.
type ChangedError struct {
	Host    string
	Address string
	Offered string // fingerprint
	Known   []Known
}

// Known is a key that would be right, and where that is written.
type Known struct{ Fingerprint, Where string }

func (e *ChangedError) Error() string {
	var known []string
	for _, k := range e.Known {
		known = append(known, fmt.Sprintf("%s (%s)", k.Fingerprint, k.Where))
	}
	return fmt.Sprintf("refused to connect to %s (%s): its host key has changed. It shows %s, known is %s; somebody may stand between. If the machine was made anew, take out the old key (ssh-keygen -R %s, or hostKey in the cluster file) and confirm the new one",
		e.Host, e.Address, e.Offered, strings.Join(known, ", "), knownhosts.Normalize(e.Address))
}

// Remember adds the key that an UnknownError holds to a known_hosts file, which
// is made with its folder if it is missing. A person has confirmed the key.
func Remember(file string, e *UnknownError) error {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(e.Key))
	if err != nil {
		return fmt.Errorf("cannot remember the key of %s: %w", e.Host, err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fmt.Errorf("cannot remember the key of %s: %w", e.Host, err)
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("cannot remember the key of %s: %w", e.Host, err)
	}
	defer f.Close()
	line := knownhosts.Line([]string{e.Address}, key) + "\n"
	if info, err := f.Stat(); err == nil && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err := f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	if _, err := f.WriteString(line); err != nil {
		return fmt.Errorf("cannot remember the key of %s: %w", e.Host, err)
	}
	return f.Sync()
}
