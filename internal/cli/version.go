package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/release"
)

// version and built are set when a release is linked; built is in RFC 3339, and
// otherwise the time of the commit.
var version, built = "v0.1.0-dev", "" //nolint:gochecknoglobals // the linker sets them

type versionInfo struct {
	Keelway    string   `json:"keelway"`
	Commit     string   `json:"commit,omitempty"`
	Go         string   `json:"go"`
	Platform   string   `json:"platform"`
	Kubernetes []string `json:"kubernetes"`
}

func newVersion(s streams) *cobra.Command {
	var output string
	c := &cobra.Command{
		Use:   "version",
		Short: "Print the version of keelway and of what it installs",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versionInfo{Keelway: version, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			v.Commit = buildSetting("vcs.revision")
			for _, r := range release.All() {
				v.Kubernetes = append(v.Kubernetes, r.Kubernetes)
			}
			switch output {
			case "json":
				return json.NewEncoder(s.out).Encode(v)
			case "yaml":
				data, err := yaml.Marshal(v)
				if err == nil {
					_, err = s.out.Write(data)
				}
				return err
			case "short":
				_, err := fmt.Fprintln(s.out, v.Keelway)
				return err
			case "", "text":
				_, err := fmt.Fprintf(s.out, "keelway %s (%s, %s)\ninstalls Kubernetes %v\n", v.Keelway, v.Go, v.Platform, v.Kubernetes)
				return err
			}
			return usageError{fmt.Errorf("cannot print as %q: --output takes text, short, json or yaml", output)}
		},
	}
	c.Flags().StringVarP(&output, "output", "o", "text", "text, short, json or yaml")
	return c
}

// buildSetting is what the compiler wrote down about the build, "" if nothing.
func buildSetting(key string) string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

// builtAt is a time that no right clock can be before; zero when unknown.
func builtAt() time.Time {
	t, err := time.Parse(time.RFC3339, cmp.Or(built, buildSetting("vcs.time")))
	if err != nil {
		return time.Time{}
	}
	return t
}
