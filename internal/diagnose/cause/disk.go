package cause

import (
	"fmt"

	"keelway.dev/keelway/internal/diagnose/evidence"
)

func diskRules() []rule {
	return []rule{
		{
			name:    "disk-full",
			pattern: `no space left on device|disk quota exceeded|ENOSPC`,
			say: func(e evidence.Evidence, _ match) (string, string) {
				mount, words := fullest(e)
				return "the disk is full" + words, "make room on " + mount + again
			},
		},
		{
			name:    "disk-pressure",
			pattern: `DiskPressure is True|NodeHasDiskPressure|low on resource: (?:ephemeral-storage|inodes|imagefs|nodefs)|node\.kubernetes\.io/disk-pressure|EvictionThresholdMet.*ephemeral-storage`,
			say: func(e evidence.Evidence, _ match) (string, string) {
				mount, words := fullest(e)
				return "the kubelet removes pods, and lets no new one start, because the disk is too full" + words,
					"make room on " + mount + " and wait for the condition DiskPressure to go, or lower evictionHard in /var/lib/kubelet/config.yaml" + again
			},
		},
		{
			name:    "memory-pressure",
			pattern: `low on resource: memory|MemoryPressure is True|NodeHasInsufficientMemory|node\.kubernetes\.io/memory-pressure`,
			say: func(evidence.Evidence, match) (string, string) {
				return "the machine is short of memory, so the kubelet removes pods", "give it more memory, or end what uses most of it (`ps aux --sort=-rss`)" + again
			},
		},
		{
			name:    "oom-killed",
			pattern: `OOMKilled|signal: killed|exit code 137`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "the kernel killed " + m.component + " because memory ran out (or somebody sent it SIGKILL)",
					"look for `Out of memory` in `dmesg`; give the machine more memory, or raise the pod's memory limit" + again
			},
		},
		{
			name:    "read-only",
			pattern: `(\S+): read-only file system`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return m.group[1] + " lies on a read-only file system", "mount it for writing; a disk with errors is made read-only by the kernel: look at `dmesg`" + again
			},
		},
	}
}

// fullest is the mount point with the least free space, and words about it.
func fullest(e evidence.Evidence) (mount, words string) {
	if len(e.Disks) == 0 {
		return "the disk below /var/lib", ""
	}
	least := e.Disks[0]
	for _, d := range e.Disks {
		if d.FreePercent() < least.FreePercent() {
			least = d
		}
	}
	return least.Mount, fmt.Sprintf(": %s has %d MB free (%.0f %%)", least.Mount, least.Available>>20, least.FreePercent())
}
