package ansible

import (
	"fmt"
	"strconv"
	"strings"
)

// readINI reads sections of hosts with their variables, of children (`:children`)
// and of a group's variables (`:vars`).
func (i *Inventory) readINI(f File) error {
	section, part := "ungrouped", ""
	for n, line := range strings.Split(string(f.Text), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		if strings.HasPrefix(line, "[") && !strings.Contains(line, " ") || strings.HasPrefix(line, "[") && strings.HasSuffix(line, "]") {
			name, end := strings.CutSuffix(line[1:], "]")
			if !end {
				return fmt.Errorf("%s:%d: the section %s has no end", f.Path, n+1, line)
			}
			section, part, _ = strings.Cut(name, ":")
			i.group(section)
			continue
		}
		fields, err := split(line)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", f.Path, n+1, err)
		}
		if len(fields) == 0 {
			continue
		}
		g := i.group(section)
		switch part {
		case "":
			for _, host := range expand(fields[0]) {
				i.join(g, host)
				for _, field := range fields[1:] {
					name, value, ok := strings.Cut(field, "=")
					if !ok {
						return fmt.Errorf("%s:%d: %q is no variable of host %s, such as ip=192.0.2.1", f.Path, n+1, field, host)
					}
					i.host(host)[name] = Value{guess(value), f.Path}
				}
			}
		case "children":
			g.children = append(g.children, strings.ReplaceAll(fields[0], "-", "_"))
		case "vars":
			name, value, ok := strings.Cut(line, "=")
			if !ok {
				return fmt.Errorf("%s:%d: %q is no variable of group %s, such as a=b", f.Path, n+1, line, section)
			}
			g.vars[strings.TrimSpace(name)] = Value{guess(strings.Trim(strings.TrimSpace(value), `"'`)), f.Path}
		default:
			return fmt.Errorf("%s:%d: a section is a group, or one with :children or :vars, not :%s", f.Path, n+1, part)
		}
	}
	return nil
}

// split cuts a line into words as a shell does; a comment ends it.
func split(line string) ([]string, error) {
	var fields []string
	var b strings.Builder
	var quote rune
	begun := false
	end := func() {
		if begun {
			fields = append(fields, b.String())
		}
		b.Reset()
		begun = false
	}
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			b.WriteRune(r)
		case r == '"' || r == '\'':
			quote, begun = r, true
		case r == ' ' || r == '\t':
			end()
		case r == '#' && !begun:
			return fields, nil
		default:
			b.WriteRune(r)
			begun = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %c has no end", quote)
	}
	end()
	return fields, nil
}

// guess is the value that Ansible takes a text of an INI file for.
func guess(text string) any {
	switch text {
	case "True", "true", "yes":
		return true
	case "False", "false", "no":
		return false
	}
	if n, err := strconv.Atoi(text); err == nil && strconv.Itoa(n) == text {
		return n
	}
	return text
}

// expand writes out a range: node[1:3] is node1, node2 and node3, and
// node[01:03] keeps the zeros.
func expand(pattern string) []string {
	head, rest, ok := strings.Cut(pattern, "[")
	bounds, tail, ok2 := strings.Cut(rest, "]")
	first, last, ok3 := strings.Cut(bounds, ":")
	a, err := strconv.Atoi(first)
	z, err2 := strconv.Atoi(last)
	if !ok || !ok2 || !ok3 || err != nil || err2 != nil || z < a || z-a > 10000 {
		return []string{pattern}
	}
	var names []string
	for n := a; n <= z; n++ {
		names = append(names, fmt.Sprintf("%s%0*d%s", head, len(first), n, tail))
	}
	return names
}
