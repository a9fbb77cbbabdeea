package observe

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/util/version"

	"keelway.dev/keelway/internal/host"
)

// Presence is how a feature of the kernel can be had.
type Presence string

// Present is there now, Loadable is a module file that is not loaded, Absent
// is neither.
const (
	Present  Presence = "present"
	Loadable Presence = "loadable"
	Absent   Presence = "absent"
)

// Kernel tells what a host's kernel can do, by looking only: nothing is loaded.
type Kernel struct {
	// Release is uname's, such as "6.1.0-18-amd64".
	Release string
	// Config has the kernel's build options without "CONFIG_", "y" or "m";
	// nil where no copy of it can be read.
	Config map[string]string

	host    host.Host
	modules func(context.Context) (moduleFiles, error)
}

// moduleFiles are the names, with underscores, that /lib/modules has for the
// running release.
type moduleFiles struct {
	builtin, loadable map[string]bool
	// outside is true where there is no /lib/modules at all, as in a
	// container: the outer machine has the files and loads them when asked.
	outside bool
}

// ReadKernel reads the release and, where there is a copy, the build options.
func ReadKernel(ctx context.Context, h host.Host) (*Kernel, error) {
	release, err := ReadText(ctx, h, "/proc/sys/kernel/osrelease")
	if err != nil {
		return nil, err
	}
	k := &Kernel{Release: strings.TrimSpace(release), host: h}
	if k.Config, err = readConfig(ctx, h, k.Release); err != nil {
		return nil, err
	}
	var once sync.Once
	var files moduleFiles
	var filesErr error
	k.modules = func(ctx context.Context) (moduleFiles, error) {
		once.Do(func() { files, filesErr = readModules(ctx, h, k.Release) })
		return files, filesErr
	}
	return k, nil
}

// AtLeast compares the release's numbers with a version such as "5.13".
func (k *Kernel) AtLeast(min string) (bool, error) {
	v, err := version.ParseGeneric(k.Release)
	if err != nil {
		return false, fmt.Errorf("kernel release %q: %w", k.Release, err)
	}
	m, err := version.ParseGeneric(min)
	if err != nil {
		return false, err
	}
	return v.AtLeast(m), nil
}

// Feature is a part of the kernel that may be a module.
type Feature struct {
	// Module is its name with underscores; Option the build option without "CONFIG_".
	Module, Option string
	// Witness is a path that exists exactly while the feature is there; "" has none.
	Witness string
	// Symbol is a function of it in /proc/kallsyms.
	Symbol string
}

// Has looks for a feature, cheapest witness first.
func (k *Kernel) Has(ctx context.Context, f Feature) (Presence, error) {
	for _, p := range []string{f.Witness, "/sys/module/" + f.Module} {
		if p == "" {
			continue
		}
		if is, err := exists(ctx, k.host, p); err != nil || is {
			return Present, err
		}
	}
	if k.Config[f.Option] == "y" {
		return Present, nil
	}
	files, err := k.modules(ctx)
	if err != nil {
		return Absent, err
	}
	switch {
	case files.builtin[f.Module]:
		return Present, nil
	case files.loadable[f.Module], files.outside && k.Config[f.Option] == "m":
		return Loadable, nil
	case k.Config != nil && k.Config[f.Option] == "":
		return Absent, nil
	}
	// The list of symbols is 10 MB, so grep reads it where it is.
	r, err := k.host.Run(ctx, host.Command{Argv: []string{"grep", "-q", "-m1", "-F", f.Symbol, "/proc/kallsyms"}})
	if err != nil {
		return Absent, err
	}
	if r.Code == 0 {
		return Present, nil
	}
	return Absent, nil
}

// NFTables is the kernel's packet filter of that name.
func NFTables() Feature {
	return Feature{Module: "nf_tables", Option: "NF_TABLES", Symbol: "nft_do_chain"}
}

// BridgeFilter passes what bridges carry through the packet filter. The kernel
// does not load it by itself.
func BridgeFilter() Feature {
	return Feature{Module: "br_netfilter", Option: "BRIDGE_NETFILTER", Witness: "/proc/sys/net/bridge/bridge-nf-call-iptables", Symbol: "br_nf_pre_routing"}
}

// proxyOptions are the expressions that kube-proxy's nftables mode writes in
// its rules; each can be left out of a kernel.
func proxyOptions() []string {
	return []string{"NF_TABLES", "NFT_CT", "NFT_FIB", "NFT_MASQ", "NFT_NAT", "NFT_NUMGEN", "NFT_REJECT"}
}

// nftables says whether kube-proxy's nftables mode works: it wants Linux 5.13
// and the parts above, built in or ready to load.
func (k *Kernel) nftables(ctx context.Context) (bool, error) {
	if ok, err := k.AtLeast("5.13"); err != nil || !ok {
		return false, err
	}
	if k.Config != nil {
		for _, o := range proxyOptions() {
			if k.Config[o] == "" {
				return false, nil
			}
		}
	}
	p, err := k.Has(ctx, NFTables())
	return p != Absent, err
}

// readConfig reads the build options from where kernels and distributions put
// them. None of them there is no error.
func readConfig(ctx context.Context, h host.Host, release string) (map[string]string, error) {
	for _, p := range []string{
		"/proc/config.gz",
		"/boot/config-" + release,
		"/lib/modules/" + release + "/config",
		"/usr/lib/kernel/config-" + release,
	} {
		r, err := h.Open(ctx, p)
		if absent(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		defer r.Close()
		config, err := parseConfig(r, path.Ext(p) == ".gz")
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", p, err)
		}
		return config, nil
	}
	return nil, nil
}

func parseConfig(r io.Reader, packed bool) (map[string]string, error) {
	if packed {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, err
		}
		defer z.Close()
		r = z
	}
	config := map[string]string{}
	s := bufio.NewScanner(r)
	for s.Scan() {
		rest, ok := strings.CutPrefix(s.Text(), "CONFIG_")
		if !ok {
			continue
		}
		if name, value, ok := strings.Cut(rest, "="); ok && (value == "y" || value == "m") {
			config[name] = value
		}
	}
	return config, s.Err()
}

// readModules lists the modules of a release. A host with files of other
// releases only, as after an upgrade without a reboot, has none that it could load.
func readModules(ctx context.Context, h host.Host, release string) (moduleFiles, error) {
	is, err := exists(ctx, h, "/lib/modules")
	if err != nil || !is {
		return moduleFiles{outside: true}, err
	}
	dir := "/lib/modules/" + release
	builtin, err1 := moduleNames(ctx, h, dir+"/modules.builtin")
	loadable, err2 := moduleNames(ctx, h, dir+"/modules.dep")
	return moduleFiles{builtin: builtin, loadable: loadable}, errors.Join(err1, err2)
}

// moduleNames takes "kernel/net/bridge/br_netfilter.ko.zst: ..." for br_netfilter.
func moduleNames(ctx context.Context, h host.Host, file string) (map[string]bool, error) {
	text, err := ReadText(ctx, h, file)
	if absent(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for line := range strings.Lines(text) {
		p, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		name, _, ok := strings.Cut(path.Base(p), ".ko")
		if ok {
			names[strings.ReplaceAll(name, "-", "_")] = true
		}
	}
	return names, nil
}
