package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/host/ssh/reach"
	"keelway.dev/keelway/internal/host/ssh/sums"
	"keelway.dev/keelway/internal/host/ssh/userconfig"
)

// connector reaches the hosts of a cluster file with the user's SSH settings.
type connector struct {
	*reach.Reach
	hosts []file.Host
	sums  *sums.Book
}

func newConnector(hosts []file.Host) (*connector, error) {
	home, err := os.UserHomeDir()
	if err != nil {
		return nil, err
	}
	user, err := userconfig.Load(filepath.Join(home, ".ssh", "config"), home)
	if err != nil {
		return nil, err
	}
	book := &sums.Book{}
	if cache, err := os.UserCacheDir(); err == nil {
		book = sums.Open(filepath.Join(cache, "keelway", "sums.json"))
	}
	return &connector{reach.New(reach.Settings{Config: user, Agent: os.Getenv("SSH_AUTH_SOCK"), Sums: book}), hosts, book}, nil
}

// Close ends all connections.
func (c *connector) Close() {
	c.Reach.Close()
	_ = c.sums.Save() // without it the next run only reads more
}

// connect is the machine of a host; nothing is connected to yet.
func (c *connector) connect(h file.Host) (host.Host, error) {
	t := target(h)
	for jump := h.SSH.Jump; jump != ""; {
		i := slices.IndexFunc(c.hosts, func(other file.Host) bool { return other.Name == jump })
		if i >= 0 {
			t.Jump, jump = append(t.Jump, target(c.hosts[i])), c.hosts[i].SSH.Jump
		} else {
			next, err := reach.Parse(jump)
			if err != nil {
				return nil, fmt.Errorf("host %s: %w", h.Name, err)
			}
			t.Jump, jump = append(t.Jump, next), ""
		}
		if len(t.Jump) > len(c.hosts) {
			return nil, fmt.Errorf("host %s: its jump hosts lead in a circle", h.Name)
		}
	}
	return c.Host(t)
}

func target(h file.Host) reach.Target {
	t := reach.Target{Name: h.Name, Address: h.Address, User: h.SSH.User, Port: h.SSH.Port, HostKey: h.SSH.HostKey}
	if h.SSH.KeyFile != "" {
		t.Keys = []string{h.SSH.KeyFile}
	}
	return t
}
