// Command kubeadm is the real kubeadm, built as the peer that tests compare Keelway with. It is never shipped.
package main

import (
	"k8s.io/kubernetes/cmd/kubeadm/app"
	"k8s.io/kubernetes/cmd/kubeadm/app/util/errors"
)

func main() {
	errors.HandleError(app.Run())
}
