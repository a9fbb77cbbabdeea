// Package chart renders Helm charts with Helm's own engine, as `helm template` does.
package chart

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	helm "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	helmutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/client-go/kubernetes/scheme"

	"keelway.dev/keelway/internal/cluster/addon"
)

// File is one file of a chart, or of what came of it.
type File struct {
	Name string
	Text []byte
}

// Release says what becomes of a chart.
type Release struct {
	Name, Namespace string
	// Version is what the chart's own must be; "" is any.
	Version string
	// Values are the settings, as JSON; nil is none.
	Values []byte
	// Kubernetes is the cluster's version; Kinds are the API versions that it
	// serves beside Kubernetes' own, such as "example.com/v1".
	Kubernetes string
	Kinds      []string
}

// FromArchive reads a chart from a .tgz.
func FromArchive(text []byte) ([]File, error) {
	found, err := archive.LoadArchiveFiles(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	var files []File
	for _, f := range found {
		files = append(files, File{f.Name, f.Data})
	}
	return files, nil
}

// Render is the chart's manifests: its definitions of kinds, then its templates,
// without what is for Helm's eyes or for its tests only. No cluster is asked:
// the function lookup finds nothing.
func Render(files []File, r Release) ([]File, error) {
	once, err := render(files, r)
	if err != nil {
		return nil, err
	}
	again, err := render(files, r)
	if err != nil {
		return nil, err
	}
	for i, f := range once {
		if !bytes.Equal(f.Text, again[i].Text) {
			return nil, fmt.Errorf("%s comes out another way each time, so each apply would change the cluster: the template makes a password, a key or a time by itself; set it in the values", f.Name)
		}
	}
	return once, nil
}

func render(files []File, r Release) ([]File, error) {
	c, err := load(files)
	if err != nil {
		return nil, err
	}
	if err := fits(c, r); err != nil {
		return nil, err
	}
	values := map[string]any{}
	if len(r.Values) > 0 {
		if err := json.Unmarshal(r.Values, &values); err != nil {
			return nil, fmt.Errorf("the values are no map: %w", err)
		}
	}
	if err := helmutil.ProcessDependencies(c, values); err != nil {
		return nil, err
	}
	capabilities, err := capabilities(r)
	if err != nil {
		return nil, err
	}
	release := common.ReleaseOptions{Name: r.Name, Namespace: r.Namespace, Revision: 1, IsInstall: true}
	all, err := util.ToRenderValues(c, values, release, capabilities)
	if err != nil {
		return nil, err
	}
	rendered, err := engine.Engine{}.Render(c, all) //nolint:staticcheck // nothing is asked over a network that a context could end
	if err != nil {
		return nil, err
	}
	var out []File
	for _, d := range c.CRDObjects() {
		out = append(out, File{d.Filename, d.File.Data})
	}
	for _, name := range slices.Sorted(maps.Keys(rendered)) {
		if ext := path.Ext(name); ext == ".yaml" || ext == ".yml" || ext == ".json" {
			out = append(out, File{name, []byte(rendered[name])})
		}
	}
	return out, nil
}

func load(files []File) (*helm.Chart, error) {
	kept, err := withoutIgnored(files)
	if err != nil {
		return nil, err
	}
	var buffered []*archive.BufferedFile
	for _, f := range kept {
		buffered = append(buffered, &archive.BufferedFile{Name: f.Name, Data: f.Text})
	}
	c, err := loader.LoadFiles(buffered)
	if err != nil {
		return nil, err
	}
	return c, c.Validate()
}

// fits refuses a chart that cannot be installed.
func fits(c *helm.Chart, r Release) error {
	if err := helmutil.ValidateReleaseName(r.Name); err != nil {
		return err
	}
	if c.Metadata.Type == "library" {
		return fmt.Errorf("%s is a library for other charts, with nothing to install", c.Name())
	}
	if r.Version != "" && c.Metadata.Version != r.Version {
		return fmt.Errorf("it has version %s, and %s is asked for", c.Metadata.Version, r.Version)
	}
	if want := c.Metadata.KubeVersion; want != "" && !helmutil.IsCompatibleRange(want, r.Kubernetes) {
		return fmt.Errorf("it needs Kubernetes %s, and the cluster has %s", want, r.Kubernetes)
	}
	for _, d := range c.Metadata.Dependencies {
		if !slices.ContainsFunc(c.Dependencies(), func(have *helm.Chart) bool { return have.Name() == d.Name }) {
			return fmt.Errorf("the chart %s that it depends on is not in its folder charts/: run `helm dependency build` there", d.Name)
		}
	}
	return nil
}

var stable = regexp.MustCompile(`^v\d+$`)

// capabilities are those of the cluster: API servers serve the stable versions
// alone, unless they are told otherwise.
func capabilities(r Release) (*common.Capabilities, error) {
	version, err := common.ParseKubeVersion(r.Kubernetes)
	if err != nil {
		return nil, err
	}
	c := common.DefaultCapabilities.Copy()
	c.KubeVersion = *version
	c.APIVersions = common.VersionSet{"apiregistration.k8s.io/v1"}
	for gvk := range scheme.Scheme.AllKnownTypes() {
		if stable.MatchString(gvk.Version) {
			gv := gvk.GroupVersion().String()
			c.APIVersions = append(c.APIVersions, gv+"/"+gvk.Kind)
			if !c.APIVersions.Has(gv) {
				c.APIVersions = append(c.APIVersions, gv)
			}
		}
	}
	c.APIVersions = append(c.APIVersions, r.Kinds...)
	slices.Sort(c.APIVersions)
	return c, nil
}

// Apart is true of an object that is for Helm's tests, or for moments of a
// release that an apply does not have.
func Apart(o addon.Object) bool {
	hooks, ok := o.GetAnnotations()["helm.sh/hook"]
	if !ok {
		return false
	}
	for hook := range strings.SplitSeq(hooks, ",") {
		switch strings.TrimSpace(hook) {
		case "pre-install", "post-install", "pre-upgrade", "post-upgrade":
			return false
		}
	}
	return true
}
