package load

import (
	"bytes"

	"keelway.dev/keelway/internal/config"
)

// Write is the completed set as documents of v1beta4, in the order and with the
// bytes of `kubeadm config migrate`. The kubelet's and kube-proxy's documents
// are not kubeadm's, and are left out as it leaves them out.
func (s *Set) Write() []byte {
	var documents [][]byte
	if s.Init != nil {
		documents = append(documents, config.Marshal(s.Init), config.Marshal(s.Cluster))
	}
	if s.Join != nil {
		documents = append(documents, config.Marshal(s.Join))
	}
	if s.Reset != nil {
		documents = append(documents, config.Marshal(s.Reset))
	}
	if s.Upgrade != nil {
		documents = append(documents, config.Marshal(s.Upgrade))
	}
	return bytes.Join(documents, []byte("---\n"))
}
