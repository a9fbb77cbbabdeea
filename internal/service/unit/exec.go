package unit

import (
	"fmt"
	"os"
	"strings"
)

// execs adds the commands of one Exec line; ";" as a word of its own parts
// them, and an empty line drops those before it.
func (p *parser) execs(old []Exec, value string) ([]Exec, error) {
	if value == "" {
		return nil, nil
	}
	for _, line := range commands(value) {
		words, err := split(line)
		if err != nil {
			return nil, err
		}
		if len(words) == 0 {
			continue
		}
		for i, w := range words {
			if words[i], err = p.specifiers(w); err != nil {
				return nil, err
			}
		}
		e := Exec{}
		named := false
		path := strings.TrimLeftFunc(words[0], func(r rune) bool {
			switch r {
			case '-':
				e.MayFail = true
			case ':':
				e.Verbatim = true
			case '@':
				named = true
			case '+', '!', '|': // full privileges, which every service has here
			default:
				return false
			}
			return true
		})
		if path == "" {
			return nil, fmt.Errorf("%q names no program", line)
		}
		e.Path = path
		e.Argv = append([]string{path}, words[1:]...)
		if named {
			if len(words) < 2 {
				return nil, fmt.Errorf("%q needs a name after the program", line)
			}
			e.Argv = words[1:]
		}
		old = append(old, e)
	}
	return old, nil
}

// commands cuts at each ";" that stands alone and unquoted; "\;" is a plain
// semicolon.
func commands(value string) []string {
	var lines []string
	quote := byte(0)
	start := 0
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'':
			quote = c
		case c == ';' && alone(value, i):
			lines = append(lines, value[start:i])
			start = i + 1
		}
	}
	lines = append(lines, value[start:])
	for i, l := range lines {
		lines[i] = strings.ReplaceAll(l, ` \;`, ` ;`)
	}
	return lines
}

func alone(s string, i int) bool {
	space := func(c byte) bool { return c == ' ' || c == '\t' }
	return (i == 0 || space(s[i-1])) && (i+1 == len(s) || space(s[i+1]))
}

// specifiers replaces %n and its like; an unknown one is an error, because a
// program would be given something else than its unit's author meant.
func (p *parser) specifiers(s string) (string, error) {
	if !strings.Contains(s, "%") {
		return s, nil
	}
	prefix, instance, _ := strings.Cut(p.u.Name, "@")
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' || i+1 == len(s) {
			out.WriteByte(s[i])
			continue
		}
		i++
		switch s[i] {
		case '%':
			out.WriteByte('%')
		case 'n':
			out.WriteString(p.u.Name + suffix)
		case 'N':
			out.WriteString(p.u.Name)
		case 'p':
			out.WriteString(prefix)
		case 'i', 'I':
			out.WriteString(instance)
		case 't':
			out.WriteString("/run")
		case 'S':
			out.WriteString("/var/lib")
		case 'C':
			out.WriteString("/var/cache")
		case 'L':
			out.WriteString("/var/log")
		case 'E':
			out.WriteString("/etc")
		case 'T':
			out.WriteString("/tmp")
		case 'V':
			out.WriteString("/var/tmp")
		case 'h':
			out.WriteString("/root")
		case 'u':
			out.WriteString("root")
		case 'U':
			out.WriteString("0")
		case 'H':
			name, err := os.Hostname()
			if err != nil {
				return "", err
			}
			out.WriteString(name)
		default:
			return "", fmt.Errorf("specifier %%%c is not supported", s[i])
		}
	}
	return out.String(), nil
}
