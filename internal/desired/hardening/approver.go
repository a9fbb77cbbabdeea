package hardening

import "keelway.dev/keelway/internal/cluster"

// The approver of the kubelets' serving certificates.
const (
	ApproverUser       = "keelway:approver"
	ApproverKubeconfig = "/etc/kubernetes/keelway-approver.conf"
	ApproverUnitFile   = "/usr/lib/systemd/system/keelway-approver.service"
)

// ApproverUnit runs the approver on a control plane.
func ApproverUnit(m *cluster.Model) []byte {
	n := m.Cluster.Networking
	args := " --range=" + n.PodSubnet + "," + n.ServiceSubnet + " --service-dns-domain=" + n.DNSDomain
	if m.Cluster.ControlPlaneEndpoint != "" {
		args += " --control-plane-endpoint=" + m.Cluster.ControlPlaneEndpoint
	}
	return []byte(`[Unit]
Description=keelway approver: signs the kubelets' serving certificates after checking them
After=network-online.target kubelet.service
Wants=network-online.target

[Service]
ExecStart=/usr/local/bin/keelway approver --kubeconfig ` + ApproverKubeconfig + args + `
` + m.Tuning.UnitLines() + `Restart=always
RestartSec=2
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes

[Install]
WantedBy=multi-user.target
`)
}
