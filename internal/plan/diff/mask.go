package diff

import (
	"regexp"
	"strings"
)

// mask hides what is secret in texts that are shown.
type mask struct {
	// seen are the values that were hidden in what is there now; compare tells,
	// of a hidden value that is not among them, that it is another one.
	seen    map[string]bool
	compare bool
}

const (
	hidden  = "(hidden)"
	another = "(hidden, another one)"
)

// secretish ends the name of a field, flag or variable whose value is nobody's
// business.
const secretish = `(?i:password|passwd|passphrase|token|secret|credentials?|private[_-]?key|api[_-]?key|access[_-]?key|key[_-]?data|certificate-data|authority-data)`

var (
	// field is "name: value", "--name=value" or "NAME=value".
	field = regexp.MustCompile(`^([\s-]*["']?[\w./-]*` + secretish + `["']?\s*[:=]\s*)(\S.*)$`)
	// pair is an environment variable of a pod, whose value is in the next line.
	pair      = regexp.MustCompile(`^[\s-]*name:\s*["']?\w*` + secretish + `["']?\s*$`)
	begin     = regexp.MustCompile(`-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----`)
	user      = regexp.MustCompile(`://[^/\s@]+@`)
	bootstrap = regexp.MustCompile(`\b([a-z0-9]{6})\.([a-z0-9]{16})\b`)
	// harmless is a path of the system, a switch or a duration.
	harmless = regexp.MustCompile(`^["']?(/(etc|var|run|usr|opt|srv|root|home)/.*|true|false|null|([0-9.]+(ms|s|m|h))+|\{\}|\[\])["']?$`)
	block    = regexp.MustCompile(`^[|>][+-]?$`)
)

// Hide returns a text without what looks like a secret in it.
func Hide(text string) string { return mask{seen: map[string]bool{}}.hide(text) }

// hide returns the text without its secrets.
func (m mask) hide(text string) string {
	list := strings.Split(text, "\n")
	inKey, inPair, inBlock := false, false, -1
	for i, line := range list {
		if inBlock >= 0 && (strings.TrimSpace(line) == "" || len(indentOf(line)) > inBlock) {
			list[i] = m.whole(line)
			continue
		}
		inBlock = -1
		if inKey || begin.MatchString(line) {
			first := !inKey
			if inKey = !strings.Contains(line, "-----END "); !first || !inKey {
				list[i] = m.whole(line)
			}
			continue
		}
		list[i] = m.line(line, inPair)
		inPair = pair.MatchString(line)
		if f := field.FindStringSubmatch(line); f != nil && block.MatchString(f[2]) {
			list[i], inBlock = line, len(indentOf(line))
		}
	}
	return strings.Join(list, "\n")
}

// line hides what one line says; value is true after an environment variable
// with a name that tells of a secret.
func (m mask) line(line string, value bool) string {
	secret := func(words string) bool { return !harmless.MatchString(strings.TrimSpace(words)) }
	if name, words, ok := strings.Cut(line, "value:"); value && ok && secret(words) {
		return name + "value: " + m.word(words)
	}
	if f := field.FindStringSubmatch(line); f != nil && secret(f[2]) {
		return f[1] + m.word(f[2])
	}
	line = user.ReplaceAllStringFunc(line, func(found string) string { return "://" + m.word(found) + "@" })
	return bootstrap.ReplaceAllStringFunc(line, func(found string) string { return found[:6] + "." + m.word(found) })
}

func (m mask) whole(line string) string {
	if strings.TrimSpace(line) == "" {
		return line
	}
	return indentOf(line) + m.word(line)
}

// word stands for a secret.
func (m mask) word(secret string) string {
	secret = strings.Trim(strings.TrimSpace(secret), `"'`)
	if m.compare && !m.seen[secret] {
		return another
	}
	m.seen[secret] = true
	return hidden
}

func indentOf(line string) string { return line[:len(line)-len(strings.TrimLeft(line, " \t"))] }
