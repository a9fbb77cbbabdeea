package build

import (
	"encoding/binary"
	"io/fs"
	"path"

	"keelway.dev/keelway/internal/bundle/assemble"
)

// capabilityNumber is the kernel's number of a capability that a recipe may
// name; -1 for any other.
func capabilityNumber(name string) int {
	if name == "cap_net_bind_service" {
		return 10
	}
	return -1
}

// fileCapability is the value of security.capability that makes a capability
// permitted and effective: struct vfs_cap_data, revision 2, of linux/capability.h.
func fileCapability(name string) []byte {
	const revision2, effective = 0x02000000, 1
	value := binary.LittleEndian.AppendUint32(nil, revision2|effective)
	value = binary.LittleEndian.AppendUint32(value, 1<<capabilityNumber(name)) // permitted, 0 to 31
	return append(value, make([]byte, 12)...)                                  // inheritable, and 32 to 63
}

// accounts are the files that programs expect of any root file system.
func accounts() []assemble.Entry {
	return []assemble.Entry{
		{Name: "etc/passwd", Mode: 0o644, Content: []byte("root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n")},
		{Name: "etc/group", Mode: 0o644, Content: []byte("root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n")},
		{Name: "etc/nsswitch.conf", Mode: 0o644, Content: []byte("hosts: files dns\n")},
		{Name: "tmp", Mode: fs.ModeDir | fs.ModeSticky | 0o777},
		{Name: "root", Mode: fs.ModeDir | 0o700},
		{Name: "var/run", Mode: fs.ModeSymlink | 0o777, Link: "/run"},
		{Name: "run", Mode: fs.ModeDir | 0o755},
	}
}

// programEntries are the layer's programs and the links to them.
func (l Layer) programEntries(recipe Recipe, compiled map[string]string) []assemble.Entry {
	var entries []assemble.Entry
	for name, program := range l.Files {
		entry := assemble.Entry{Name: name, Mode: 0o755, Path: compiled[program]}
		if l.Capability != "" {
			entry.Capability = fileCapability(l.Capability)
		}
		entries = append(entries, entry)
		p, _ := recipe.Program(program)
		for _, call := range p.Calls {
			if link := path.Join(path.Dir(name), call); link != name {
				entries = append(entries, assemble.Entry{Name: link, Mode: fs.ModeSymlink | 0o777, Link: path.Base(name)})
			}
		}
	}
	return entries
}
