// Package userconfig reads what ~/.ssh/config says of a host.
package userconfig

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	config "github.com/kevinburke/ssh_config"
)

// File is a configuration file of OpenSSH's client.
type File struct {
	path   string
	home   string
	parsed *config.Config
}

// Load reads a file; one that does not exist says nothing of any host. home is
// what ~ stands for.
func Load(path, home string) (*File, error) {
	f := &File{path: path, home: home, parsed: &config.Config{}}
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err == nil {
		f.parsed, err = config.DecodeBytes(data)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot read the SSH configuration %s: %w", path, err)
	}
	return f, nil
}

// Host is what is said of one host; what is empty is not said.
type Host struct {
	HostName       string
	User           string
	Port           int
	HostKeyAlias   string
	IdentityFiles  []string
	IdentitiesOnly bool
	// IdentityAgent is an agent's socket, "none" or "SSH_AUTH_SOCK".
	IdentityAgent string
	// UserKnownHosts and GlobalKnownHosts are the files of UserKnownHostsFile and GlobalKnownHostsFile.
	UserKnownHosts, GlobalKnownHosts []string
	// ProxyJump is the way to the host, the nearest machine first, each as
	// [user@]host[:port].
	ProxyJump []string
}

// Host looks a host up by the name that would be given to ssh.
func (f *File) Host(name string) (Host, error) {
	var h Host
	var failed error
	get := func(key string) string {
		value, err := f.parsed.Get(name, key)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %s of %s: %w", f.path, key, name, err))
		}
		return value
	}
	h.User = get("User")
	h.HostKeyAlias = get("HostKeyAlias")
	h.HostName = strings.NewReplacer("%%", "%", "%h", name).Replace(get("HostName"))
	if port := get("Port"); port != "" {
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return h, fmt.Errorf("%s: Port of %s: %q is no port", f.path, name, port)
		}
		h.Port = n
	}
	expand := f.expander(name, h)
	files, err := f.parsed.GetAll(name, "IdentityFile")
	failed = errors.Join(failed, err)
	for _, file := range files {
		if file != "none" {
			h.IdentityFiles = append(h.IdentityFiles, expand(file))
		}
	}
	h.IdentitiesOnly = strings.EqualFold(get("IdentitiesOnly"), "yes")
	if h.IdentityAgent = get("IdentityAgent"); h.IdentityAgent != "none" && h.IdentityAgent != "SSH_AUTH_SOCK" {
		h.IdentityAgent = expand(h.IdentityAgent)
	}
	list := func(key string) (all []string) {
		for _, file := range strings.Fields(get(key)) {
			all = append(all, expand(strings.Trim(file, `"`)))
		}
		return all
	}
	h.UserKnownHosts, h.GlobalKnownHosts = list("UserKnownHostsFile"), list("GlobalKnownHostsFile")
	if jump := get("ProxyJump"); jump != "" && !strings.EqualFold(jump, "none") {
		h.ProxyJump = strings.Split(jump, ",")
	} else if command := get("ProxyCommand"); jump == "" && command != "" && !strings.EqualFold(command, "none") {
		failed = errors.Join(failed, fmt.Errorf("%s: ProxyCommand of %s is not supported; say the same with ProxyJump", f.path, name))
	}
	return h, failed
}

// expander fills in ~ and the % signs of ssh_config(5).
func (f *File) expander(name string, h Host) func(string) string {
	local := ""
	if u, err := user.Current(); err == nil {
		local = u.Username
	}
	host, port := h.HostName, strconv.Itoa(h.Port)
	if host == "" {
		host = name
	}
	if h.Port == 0 {
		port = "22"
	}
	signs := strings.NewReplacer("%%", "%", "%d", f.home, "%h", host, "%n", name, "%p", port, "%r", h.User, "%u", local)
	return func(value string) string { return f.Path(signs.Replace(value)) }
}

// Path makes a path of what people write: ~ is their home, and a relative path
// begins there too.
func (f *File) Path(p string) string {
	switch {
	case p == "" || filepath.IsAbs(p):
		return p
	case p == "~":
		return f.home
	}
	return filepath.Join(f.home, strings.TrimPrefix(p, "~/"))
}
