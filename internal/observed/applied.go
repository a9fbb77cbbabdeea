package observed

// Applied is what an apply wrote on a host and through it in the cluster when it
// last ended well. It decides nothing: it only tells who has changed what differs.
// A digest is a sha256 in hex, a path or key that is absent was not written.
type Applied struct {
	Files   map[string]string `json:"files,omitempty"`
	Sysctls map[string]string `json:"sysctls,omitempty"`
	// Objects are by ObjectKey; the digest is of what was wanted of the object.
	Objects map[string]string `json:"objects,omitempty"`
}

// Empty is true where nothing is remembered.
func (a Applied) Empty() bool { return len(a.Files)+len(a.Sysctls)+len(a.Objects) == 0 }
