// Package document parses files of YAML documents, and knows the line of every field in them.
package document

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	node "go.yaml.in/yaml/v3"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// Document is one of a file's documents.
type Document struct {
	File          string
	Version, Kind string
	// JSON is what the document says, without its comments.
	JSON []byte

	// begin is the line of the file that the document's first is.
	begin int
	tree  *node.Node
}

// Problem is one thing that is wrong in a file.
type Problem struct {
	File string
	// Line is where it stands; 0 where no line has it.
	Line int
	// Kind is the document's, such as "ClusterConfiguration"; Path the field's,
	// such as "networking.podSubnet". They are "" for what is wrong as a whole.
	Kind, Path string
	// Message says what is wrong, and what to write instead.
	Message string
}

// String is "file:line: Kind field: message".
func (p Problem) String() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	b.WriteString(": ")
	for _, part := range []string{p.Kind, p.Path} {
		if part != "" {
			b.WriteString(part + " ")
		}
	}
	text := strings.TrimSuffix(b.String(), " ")
	if !strings.HasSuffix(text, ":") {
		text += ":"
	}
	return text + " " + p.Message
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// Split parses a file's documents, and refuses what says no kind, or a kind
// that another document has.
func Split(file string, text []byte) (documents []Document, problems []Problem) {
	seen := map[string]bool{}
	return parse(file, text, func(d Document) string {
		switch {
		case d.Kind == "" || !strings.Contains(d.Version, "/"):
			return fmt.Sprintf("apiVersion and kind are needed: they are %q and %q", d.Version, d.Kind)
		case seen[d.Kind]:
			return fmt.Sprintf("there are two documents of kind %s: keep one", d.Kind)
		}
		seen[d.Kind] = true
		return ""
	})
}

// Objects parses a file of objects of the API, as many of a kind as there are.
func Objects(file string, text []byte) (documents []Document, problems []Problem) {
	return parse(file, text, func(d Document) string {
		if d.Kind == "" || d.Version == "" {
			return fmt.Sprintf("apiVersion and kind are needed: they are %q and %q", d.Version, d.Kind)
		}
		return ""
	})
}

// parse keeps the documents that refuse has no words against.
func parse(file string, text []byte, refuse func(Document) string) (documents []Document, problems []Problem) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	begin := 1
	for {
		part, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, problems
		}
		if err != nil {
			return documents, append(problems, Problem{File: file, Message: err.Error()})
		}
		d := Document{File: file, begin: begin}
		begin += bytes.Count(part, []byte("\n")) + 1
		if len(bytes.TrimSpace(withoutComments(part))) == 0 {
			continue
		}
		fail := func(line int, format string, args ...any) {
			problems = append(problems, Problem{File: file, Line: line, Kind: d.Kind, Message: fmt.Sprintf(format, args...)})
		}
		d.tree = &node.Node{}
		if err := node.Unmarshal(part, d.tree); err != nil {
			line := 0
			words := strings.TrimPrefix(err.Error(), "yaml: ")
			if m := yamlLine.FindStringSubmatch(words); m != nil {
				n, _ := strconv.Atoi(m[1])
				line, words = d.begin+n-1, strings.Replace(words, m[0], "", 1)
			}
			fail(line, "it is not YAML: %s", words)
			continue
		}
		if d.JSON, err = yaml.YAMLToJSONStrict(part); err != nil {
			line := 0
			if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
				n, _ := strconv.Atoi(m[1])
				line = d.begin + n - 1
			}
			fail(line, "%s", strings.Join(strings.Fields(err.Error()), " "))
			continue
		}
		var meta struct{ APIVersion, Kind string }
		if err := json.Unmarshal(d.JSON, &meta); err != nil {
			fail(d.begin, "it has no apiVersion and kind: %v", err)
			continue
		}
		d.Version, d.Kind = meta.APIVersion, meta.Kind
		if words := refuse(d); words != "" {
			fail(d.begin, "%s", words)
			continue
		}
		documents = append(documents, d)
	}
}

func withoutComments(text []byte) []byte {
	var kept []byte
	for line := range bytes.Lines(text) {
		if trimmed := bytes.TrimSpace(line); !bytes.HasPrefix(trimmed, []byte("#")) && !bytes.Equal(trimmed, []byte("---")) {
			kept = append(kept, line...)
		}
	}
	return kept
}

var pathPart = regexp.MustCompile(`[^.\[\]]+|\[\d+\]`)

// Line finds the line of a field by its path; exact is false where only a
// field around it was found. A document without the field has its first line.
func (d Document) Line(path string) (line int, exact bool) {
	at := d.root()
	if at == nil {
		return d.begin, false
	}
	line = at.Line
	parts := pathPart.FindAllString(path, -1)
	for i, part := range parts {
		next, where := child(at, part)
		if next == nil {
			return d.begin + line - 1, false
		}
		at, line = next, where
		if i == len(parts)-1 {
			return d.begin + line - 1, true
		}
	}
	return d.begin + line - 1, false
}

// root is the value that the document is, nil if it has none.
func (d Document) root() *node.Node {
	if d.tree != nil && d.tree.Kind == node.DocumentNode && len(d.tree.Content) > 0 {
		return d.tree.Content[0]
	}
	return d.tree
}

// child is a field's value and the line of its name, or an item of a list.
func child(at *node.Node, part string) (*node.Node, int) {
	if at.Kind == node.AliasNode {
		at = at.Alias
	}
	switch at.Kind {
	case node.MappingNode:
		for i := 0; i+1 < len(at.Content); i += 2 {
			if at.Content[i].Value == part {
				return at.Content[i+1], at.Content[i].Line
			}
		}
	case node.SequenceNode:
		n, err := strconv.Atoi(strings.Trim(part, "[]"))
		if err == nil && n < len(at.Content) {
			return at.Content[n], at.Content[n].Line
		}
	}
	return nil, 0
}
