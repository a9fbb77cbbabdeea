package observed

import "io/fs"

// Applied is what a run wrote on a host and through it in the cluster when it
// last ended well. It decides nothing: it only tells what differs, and who has
// changed it. A digest is a sha256 in hex, a path or key that is absent was not
// written.
type Applied struct {
	// By is the command that wrote it, such as "keelway join"; "" is "keelway apply".
	By    string            `json:"by,omitempty"`
	Files map[string]string `json:"files,omitempty"`
	// Modes are the permission bits of those files.
	Modes   map[string]fs.FileMode `json:"modes,omitempty"`
	Sysctls map[string]string      `json:"sysctls,omitempty"`
	// Objects are by ObjectKey; the digest is of what was wanted of the object.
	Objects map[string]string `json:"objects,omitempty"`
}

// Empty is true where nothing is remembered.
func (a Applied) Empty() bool { return len(a.Files)+len(a.Sysctls)+len(a.Objects) == 0 }
