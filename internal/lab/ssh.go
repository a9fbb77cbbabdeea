package lab

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// KeyFile is the private key that every host of the lab lets in as root.
func (l *Lab) KeyFile() string { return l.path("id_ed25519") }

// KnownHosts is the file with the keys of the lab's hosts.
func (l *Lab) KnownHosts() string { return l.path("known_hosts") }

// SSHConfig is the file that makes `ssh -F FILE HOST` reach a host.
func (l *Lab) SSHConfig() string { return l.path("ssh_config") }

// keyPair makes a key: its private file's text and its public line.
func keyPair(comment string) (private []byte, public string, err error) {
	pub, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, "", err
	}
	block, err := ssh.MarshalPrivateKey(key, comment)
	if err != nil {
		return nil, "", err
	}
	line, err := ssh.NewPublicKey(pub)
	if err != nil {
		return nil, "", err
	}
	return pem.EncodeToMemory(block), strings.TrimSpace(string(ssh.MarshalAuthorizedKey(line))), nil
}

// keyOf is the public half of a private key's file, which is made if it is missing.
func keyOf(path, comment string) (public string, err error) {
	if data, err := os.ReadFile(path); err == nil {
		signer, err := ssh.ParsePrivateKey(data)
		if err != nil {
			return "", fmt.Errorf("%s: %w", path, err)
		}
		return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(signer.PublicKey()))), nil
	}
	private, public, err := keyPair(comment)
	if err != nil {
		return "", err
	}
	return public, write(path, private, 0o600)
}

// writeSSH makes the lab's key and each host's, and the files that programs of
// OpenSSH read.
func (l *Lab) writeSSH() error {
	user, err := keyOf(l.KeyFile(), "keelway lab "+l.Name)
	if err != nil {
		return err
	}
	known, config := "", ""
	for _, h := range l.Hosts {
		public, err := keyOf(filepath.Join(l.hostDir(h), "host_key"), h.Name)
		if err != nil {
			return err
		}
		known += h.Name
		for _, a := range h.addresses() {
			known += "," + a.String()
		}
		known += " " + public + "\n"
		config += fmt.Sprintf("Host %s\n  HostName %s\n  HostKeyAlias %s\n", h.Name, h.Address, h.Name)
	}
	config += fmt.Sprintf("Host *\n  User root\n  IdentityFile %s\n  IdentitiesOnly yes\n  UserKnownHostsFile %s\n  StrictHostKeyChecking yes\n  LogLevel ERROR\n", l.KeyFile(), l.KnownHosts())
	if err := write(l.path("authorized_keys"), []byte(user+"\n"), 0o600); err != nil {
		return err
	}
	if err := write(l.KnownHosts(), []byte(known), 0o644); err != nil {
		return err
	}
	return write(l.SSHConfig(), []byte(config), 0o644)
}

// Run runs a command line on a host, as root, and returns what it printed.
func (l *Lab) Run(ctx context.Context, h Host, command string) (string, error) {
	client, err := l.dial(ctx, h)
	if err != nil {
		return "", err
	}
	defer client.Close()
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	defer session.Close()
	out := &output{}
	session.Stdout, session.Stderr = out, out
	stop := context.AfterFunc(ctx, func() { client.Close() })
	defer stop()
	err = session.Run(command)
	return string(out.text), err
}

// output takes what two streams say. A bytes.Buffer would lose what one says
// while it reads from the other.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text = append(o.text, p...)
	return len(p), nil
}

func (l *Lab) dial(ctx context.Context, h Host) (*ssh.Client, error) {
	data, err := os.ReadFile(l.KeyFile())
	if err != nil {
		return nil, err
	}
	key, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, err
	}
	if data, err = os.ReadFile(filepath.Join(l.hostDir(h), "host_key")); err != nil {
		return nil, err
	}
	host, err := ssh.ParsePrivateKey(data)
	if err != nil {
		return nil, err
	}
	address := net.JoinHostPort(h.Address.String(), "22")
	dialer := net.Dialer{Timeout: 2 * time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback: ssh.FixedHostKey(host.PublicKey()), Timeout: 5 * time.Second,
	})
	if err != nil {
		conn.Close()
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}
