package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	node "go.yaml.in/yaml/v3"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"

	"keelway.dev/keelway/internal/config/check"
)

// document is one of a file's documents.
type document struct {
	file string
	// begin is the line of the file that the document's first is.
	begin          int
	Version, Kind  string
	json           []byte
	tree           *node.Node
	unknownVersion bool
}

var yamlLine = regexp.MustCompile(`line (\d+): `)

// split parses a file's documents, and refuses what says no kind, or a kind
// that another document has.
func split(file string, text []byte) (documents []document, problems []Problem) {
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(text)))
	begin, seen := 1, map[string]bool{}
	for {
		part, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return documents, problems
		}
		if err != nil {
			return documents, append(problems, Problem{File: file, Problem: check.Problem{Message: err.Error()}})
		}
		d := document{file: file, begin: begin}
		begin += bytes.Count(part, []byte("\n")) + 1
		if len(bytes.TrimSpace(withoutComments(part))) == 0 {
			continue
		}
		fail := func(line int, format string, args ...any) {
			problems = append(problems, Problem{File: file, Line: line, Kind: d.Kind, Problem: check.Problem{Message: fmt.Sprintf(format, args...)}})
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
		if d.json, err = yaml.YAMLToJSONStrict(part); err != nil {
			line := 0
			if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
				n, _ := strconv.Atoi(m[1])
				line = d.begin + n - 1
			}
			fail(line, "%s", strings.Join(strings.Fields(err.Error()), " "))
			continue
		}
		var meta struct{ APIVersion, Kind string }
		if err := yaml.Unmarshal(d.json, &meta); err != nil {
			fail(d.begin, "it has no apiVersion and kind: %v", err)
			continue
		}
		d.Version, d.Kind = meta.APIVersion, meta.Kind
		switch {
		case d.Kind == "" || !strings.Contains(d.Version, "/"):
			fail(d.begin, "apiVersion and kind are needed: they are %q and %q", d.Version, d.Kind)
			continue
		case seen[d.Kind]:
			fail(d.begin, "there are two documents of kind %s: keep one", d.Kind)
			continue
		}
		seen[d.Kind] = true
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

// line finds the line of a field by its path; exact is false where only a
// field around it was found. A document without the field has its first line.
func (d document) line(path string) (line int, exact bool) {
	at := d.tree
	if at != nil && at.Kind == node.DocumentNode && len(at.Content) > 0 {
		at = at.Content[0]
	}
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

// child is a field's value and the line of its name, or an item of a list.
func child(at *node.Node, part string) (*node.Node, int) {
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
