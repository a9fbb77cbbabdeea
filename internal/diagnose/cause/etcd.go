package cause

import "keelway.dev/keelway/internal/diagnose/evidence"

const dataDir = "/var/lib/etcd"

func etcdRules() []rule {
	etcd := []string{"etcd"}
	return []rule{
		{
			name: "etcd-corrupt", of: etcd,
			pattern: `crc mismatch|invalid database|checksum error|freepages: failed|failed to recover v3 backend|is out of range \[lastIndex|unexpected EOF|failed to read snapshot|database file .*corrupt`,
			say: func(evidence.Evidence, match) (string, string) {
				return "etcd's data in " + dataDir + " is damaged, as after a power cut or a copy of a running member",
					"on a machine that is alone, restore a snapshot (`etcdutl snapshot restore`) into " + dataDir + "; with other members, remove this member and join it again. Keep a copy of " + dataDir + " first"
			},
		},
		{
			name: "etcd-space", of: etcd,
			pattern: `database space exceeded|alarm:NOSPACE|alarm raised.*NOSPACE`,
			say: func(evidence.Evidence, match) (string, string) {
				return "etcd's database has reached its quota, so it takes no more writes",
					"compact and defragment it with etcdctl, then `etcdctl alarm disarm`; find what writes so much"
			},
		},
		{
			name: "etcd-foreign", of: etcd,
			pattern: `cluster ID mismatch|has already been bootstrapped|couldn't find local name|permanently removed from the cluster|(?:failed to find|unknown) (?:local )?member|member count is unequal`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the data in " + dataDir + " belongs to another cluster, or this member has been removed from its cluster",
					"if nothing in it is needed, run `keelway down`, which removes it; else restore the member or its snapshot. Then run `keelway up`"
			},
		},
		{
			name: "etcd-locked", of: etcd,
			pattern: `flocked by another process|cannot lock|file (?:is )?already locked`,
			say: func(evidence.Evidence, match) (string, string) {
				return "another etcd uses the same data in " + dataDir, "find it with `ps -C etcd -o pid,args` and stop it" + again
			},
		},
		{
			name: "etcd-data-dir", of: etcd,
			pattern: `cannot access data directory: (.+)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "etcd cannot use its data folder: " + m.group[1], "make " + dataDir + " a folder of root's with mode 0700" + again
			},
		},
	}
}
