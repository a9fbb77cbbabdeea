package desired

// Paths lists every path that the resource owns, in the order of writing.
func (r Resource) Paths() []string {
	var paths []string
	for _, f := range r.Files {
		paths = append(paths, f.Path)
	}
	if r.Certificate != nil {
		paths = append(paths, r.Certificate.KeyPath(), r.Certificate.CertPath())
	}
	if r.Keypair != nil {
		paths = append(paths, r.Keypair.Private, r.Keypair.Public)
	}
	if r.Kubeconfig != nil {
		if r.Kubeconfig.ClientFile != "" {
			paths = append(paths, r.Kubeconfig.ClientFile)
		}
		paths = append(paths, r.Kubeconfig.Path)
	}
	if r.Key != nil {
		paths = append(paths, r.Key.Path)
	}
	if r.Bootstrap != nil {
		paths = append(paths, r.Bootstrap.Path)
	}
	if r.Member != nil {
		paths = append(paths, r.Member.Manifest.Path)
	}
	if r.Rotation != nil {
		paths = append(paths, r.Rotation.Kubeconfig)
	}
	if r.Residue != nil && (r.Residue.Kind == ResidueRestore || r.Residue.Kind == ResiduePaths || r.Residue.Kind == ResidueEmpty) {
		paths = append(paths, r.Residue.Targets...)
	}
	return paths
}
