// Package hostkey decides whether the key that a machine shows over SSH is its own.
package hostkey

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// Policy is what is known of one machine's key. There is no trust on first
// use: a key is pinned, or it stands in a known_hosts file.
type Policy struct {
	// Host is what people call the machine.
	Host string
	// Alias is looked up in the files in place of the address (HostKeyAlias).
	Alias string
	// Pinned is the one key that is right, as in an authorized_keys file
	// ("ssh-ed25519 AAAA..."). When it is given, no file is read.
	Pinned string
	// Files are known_hosts files; one that does not exist is empty.
	Files []string
}

// Check returns what decides on a key shown by the machine at the address
// (host:port), and the kinds of key to ask the machine for: those that are
// known, else a machine with several keys might show an unknown one.
func (p Policy) Check(address string) (ssh.HostKeyCallback, []string, error) {
	if p.Pinned != "" {
		return p.pinned(address)
	}
	var files []string
	for _, f := range p.Files {
		if _, err := os.Stat(f); err == nil {
			files = append(files, f)
		}
	}
	known, err := knownhosts.New(files...)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot check the key of %s: %w", p.Host, err)
	}
	if p.Alias != "" {
		address = net.JoinHostPort(p.Alias, "22")
	}
	check := func(_ string, remote net.Addr, key ssh.PublicKey) error {
		return p.explain(known(address, remote, key), address, key)
	}
	return check, kinds(known, address), nil
}

func (p Policy) pinned(address string) (ssh.HostKeyCallback, []string, error) {
	want, _, _, _, err := ssh.ParseAuthorizedKey([]byte(p.Pinned))
	if err != nil {
		return nil, nil, fmt.Errorf("cannot check the key of %s: the host key given for it, %q, is none (one looks like \"ssh-ed25519 AAAA...\"): %w", p.Host, p.Pinned, err)
	}
	check := func(_ string, _ net.Addr, key ssh.PublicKey) error {
		if bytes.Equal(key.Marshal(), want.Marshal()) {
			return nil
		}
		return &ChangedError{Host: p.Host, Address: address, Offered: ssh.FingerprintSHA256(key), Known: []Known{{
			Fingerprint: ssh.FingerprintSHA256(want), Where: "pinned for the host",
		}}}
	}
	return check, algorithms(want.Type()), nil
}

func (p Policy) explain(err error, address string, key ssh.PublicKey) error {
	var mismatch *knownhosts.KeyError
	var revoked *knownhosts.RevokedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		return fmt.Errorf("refused to connect to %s: its key %s is revoked in %s:%d", p.Host, ssh.FingerprintSHA256(key), revoked.Revoked.Filename, revoked.Revoked.Line)
	case !errors.As(err, &mismatch):
		return fmt.Errorf("cannot check the key of %s: %w", p.Host, err)
	case len(mismatch.Want) == 0:
		return &UnknownError{
			Host: p.Host, Address: address, Fingerprint: ssh.FingerprintSHA256(key),
			Key: strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), Files: p.Files,
		}
	}
	changed := &ChangedError{Host: p.Host, Address: address, Offered: ssh.FingerprintSHA256(key)}
	for _, w := range mismatch.Want {
		changed.Known = append(changed.Known, Known{
			Fingerprint: ssh.FingerprintSHA256(w.Key), Where: fmt.Sprintf("%s:%d", w.Filename, w.Line),
		})
	}
	return changed
}

// kinds asks the files with a key that nobody has which ones they hold for the
// address. None is every kind.
func kinds(known ssh.HostKeyCallback, address string) []string {
	var mismatch *knownhosts.KeyError
	if !errors.As(known(address, &net.TCPAddr{IP: net.IPv4zero}, nobody{}), &mismatch) {
		return nil
	}
	var found []string
	for _, w := range mismatch.Want {
		for _, a := range algorithms(w.Key.Type()) {
			if !slices.Contains(found, a) {
				found = append(found, a)
			}
		}
	}
	return found
}

// algorithms are the signatures that a kind of key is shown with.
func algorithms(kind string) []string {
	if kind == ssh.KeyAlgoRSA {
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	}
	return []string{kind}
}

// nobody is a key that matches none.
type nobody struct{}

func (nobody) Type() string                        { return "nobody" }
func (nobody) Marshal() []byte                     { return []byte("nobody") }
func (nobody) Verify([]byte, *ssh.Signature) error { return errors.New("nobody's key signs nothing") }
