package ssh

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/host"
)

// Quote makes a word that every POSIX shell reads as s itself.
func Quote(s string) string {
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}

const (
	// groupMark precedes a command's process group on its standard error.
	groupMark = "keelway: process group "
	// missingMark stands there in place of it when there is no such program.
	missingMark = "keelway: no such program: "
	// maxLine is what a kernel takes as one argument, with some room.
	maxLine = 120 << 10
)

// start is what runs in front of every command: it says which process group can
// be signalled, for sshd signals no process of root's, and then becomes the
// command. A shell that is not a login shell may lack the folders of system
// programs. $1 is the program, and what follows is what to execute.
const start = `cd /
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
command -v "$1" >/dev/null || { printf '` + missingMark + `%s\n' "$1" >&2; exit 127; }
shift
read -r pid comm state parent group rest </proc/$$/stat
printf '` + groupMark + `%s\n' "$group" >&2
exec "$@"`

// commandLine is the string that makes a remote shell run c and nothing else.
func commandLine(c host.Command, sudo bool) (string, error) {
	if len(c.Argv) == 0 {
		return "", fmt.Errorf("run: no command given")
	}
	name := c.Argv[0]
	words := []string{"/bin/sh", "-c", start, "sh", name}
	if sudo {
		words = append([]string{"sudo", "-n", "--"}, words...)
	}
	if len(c.Env) > 0 {
		if strings.Contains(name, "=") || strings.HasPrefix(name, "-") {
			return "", fmt.Errorf("run %s: env would not take that for a program's name", name)
		}
		words = append(words, "env")
		for _, e := range c.Env {
			if i := strings.IndexByte(e, '='); i < 1 || e[0] == '-' {
				return "", fmt.Errorf("run %s: %q is no environment variable", name, e)
			}
			words = append(words, e)
		}
	}
	words = append(words, c.Argv...)
	for _, w := range words {
		if strings.ContainsRune(w, 0) {
			return "", fmt.Errorf("run %s: an argument holds a zero byte", name)
		}
	}
	line := "exec " + quoteAll(words)
	if len(line) > maxLine {
		return "", fmt.Errorf("run %s: its arguments are %d bytes long; over SSH a command can have %d", name, len(line), maxLine)
	}
	return line, nil
}
