package resident

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/preflight/subject"
)

// setting is a kernel setting by its name with dots, which must be 1.
type setting string

func (k setting) file() string { return observe.SysctlPath(string(k)) }

// forwarding lists the settings by which a host passes packets on, for the
// families of the cluster's ranges and of the host's address.
func forwarding(s *subject.Subject) []setting {
	if s.Alone() {
		return nil // no pod has an address of its own there
	}
	four, six := s.Advertise().Is4(), s.Advertise().Is6()
	for _, r := range s.Ranges() {
		four = four || r.Prefix.Addr().Is4()
		six = six || r.Prefix.Addr().Is6()
	}
	var all []setting
	if four {
		all = append(all, "net.ipv4.ip_forward")
	}
	if six {
		all = append(all, "net.ipv6.conf.default.forwarding")
	}
	return all
}

// settable finds a setting that is wrong and stays so: it is not among what
// Keelway sets, or the kernel does not let it be written.
func settable(ctx context.Context, s *subject.Subject, k setting) (subject.Finding, bool, error) {
	f := subject.Finding{
		Name:    label("FileContent", k.file()),
		Message: k.file() + " contents are not set to 1",
		Fix:     fmt.Sprintf("run `sysctl -w %s=1`, and write it to /etc/sysctl.d/99-kubernetes.conf for the next boot", k),
	}
	mounts, err := s.Mounts(ctx)
	if err != nil {
		return f, false, err
	}
	if m := observe.MountOf(mounts, k.file()); m.ReadOnly {
		f.Message += fmt.Sprintf(", and %s is mounted read-only", m.Point)
		f.Fix = "set it on the outer machine, or give this host its own /proc/sys"
		return f, true, nil
	}
	for _, r := range s.Desired.Resources {
		for _, set := range r.Sysctls {
			// "all" sets "default" too.
			if set.Value == "1" && set.Name == strings.Replace(string(k), ".default.", ".all.", 1) {
				return f, false, nil
			}
		}
	}
	return f, true, nil
}

// persisted finds a configuration that sets the value to 0 at the next boot,
// as hardening guides do.
func persisted(ctx context.Context, s *subject.Subject, k setting) (subject.Finding, bool, error) {
	file, value, err := lastAssignment(ctx, s, k)
	if err != nil || value != "0" {
		return subject.Finding{}, false, err
	}
	return subject.Finding{
		Name:    label("FileContent", k.file()),
		Warning: true,
		Message: fmt.Sprintf("%s sets %s to 0 at each boot: pods would have no network until it is set again", file, k),
		Fix:     fmt.Sprintf("set it to 1 in %s", file),
	}, true, nil
}

// lastAssignment reads sysctl's configuration in the order of sysctl.d(5): by
// file name whatever the folder, /etc covering the others, and
// /etc/sysctl.conf at the end.
func lastAssignment(ctx context.Context, s *subject.Subject, k setting) (file, value string, err error) {
	byName := map[string]string{}
	for _, dir := range []string{"/usr/lib/sysctl.d", "/usr/local/lib/sysctl.d", "/run/sysctl.d", "/etc/sysctl.d"} {
		entries, err := s.List(ctx, dir)
		if err != nil {
			return "", "", err
		}
		for _, e := range entries {
			if path.Ext(e.Path) == ".conf" && (e.Mode.IsRegular() || e.Mode&fs.ModeSymlink != 0) {
				byName[path.Base(e.Path)] = e.Path
			}
		}
	}
	var names, files []string
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		files = append(files, byName[name])
	}
	for _, f := range append(files, "/etc/sysctl.conf") {
		text, err := s.Text(ctx, f)
		if err != nil {
			continue // a link to a device masks a file of the same name
		}
		if v, ok := assigned(text, k); ok {
			file, value = f, v
		}
	}
	return file, value, ctx.Err()
}

func assigned(text string, k setting) (value string, ok bool) {
	for line := range strings.Lines(text) {
		name, v, isSet := strings.Cut(strings.TrimSpace(line), "=")
		name = strings.ReplaceAll(strings.TrimPrefix(strings.TrimSpace(name), "-"), "/", ".")
		if isSet && name == string(k) {
			value, ok = strings.TrimSpace(v), true
		}
	}
	return value, ok
}
