package haproxy

// Paths on a machine that is a load balancer and no node.
const (
	// Tar holds HAProxy and its libraries, a layer of the image.
	TarDir = "/usr/local/lib/keelway-haproxy"
	Tar    = TarDir + "/" + TarName
	// TarName is what the bundle calls it.
	TarName = "haproxy.tar"
	// Root is where it is unpacked at every start.
	Root         = "/var/lib/keelway-haproxy"
	HostDir      = "/etc/keelway-haproxy"
	HostConfig   = HostDir + "/haproxy.cfg"
	UnitFile     = "/usr/lib/systemd/system/" + Name + ".service"
	inRootConfig = "/haproxy.cfg"
)

// Unit runs HAProxy on a machine that is no node. It is changed to its own root
// by a program that every machine has, so that it needs nothing of the machine's
// libraries; it gives up root once it listens.
func Unit() []byte {
	return []byte(`[Unit]
Description=keelway HAProxy: the load balancer in front of the API servers
After=network-online.target
Wants=network-online.target

[Service]
ExecStartPre=/bin/tar -xf ` + Tar + ` -C ` + Root + ` --no-same-owner
ExecStartPre=/bin/cp ` + HostConfig + ` ` + Root + inRootConfig + `
ExecStart=/usr/sbin/chroot ` + Root + ` /usr/sbin/haproxy -db -f ` + inRootConfig + `
Restart=always
RestartSec=2
LimitNOFILE=65536
NoNewPrivileges=yes
ProtectSystem=strict
ReadWritePaths=` + Root + `
ProtectHome=yes
PrivateTmp=yes

[Install]
WantedBy=multi-user.target
`)
}
