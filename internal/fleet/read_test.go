package fleet

import "testing"

func TestClientCertificate(t *testing.T) {
	for text, want := range map[string]string{
		"users:\n- name: default-auth\n  user:\n    client-certificate: /var/lib/kubelet/pki/kubelet-client-current.pem\n    client-key: /k\n": "/var/lib/kubelet/pki/kubelet-client-current.pem",
		"users:\n- name: system:node:cp1\n  user:\n    client-certificate-data: LS0t\n    client-key-data: LS0t\n":                             "",
		"": "",
	} {
		if got := clientCertificate(text); got != want {
			t.Errorf("%q names %q, want %q", text, got, want)
		}
	}
}
