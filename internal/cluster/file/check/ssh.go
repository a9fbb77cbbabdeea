package check

import (
	"encoding/base64"
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"keelway.dev/keelway/internal/cluster/file"
)

// ssh checks how to log in. What was taken from the common part is said there.
func (l *list) ssh(path string, s file.SSH, common *file.SSH) {
	if common == nil {
		common = &file.SSH{}
	}
	if s.Port != common.Port && (s.Port < 0 || s.Port > 65535) {
		l.refuse(path+".port", "", "%d is not a port, which is 1 to 65535", s.Port)
	}
	if s.User != common.User && (strings.ContainsAny(s.User, " \t\n@:/") || strings.HasPrefix(s.User, "-")) {
		l.refuse(path+".user", "", "%q is not the name of a user", s.User)
	}
	if s.HostKey != "" && !publicKey(s.HostKey) {
		l.refuse(path+".hostKey", "copy a line of the host's /etc/ssh/ssh_host_ed25519_key.pub", "it is not a public key such as \"ssh-ed25519 AAAAC3...\"")
	}
	if strings.Contains(s.KeyFile, "PRIVATE KEY") {
		// The value is a secret: it is not repeated.
		l.refuse(path+".keyFile", "write the key to a file that only you can read, and its path here", "it holds a key, where the path of one belongs")
	}
}

// publicKey tells whether a text is a public key as authorized_keys has it: its
// kind, and a blob that begins with the same kind.
func publicKey(text string) bool {
	fields := strings.Fields(text)
	known := []string{"ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa"}
	if len(fields) < 2 || !slices.Contains(known, fields[0]) || strings.ContainsAny(text, "\r\n") {
		return false
	}
	blob, err := base64.StdEncoding.DecodeString(fields[1])
	if err != nil || len(blob) < 4 {
		return false
	}
	n := binary.BigEndian.Uint32(blob)
	return uint64(len(blob)) > 4+uint64(n) && string(blob[4:4+n]) == fields[0]
}

// jumps checks what hosts are reached through, and that no way leads in a circle.
func (l *list) jumps(c file.Cluster) {
	next := map[string]string{}
	for _, h := range c.Spec.Hosts {
		next[h.Name] = h.SSH.Jump
	}
	for i, h := range c.Spec.Hosts {
		path := at(i, "ssh.jump")
		if c.Spec.SSH != nil && h.SSH.Jump == c.Spec.SSH.Jump {
			path = "spec.ssh.jump"
		}
		jump := h.SSH.Jump
		if jump == "" {
			continue
		}
		if _, own := next[jump]; !own {
			if !validJump(jump) {
				l.refuse(path, "name a host of this file, or write user@host:port", "%q is neither", jump)
			} else if path != "spec.ssh.jump" && !strings.ContainsAny(jump, ".:@") {
				l.warn(path, "", "%s is no host of this file: ~/.ssh/config or the DNS has to know it", jump)
			}
			continue
		}
		seen := map[string]bool{}
		for at := jump; at != "" && !seen[at]; at = next[at] {
			if at == h.Name {
				l.refuse(path, "let one of them be reached without another", "the way to %s leads in a circle, through %s", h.Name, jump)
				break
			}
			seen[at] = true
		}
	}
}

// validJump is [user@]host[:port].
func validJump(text string) bool {
	if user, rest, ok := strings.Cut(text, "@"); ok {
		if user == "" || strings.ContainsAny(user, " \t:/") || user[0] == '-' {
			return false
		}
		text = rest
	}
	if host, port, err := net.SplitHostPort(text); err == nil {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
		text = host
	}
	_, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return err == nil || len(validation.IsDNS1123Subdomain(strings.ToLower(text))) == 0
}
