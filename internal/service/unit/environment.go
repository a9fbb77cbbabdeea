package unit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Expand returns the command's words with the environment put in by
// systemd.service(5): "${NAME}" anywhere becomes the value, "$NAME" as a word
// of its own becomes the value's words (none when it is empty or unset), and
// "$$" is a dollar sign. The program itself is never replaced.
func (e Exec) Expand(env map[string]string) ([]string, error) {
	if e.Verbatim {
		return e.Argv, nil
	}
	out := []string{e.Argv[0]}
	for _, w := range e.Argv[1:] {
		if name, ok := strings.CutPrefix(w, "$"); ok && variable(name) {
			words, err := split(env[name])
			if err != nil {
				return nil, fmt.Errorf("the value of $%s: %w", name, err)
			}
			out = append(out, words...)
			continue
		}
		out = append(out, braces(w, env))
	}
	return out, nil
}

func braces(w string, env map[string]string) string {
	if !strings.Contains(w, "$") {
		return w
	}
	var out strings.Builder
	for i := 0; i < len(w); i++ {
		if w[i] != '$' || i+1 == len(w) {
			out.WriteByte(w[i])
			continue
		}
		if w[i+1] == '$' {
			out.WriteByte('$')
			i++
			continue
		}
		if w[i+1] == '{' {
			if end := strings.IndexByte(w[i:], '}'); end > 2 && variable(w[i+2:i+end]) {
				out.WriteString(env[w[i+2:i+end]])
				i += end
				continue
			}
		}
		out.WriteByte('$')
	}
	return out.String()
}

// Env returns the variables of the unit over those of base: Environment=, then
// each EnvironmentFile= in order, the later one winning.
func (u Unit) Env(base map[string]string) (map[string]string, error) {
	env := map[string]string{}
	for k, v := range base {
		env[k] = v
	}
	for _, a := range u.Environment {
		name, value, _ := strings.Cut(a, "=")
		env[name] = value
	}
	for _, f := range u.EnvFiles {
		paths := []string{f.Path}
		if strings.ContainsAny(f.Path, "*?[") {
			var err error
			if paths, err = filepath.Glob(f.Path); err != nil {
				return nil, fmt.Errorf("EnvironmentFile=%s: %w", f.Path, err)
			}
			if len(paths) == 0 && !f.Optional {
				return nil, fmt.Errorf("EnvironmentFile=%s: %w", f.Path, fs.ErrNotExist)
			}
		}
		for _, p := range paths {
			data, err := os.ReadFile(p)
			if f.Optional && errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("EnvironmentFile=%s: %w", f.Path, err)
			}
			for _, a := range assignments(string(data)) {
				env[a[0]] = a[1]
			}
		}
	}
	return env, nil
}

// assignments reads an environment file: NAME=value lines and comments ("#",
// ";"). A backslash outside quotes escapes any character, and at a line's end
// joins the next line. Quotes count where a value (or the rest of one after a
// closing quote) begins, hold line ends, and are taken away; in double quotes a
// backslash escapes only "\`$ and itself. Inside an unquoted value quotes are
// plain characters. What is no assignment is passed over. All as systemd does.
func assignments(text string) [][2]string {
	var found [][2]string
	text = strings.ReplaceAll(text, "\r\n", "\n")
	for {
		text = strings.TrimLeft(text, " \t\n\r")
		if text == "" {
			return found
		}
		at := strings.IndexAny(text, "=\n")
		if text[0] == '#' || text[0] == ';' || at < 0 || text[at] == '\n' {
			_, text, _ = strings.Cut(text, "\n")
			continue
		}
		name := strings.TrimSpace(text[:at])
		r := valueReader{text: text[at+1:]}
		value := r.value()
		if variable(name) {
			found = append(found, [2]string{name, value})
		}
		text = r.text[r.at:]
	}
}

// valueReader reads one value of an environment file.
type valueReader struct {
	text string
	at   int
	out  strings.Builder
}

// next returns the next byte; false at the end.
func (r *valueReader) next() (byte, bool) {
	if r.at == len(r.text) {
		return 0, false
	}
	r.at++
	return r.text[r.at-1], true
}

func (r *valueReader) value() string {
	for {
		c, ok := r.next()
		switch {
		case !ok || c == '\n':
			return r.out.String()
		case c == '\'':
			r.single()
		case c == '"':
			r.double()
		case c == ' ' || c == '\t' || c == '\r':
		default:
			r.at--
			r.plain()
			return r.out.String()
		}
	}
}

func (r *valueReader) single() {
	for c, ok := r.next(); ok && c != '\''; c, ok = r.next() {
		r.out.WriteByte(c)
	}
}

func (r *valueReader) double() {
	for c, ok := r.next(); ok && c != '"'; c, ok = r.next() {
		if c != '\\' {
			r.out.WriteByte(c)
			continue
		}
		c, ok = r.next()
		if !ok || c == '\n' {
			continue
		}
		if !strings.ContainsRune("\"\\`$", rune(c)) {
			r.out.WriteByte('\\')
		}
		r.out.WriteByte(c)
	}
}

// plain reads to the line's end and leaves out space before that.
func (r *valueReader) plain() {
	var space strings.Builder
	for c, ok := r.next(); ok && c != '\n'; c, ok = r.next() {
		if c == ' ' || c == '\t' || c == '\r' {
			space.WriteByte(c)
			continue
		}
		if c == '\\' {
			if c, ok = r.next(); !ok || c == '\n' {
				continue
			}
		}
		r.out.WriteString(space.String())
		space.Reset()
		r.out.WriteByte(c)
	}
}

// variable tells whether a word can be the name of a variable.
func variable(name string) bool {
	for i, c := range name {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return name != ""
}
