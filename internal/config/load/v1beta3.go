package load

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/check"
	"keelway.dev/keelway/internal/config/document"
)

// fromV1beta3 writes a document of v1beta3 as one of v1beta4, as kubeadm 1.36
// converts it: arguments become a list sorted by name, and two time-outs move.
// Fields that only v1beta4 has are unknown there: they are left out and told.
func fromV1beta3(kind string, text []byte) (converted []byte, problems []check.Problem, unknown []string) {
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return text, []check.Problem{{Message: err.Error()}}, nil
	}
	for _, path := range newerFields(kind) {
		parent, name := within(tree, path)
		if _, ok := parent[name]; ok {
			delete(parent, name)
			unknown = append(unknown, path)
		}
	}
	tree["apiVersion"] = config.APIVersion
	for _, path := range argFields() {
		parent, name := within(tree, path)
		switch args := parent[name].(type) {
		case nil:
		case map[string]any:
			list := []any{}
			for _, key := range slices.Sorted(maps.Keys(args)) {
				value, ok := args[key].(string)
				if !ok {
					problems = append(problems, check.Problem{Path: path + "." + key, Message: fmt.Sprintf("%v is not a text: put it in quotes", args[key])})
				}
				list = append(list, map[string]any{"name": key, "value": value})
			}
			parent[name] = list
		default:
			problems = append(problems, check.Problem{Path: path, Message: "it is not a map of names and values, as v1beta3 has it"})
		}
	}
	switch kind {
	case "ClusterConfiguration":
		if api, ok := tree["apiServer"].(map[string]any); ok {
			// It has no place in a ClusterConfiguration of v1beta4: time-outs
			// belong to the InitConfiguration of a machine.
			if _, err := duration(api["timeoutForControlPlane"]); err != nil {
				problems = append(problems, check.Problem{Path: "apiServer.timeoutForControlPlane", Message: err.Error()})
			}
			delete(api, "timeoutForControlPlane")
		}
	case "JoinConfiguration":
		if d, ok := tree["discovery"].(map[string]any); ok {
			if limit, ok := d["timeout"]; ok {
				delete(d, "timeout")
				tree["timeouts"] = map[string]any{"discovery": limit}
			}
		}
	}
	data, err := json.Marshal(tree)
	if err != nil {
		problems = append(problems, check.Problem{Message: err.Error()})
	}
	return data, problems, unknown
}

// newerFields are those that a kind has in v1beta4 and not in v1beta3.
func newerFields(kind string) []string {
	if kind == "ClusterConfiguration" {
		return []string{
			"encryptionAlgorithm", "certificateValidityPeriod", "caCertificateValidityPeriod", "proxy", "dns.disabled",
			"apiServer.extraEnvs", "controllerManager.extraEnvs", "scheduler.extraEnvs", "etcd.local.extraEnvs", "etcd.external.httpEndpoints",
		}
	}
	return []string{"dryRun", "timeouts", "nodeRegistration.imagePullSerial"}
}

// within is the map that a path's last name belongs to, nil if there is none.
func within(tree map[string]any, path string) (parent map[string]any, name string) {
	i := strings.LastIndex(path, ".")
	if i < 0 {
		return tree, path
	}
	parent, _ = lookup(tree, path[:i]).(map[string]any)
	return parent, path[i+1:]
}

// duration reads a time such as 4m0s; nothing is none.
func duration(value any) (time.Duration, error) {
	if value == nil {
		return 0, nil
	}
	text, ok := value.(string)
	if !ok {
		return 0, fmt.Errorf("%v is not a time such as 4m0s", value)
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a time such as 4m0s", text)
	}
	return d, nil
}

// controlPlaneTimeout is the time-out that a ClusterConfiguration of v1beta3
// has for the first control plane.
func controlPlaneTimeout(d document.Document) string {
	var c struct {
		APIServer struct{ TimeoutForControlPlane string }
	}
	if d.Version != group+"v1beta3" || json.Unmarshal(d.JSON, &c) != nil {
		return ""
	}
	return c.APIServer.TimeoutForControlPlane
}
