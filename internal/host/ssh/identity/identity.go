// Package identity gathers the keys that somebody may log in with over SSH: files and an agent's.
package identity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Source says where keys are.
type Source struct {
	// Files are private keys that must be usable.
	Files []string
	// Defaults are private keys that are tried where they exist, such as
	// ~/.ssh/id_ed25519. One that is encrypted is left to the agent.
	Defaults []string
	// Agent is the socket of an agent (SSH_AUTH_SOCK); "" is none.
	Agent string
	// Only keeps the agent from offering other keys than those of Files
	// (IdentitiesOnly).
	Only bool
	// Passphrase opens an encrypted file; nil is nobody to ask.
	Passphrase func(ctx context.Context, file string) ([]byte, error)
}

// EncryptedError says that a key file needs a passphrase that nobody gives.
type EncryptedError struct{ File string }

func (e *EncryptedError) Error() string {
	return fmt.Sprintf("the key %s is encrypted and no agent holds it: run `ssh-add %s` first", e.File, e.File)
}

// Keys are what can be offered to a server, best first.
type Keys struct {
	Signers []ssh.Signer
	// Tried says in words what each one is.
	Tried []string
	agent net.Conn
}

// Close ends the connection to the agent, which signs while it is open.
func (k *Keys) Close() {
	if k.agent != nil {
		k.agent.Close()
	}
}

// Gather reads the files and asks the agent. The caller closes what it gets
// once it is logged in.
func (s Source) Gather(ctx context.Context) (*Keys, error) {
	k := &Keys{}
	held, passed := k.ask(ctx, s.Agent)
	used := map[string]bool{}
	add := func(signer ssh.Signer, what string) {
		if blob := string(signer.PublicKey().Marshal()); !used[blob] {
			used[blob] = true
			k.Signers = append(k.Signers, signer)
			k.Tried = append(k.Tried, fmt.Sprintf("%s (%s)", ssh.FingerprintSHA256(signer.PublicKey()), what))
		}
	}
	for i, file := range append(append([]string(nil), s.Files...), s.Defaults...) {
		signer, err := s.read(ctx, file, held)
		var encrypted *EncryptedError
		switch {
		case err == nil:
			add(signer, file)
		case i >= len(s.Files) && errors.Is(err, fs.ErrNotExist):
		case i >= len(s.Files) && errors.As(err, &encrypted):
			passed = err
		default:
			k.Close()
			return nil, err
		}
	}
	if !s.Only || len(s.Files)+len(s.Defaults) == 0 {
		for _, signer := range held {
			add(signer, "agent")
		}
	}
	if len(k.Signers) > 0 {
		return k, nil
	}
	k.Close()
	if passed == nil {
		passed = errors.New("there is no SSH key to log in with; name one for the host, or start an agent and run ssh-add")
	}
	return nil, passed
}

// ask lists an agent's keys.
func (k *Keys) ask(ctx context.Context, socket string) ([]ssh.Signer, error) {
	if socket == "" {
		return nil, nil
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return nil, fmt.Errorf("cannot reach the SSH agent (SSH_AUTH_SOCK): %w", err)
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("cannot ask the SSH agent (SSH_AUTH_SOCK) for its keys: %w", err)
	}
	k.agent = conn
	return signers, nil
}

// read takes a key from its file, or from the agent when the file is encrypted
// and the agent holds the same key.
func (s Source) read(ctx context.Context, file string, held []ssh.Signer) (ssh.Signer, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the SSH key: %w", err)
	}
	signer, err := ssh.ParsePrivateKey(data)
	var missing *ssh.PassphraseMissingError
	if err == nil {
		return signer, nil
	}
	if public, _, _, _, e := ssh.ParseAuthorizedKey(data); e == nil {
		// The public half names a key of the agent's.
		if h := find(held, public); h != nil {
			return h, nil
		}
		return nil, fmt.Errorf("cannot log in with %s: it is a public key, and no agent holds its private half: run `ssh-add` with that one first", file)
	}
	if !errors.As(err, &missing) {
		return nil, fmt.Errorf("cannot read the SSH key %s: %w", file, err)
	}
	public := missing.PublicKey
	if text, e := os.ReadFile(file + ".pub"); public == nil && e == nil {
		if public, _, _, _, e = ssh.ParseAuthorizedKey(text); e != nil {
			public = nil // an unreadable .pub is none
		}
	}
	if h := find(held, public); h != nil {
		return h, nil
	}
	if s.Passphrase == nil {
		return nil, &EncryptedError{File: file}
	}
	secret, err := s.Passphrase(ctx, file)
	if err != nil {
		return nil, fmt.Errorf("cannot open the SSH key %s: %w", file, err)
	}
	if signer, err = ssh.ParsePrivateKeyWithPassphrase(data, secret); err != nil {
		return nil, fmt.Errorf("cannot open the SSH key %s: %w", file, err)
	}
	return signer, nil
}

func find(held []ssh.Signer, public ssh.PublicKey) ssh.Signer {
	for _, h := range held {
		if public != nil && bytes.Equal(h.PublicKey().Marshal(), public.Marshal()) {
			return h
		}
	}
	return nil
}
