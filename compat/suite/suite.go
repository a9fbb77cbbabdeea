// Package suite asks for upstream's own tests of a kubeadm cluster, so that their module is locked here; `make kubeadm-suite` compiles them.
package suite

import _ "k8s.io/kubernetes/test/e2e_kubeadm" // its test binary is what is wanted
