// Package cni says which CNI plugins and which network configuration a host has.
package cni

// Where the container runtime looks.
const (
	BinDir   = "/opt/cni/bin"
	ConfDir  = "/etc/cni/net.d"
	ConfFile = ConfDir + "/10-flannel.conflist"
)

// Plugins are the programs of a pod's network, in the order of their use.
// Nothing calls bandwidth until a user adds it to the configuration list; it is
// here because flannel's image, which may install them too, has it.
func Plugins() []string {
	return []string{"loopback", "flannel", "bridge", "host-local", "portmap", "bandwidth"}
}

// Config is flannel's own network configuration list. It names no address:
// the flannel plugin reads this node's range from /run/flannel/subnet.env.
func Config() string {
	return `{
  "name": "cbr0",
  "cniVersion": "0.3.1",
  "plugins": [
    {
      "type": "flannel",
      "delegate": {
        "hairpinMode": true,
        "isDefaultGateway": true
      }
    },
    {
      "type": "portmap",
      "capabilities": {
        "portMappings": true
      }
    }
  ]
}
`
}
