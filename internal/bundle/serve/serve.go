// Package serve hands a bundle's programs and images to the machines beside this one, over HTTP.
package serve

import (
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"keelway.dev/keelway/internal/bundle"
)

// Repository is the one that the images are in.
const Repository = "keelway/bundle"

// Handler answers for an opened bundle and the further programs, whose paths
// are given by sha256:
//
//	/programs/SHA256                      a program
//	/v2/keelway/bundle/manifests/DIGEST   an image's manifest
//	/v2/keelway/bundle/blobs/DIGEST       its config or a layer
//
// The last two are the part of the OCI distribution specification that a pull
// by digest takes. Whoever asks knows the sha256 of what he gets, so that it
// need not be believed; what is served is no secret.
func Handler(b *bundle.Bundle, more map[string]string) (http.Handler, error) {
	programs, blobs, manifests := maps.Clone(more), map[string]string{}, map[string]string{}
	for _, one := range b.Manifest.Binaries {
		path, _, err := b.Binary(one.Name)
		if err != nil {
			return nil, err
		}
		programs[one.SHA256] = path
	}
	for _, image := range b.Images() {
		manifests[image.Manifest] = filepath.Join(b.Folder, bundle.BlobPath(image.Manifest))
		for _, digest := range append([]string{image.Config}, image.Layers...) {
			blobs[digest] = filepath.Join(b.Folder, bundle.BlobPath(digest))
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/{$}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /programs/{digest}", files(programs, octets))
	mux.HandleFunc("GET /v2/"+Repository+"/blobs/{digest}", files(blobs, octets))
	mux.HandleFunc("GET /v2/"+Repository+"/manifests/{digest}", files(manifests, mediaType))
	return mux, nil
}

// files serves the files of a list, which is by sha256, and nothing else.
func files(list map[string]string, kind func(path string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		digest := strings.TrimPrefix(r.PathValue("digest"), "sha256:")
		path, ok := list[digest]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", kind(path))
		w.Header().Set("Docker-Content-Digest", "sha256:"+digest)
		http.ServeFile(w, r, path)
	}
}

func octets(string) string { return "application/octet-stream" }

// mediaType is what a manifest says of itself.
func mediaType(path string) string {
	var m struct {
		MediaType string `json:"mediaType"`
	}
	text, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(text, &m) != nil {
		return octets(path)
	}
	return m.MediaType
}
