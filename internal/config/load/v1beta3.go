package load

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"keelway.dev/keelway/internal/config"
	"keelway.dev/keelway/internal/config/check"
	"keelway.dev/keelway/internal/config/document"
)

// fromV1beta3 writes a document of v1beta3 as one of v1beta4, as kubeadm 1.36
// converts it: arguments become a list sorted by name, and two time-outs move.
func fromV1beta3(kind string, text []byte) ([]byte, []check.Problem) {
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return text, []check.Problem{{Message: err.Error()}}
	}
	var problems []check.Problem
	tree["apiVersion"] = config.APIVersion
	for _, path := range argFields() {
		parent, name := tree, path
		if i := strings.LastIndex(path, "."); i >= 0 {
			parent, _ = lookup(tree, path[:i]).(map[string]any)
			name = path[i+1:]
		}
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
	return data, problems
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
