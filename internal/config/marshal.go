package config

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// Marshal writes an object as YAML with sorted keys: the bytes that kubeadm
// writes. It panics on what no value of these packages can hold, such as a
// channel, because that is a defect of the program and of no input.
func Marshal(object any) []byte {
	data, err := yaml.Marshal(object)
	if err != nil {
		panic(fmt.Sprintf("cannot write a %T as YAML: %v", object, err))
	}
	return data
}
