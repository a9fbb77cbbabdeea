package cli

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/bundle"
	"keelway.dev/keelway/internal/bundle/build"
	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/desired"
)

func newBundleInspect(s streams) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "inspect [FILE|FOLDER]",
		Short: "Say what a bundle holds",
		Example: `  keelway bundle inspect
  keelway bundle inspect bundle.tar.zst --output json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := findBundle(optional(args), s.self, "")
			if err != nil {
				return usageError{err}
			}
			m, err := bundle.Inspect(path)
			if err != nil {
				return err
			}
			switch output {
			case "json":
				return json.NewEncoder(s.out).Encode(m)
			case "yaml":
				text, err := yaml.Marshal(m)
				if err == nil {
					_, err = s.out.Write(text)
				}
				return err
			case "", "text":
				return printBundle(s, path, m)
			}
			return usageError{fmt.Errorf("cannot print as %q: --output takes text, json or yaml", output)}
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "text", "text, json or yaml")
	return c
}

func printBundle(s streams, path string, i bundle.Inspection) error {
	signed := "not signed"
	if i.SignedBy != "" {
		signed = "signed with key " + i.SignedBy
	}
	fmt.Fprintf(s.out, "%s\nKubernetes %s for %s/%s, %s unpacked, %s\n\n", path, i.Manifest.Kubernetes, i.Manifest.OS, i.Manifest.Arch, fileSize(i.Unpacked), signed)
	t := tabwriter.NewWriter(s.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "COMPONENT\tVERSION\tFROM\tLICENSE")
	for _, c := range i.Manifest.Components {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", c.Name, c.Version, c.Module, c.License)
	}
	fmt.Fprintln(t, "\nIMAGE\tLAYERS\tCONFIG")
	for _, image := range i.Manifest.Images {
		fmt.Fprintf(t, "%s\t%d\tsha256:%.12s\n", image.Reference, len(image.Layers), image.Config)
	}
	fmt.Fprintln(t, "\nPROGRAM\tSIZE\tSHA256\tKEPT IN")
	for _, b := range i.Manifest.Binaries {
		kept := b.Path
		if b.Layer != "" {
			kept = fmt.Sprintf("layer %.12s, %s", b.Layer, b.In)
		}
		fmt.Fprintf(t, "%s\t%s\t%.12s\t%s\n", b.Name, fileSize(b.Size), b.SHA256, kept)
	}
	return t.Flush()
}

func newBundleVerify(s streams) *cobra.Command {
	var kubernetes, profile, key string
	c := &cobra.Command{
		Use:   "verify [FILE|FOLDER]",
		Short: "Prove that a bundle is whole, and holds all that a cluster needs",
		Long: `Read every byte of a bundle and compare it with its checksums, and its images
and programs with those that a cluster of this version needs. The first file that
is missing, altered, cut off, for another machine or outside the bundle is named.`,
		Example: `  keelway bundle verify
  keelway bundle verify bundle.tar.zst --key key.pub`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := findBundle(optional(args), s.self, kubernetes)
			if err != nil {
				return usageError{err}
			}
			i, err := bundle.Inspect(path)
			if err != nil {
				return err
			}
			if kubernetes == "" {
				kubernetes = i.Manifest.Kubernetes
			}
			want, err := wantedBy(kubernetes, cluster.Profile(profile))
			if err != nil {
				return usageError{err}
			}
			trusted, err := trustedKey(key)
			if err != nil {
				return usageError{err}
			}
			m, err := bundle.Verify(c.Context(), path, want, trusted)
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%s is whole: %d files, %d images and %d programs, all that Kubernetes %s needs here\n",
				path, len(m.Files), len(want.Images), len(want.Binaries), m.Kubernetes)
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&kubernetes, "kubernetes-version", "", "the version that it must be for (default: its own)")
	f.StringVar(&profile, "profile", string(cluster.Hardened), "the profile whose images and programs it must hold")
	f.StringVar(&key, "key", "", "the public key that it must be signed with")
	return c
}

// wantedBy asks desired what a cluster of one machine needs, so that the list
// is the one that is installed from.
func wantedBy(kubernetes string, profile cluster.Profile) (bundle.Want, error) {
	// The list does not depend on the machine; the address is one for documents.
	m, err := cluster.New(cluster.Options{KubernetesVersion: kubernetes, Profile: profile, Facts: cluster.Facts{
		Hostname: "machine", Addresses: []string{"192.0.2.1"}, CgroupVersion: 2, NFTables: true, Interface: "eth0", MTU: 1500,
	}})
	if err != nil {
		return bundle.Want{}, err
	}
	return bundle.Want{
		Kubernetes: m.Release.Kubernetes, OS: "linux", Arch: runtime.GOARCH, Images: desired.Images(m),
		Binaries: slices.DeleteFunc(desired.Binaries(m), func(name string) bool { return name == desired.Self }),
	}, nil
}

func newBundleSign(s streams) *cobra.Command {
	var key string
	c := &cobra.Command{
		Use:     "sign [FILE|FOLDER]",
		Short:   "Sign a bundle with an ed25519 key",
		Example: "  keelway bundle key mykey\n  keelway bundle sign --key mykey",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			path, err := findBundle(optional(args), s.self, "")
			if err != nil {
				return usageError{err}
			}
			private, err := signingKey(key)
			if err != nil {
				return usageError{err}
			}
			if private == nil {
				return usageError{fmt.Errorf("no key: name one with --key, or make one with 'keelway bundle key FILE'")}
			}
			if err := bundle.Sign(path, private); err != nil {
				return err
			}
			fmt.Fprintln(s.out, path, "is signed")
			return nil
		},
	}
	c.Flags().StringVar(&key, "key", "", "the private key")
	return c
}

func newBundleKey(s streams) *cobra.Command {
	return &cobra.Command{
		Use:   "key FILE",
		Short: "Make a key pair for signing: FILE (0600) and FILE.pub",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := bundle.GenerateKey(args[0]); err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%s signs, keep it to yourself; %s.pub verifies, give it away\n", args[0], args[0])
			return nil
		},
	}
}

func newBundleLock(s streams) *cobra.Command {
	var source, cache string
	c := &cobra.Command{
		Use:   "lock",
		Short: "Write the lock of the Debian packages anew, from what apt offers",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			folder, err := findComponents(source, s.self)
			if err != nil {
				return usageError{err}
			}
			n, err := build.Lock(c.Context(), folder, cache)
			if err != nil {
				return err
			}
			fmt.Fprintf(s.out, "%s/%s: %d packages\n", folder, build.LockName, n)
			return nil
		},
	}
	c.Flags().StringVar(&source, "components", "", "the folder with the recipe (default: components, here or beside keelway)")
	c.Flags().StringVar(&cache, "cache", "dist/cache", "the folder for downloads")
	return c
}

func trustedKey(path string) ([]byte, error) {
	if path == "" {
		return nil, nil
	}
	return bundle.ReadPublicKey(path)
}

func optional(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}
