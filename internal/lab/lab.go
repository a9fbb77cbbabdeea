// Package lab makes throwaway hosts with systemd in namespaces of one Linux machine, without a virtual machine and without Docker.
//
// A host is a Debian root on an overlay, booted by systemd-nspawn: its own
// processes, mounts, network and cgroups, sshd, and the kernel of the machine
// that it runs on. All that a lab makes is below its folder and in its record,
// and removing it removes exactly that.
package lab

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"keelway.dev/keelway/internal/service/process"
)

// Root holds one folder for each lab, and is removed with the last.
const Root = "/var/lib/keelway-lab"

// Role is what a lab's host is meant for; nothing on it depends on it.
type Role string

// The roles, in the order in which hosts are numbered and addressed.
const (
	ControlPlane Role = "controlplane"
	Worker       Role = "worker"
	LoadBalancer Role = "loadbalancer"
	EtcdMember   Role = "etcd"
)

// Lab is one lab, as its record says.
type Lab struct {
	Name string `json:"name"`
	// Subnet holds the addresses that hosts are reached by; Subnet6 those that
	// they have beside them in a lab of both families.
	Subnet  netip.Prefix `json:"subnet"`
	Subnet6 netip.Prefix `json:"subnet6,omitzero"`
	// Bridge is the link that joins the hosts; this machine has the first address
	// of each subnet on it.
	Bridge string `json:"bridge"`
	// Image is the folder of the root that the hosts' overlays lie on.
	Image string `json:"image"`
	// Share is a folder of this machine that every host sees, read-only, at
	// SharePath; "" is none.
	Share string `json:"share,omitempty"`
	Hosts []Host `json:"hosts"`
}

// SharePath is where a host sees the shared folder.
const SharePath = "/mnt/share"

// Host is one host of a lab.
type Host struct {
	Name    string     `json:"name"`
	Role    Role       `json:"role"`
	Address netip.Addr `json:"address"`
	// Address6 is the second one, in a lab of both families.
	Address6 netip.Addr `json:"address6,omitzero"`
	// Process is systemd-nspawn's; zero while the host is stopped.
	Process process.Identity `json:"process,omitzero"`
}

// Running tells whether the host's processes live.
func (h Host) Running() bool { return h.Process.Same() }

// NotFoundError says that there is no lab, or no host, of a name.
type NotFoundError struct {
	What, Name string
	Have       []string
}

func (e *NotFoundError) Error() string {
	return fmt.Sprintf("there is no %s %q, but %s (`keelway lab list`)", e.What, e.Name, cmp.Or(strings.Join(e.Have, ", "), "none at all"))
}

func (l *Lab) dir() string              { return filepath.Join(Root, l.Name) }
func (l *Lab) path(name string) string  { return filepath.Join(l.dir(), name) }
func (l *Lab) hostDir(h Host) string    { return filepath.Join(l.dir(), "hosts", h.Name) }
func (l *Lab) varOf(h Host) string      { return filepath.Join(l.hostDir(h), "var") }
func (l *Lab) rootOf(h Host) string     { return filepath.Join(l.hostDir(h), "root") }
func (l *Lab) machine(h Host) string    { return l.Name + "-" + h.Name }
func (l *Lab) recordPath() string       { return l.path("lab.json") }
func (l *Lab) consoleOf(h Host) string  { return filepath.Join(l.hostDir(h), "console.log") }
func (l *Lab) cgroupOf(h Host) string   { return "keelway-lab-" + l.machine(h) }
func (l *Lab) launchPath(h Host) string { return filepath.Join(l.hostDir(h), "launch.json") }

// Host finds a host by its name.
func (l *Lab) Host(name string) (Host, error) {
	var have []string
	for _, h := range l.Hosts {
		if h.Name == name {
			return h, nil
		}
		have = append(have, h.Name)
	}
	return Host{}, &NotFoundError{"host in the lab " + l.Name, name, have}
}

// Open reads the record of a lab.
func Open(name string) (*Lab, error) {
	data, err := os.ReadFile(filepath.Join(Root, name, "lab.json"))
	if errors.Is(err, fs.ErrNotExist) {
		have, _ := names()
		return nil, &NotFoundError{"lab", name, have}
	}
	if err != nil {
		return nil, err
	}
	l := &Lab{}
	if err := json.Unmarshal(data, l); err != nil {
		return nil, fmt.Errorf("the record of the lab %s cannot be read: %w", name, err)
	}
	return l, nil
}

// List returns every lab of this machine, by name.
func List() ([]*Lab, error) {
	all, err := names()
	if err != nil {
		return nil, err
	}
	var labs []*Lab
	for _, name := range all {
		l, err := Open(name)
		if err != nil {
			return nil, err
		}
		labs = append(labs, l)
	}
	return labs, nil
}

func names() ([]string, error) {
	records, err := filepath.Glob(filepath.Join(Root, "*", "lab.json"))
	var all []string
	for _, r := range records {
		all = append(all, filepath.Base(filepath.Dir(r)))
	}
	return all, err
}

// save writes the record in one step: what it names can be removed.
func (l *Lab) save() error {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	return write(l.recordPath(), append(data, '\n'), 0o600)
}

// write replaces a file in one step.
func write(path string, data []byte, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	temp := path + ".new"
	if err := os.WriteFile(temp, data, mode); err != nil {
		return err
	}
	if err := os.Chmod(temp, mode); err != nil {
		return err
	}
	return os.Rename(temp, path)
}

var validName = regexp.MustCompile(`^[a-z][a-z0-9]{0,7}$`)

// checkName refuses a name that could not stand in host and link names.
func checkName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("lab name %q: a letter, then at most seven letters or digits, all small", name)
	}
	return nil
}
