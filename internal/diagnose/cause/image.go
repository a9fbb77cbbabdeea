package cause

import (
	"cmp"

	"keelway.dev/keelway/internal/diagnose/evidence"
)

func imageRules() []rule {
	const bring = "run `keelway up` again, which imports it from the bundle; nothing is pulled from a registry"
	missing := func(_ evidence.Evidence, m match) (string, string) {
		image := ""
		for _, g := range m.group[1:] {
			image = cmp.Or(image, g)
		}
		if image == "" {
			return "an image of " + m.component + " is not in the runtime's store, and no registry can be reached", bring
		}
		return "the image " + image + " is not in the runtime's store, and it cannot be pulled", bring
	}
	return []rule{
		{name: "sandbox-image", pattern: `failed to (?:get|pull|start) sandbox image "([^"]+)"`, say: missing},
		{name: "image-missing", pattern: `image "([^"]+)" is not present with pull policy of Never`, say: missing},
		{name: "image-missing", pattern: `ErrImageNeverPull`, say: missing},
		{
			name:    "image-damaged",
			pattern: `(?i)(?:content digest|blob) sha256:\w+:? (?:not found|is missing)|failed to (?:extract layer|unpack image).{0,200}(?:unexpected EOF|not found|digest mismatch|unexpected commit digest)`,
			say: func(evidence.Evidence, match) (string, string) {
				return "an image in the runtime's store is not whole", "remove it with `crictl rmi`" + again + ", which imports it from the bundle"
			},
		},
		{name: "image-missing", pattern: `failed to (?:pull and unpack|pull|resolve)[^"]*(?:image|reference) "([^"]+)"|(?:ErrImagePull|ImagePullBackOff)(?:.*image "([^"]+)")?`, say: missing},
	}
}
