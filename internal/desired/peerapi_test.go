package desired_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
)

// recorder is an API server that has nothing, accepts everything and writes
// down what it was sent.
type recorder struct {
	*httptest.Server
	node string

	mu      sync.Mutex
	objects map[string]map[string]any
	patch   map[string]any
}

func newRecorder(t *testing.T, listener net.Listener, certificate tls.Certificate, node string) *recorder {
	t.Helper()
	r := &recorder{node: node, objects: map[string]map[string]any{}}
	r.Server = httptest.NewUnstartedServer(r)
	r.Listener = listener
	r.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	r.StartTLS()
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	switch {
	case req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/nodes/"+r.node):
		reply(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "Node",
			"metadata": map[string]any{"name": r.node, "labels": map[string]any{"kubernetes.io/hostname": r.node}}})
	case req.Method == http.MethodPatch:
		_ = json.Unmarshal(body, &r.patch)
		reply(w, http.StatusOK, map[string]any{"apiVersion": "v1", "kind": "Node", "metadata": map[string]any{"name": r.node}})
	case req.Method == http.MethodGet && strings.HasSuffix(req.URL.Path, "/deployments"):
		reply(w, http.StatusOK, map[string]any{"apiVersion": "apps/v1", "kind": "DeploymentList", "items": []any{}})
	case req.Method == http.MethodPost:
		object, err := decode(body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.objects[identity(object)] = object
		reply(w, http.StatusCreated, object)
	default:
		reply(w, http.StatusNotFound, map[string]any{"apiVersion": "v1", "kind": "Status", "status": "Failure", "reason": "NotFound", "code": 404})
	}
}

func reply(w http.ResponseWriter, code int, object map[string]any) {
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(object)
}

func decode(body []byte) (map[string]any, error) {
	object, _, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil, err
	}
	return runtime.DefaultUnstructuredConverter.ToUnstructured(object)
}

// identity names an object: kind, namespace, name.
func identity(object map[string]any) string {
	meta, _ := object["metadata"].(map[string]any)
	kind, _ := object["kind"].(string)
	namespace, _ := meta["namespace"].(string)
	name, _ := meta["name"].(string)
	return kind + "/" + namespace + "/" + name
}

// plain drops what an API server fills in, and empty values.
func plain(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range x {
			if key == "status" || key == "creationTimestamp" || key == "resourceVersion" {
				continue
			}
			if value = plain(value); value != nil {
				out[key] = value
			}
		}
		if len(out) == 0 {
			return nil
		}
		return out
	case []any:
		x = slices.Clone(x)
		for i := range x {
			x[i] = plain(x[i])
		}
		return x
	}
	return v
}
