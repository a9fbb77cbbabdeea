package check

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDependencies holds docs/dependencies.md to the modules: every direct
// dependency has a row in the table of its module, and no row is left over.
func TestDependencies(t *testing.T) {
	tables := tables(read(t, "docs/dependencies.md"))
	known := map[string][]string{} // by heading
	for _, module := range modules(t) {
		out, err := run(t, module, nil, "go", "mod", "edit", "-json")
		if err != nil {
			t.Fatalf("go mod edit in %s: %v\n%s", module, err, out)
		}
		direct := direct(t, out)
		heading := ""
		for name := range tables {
			if ok, _ := path.Match(name, module); ok {
				heading = name
			}
		}
		known[heading] = append(known[heading], direct...)
		if missing := without(direct, tables[heading]); len(missing) > 0 {
			t.Errorf("docs/dependencies.md: the table of `%s` has no row for %v: say what each is for", module, missing)
		}
	}
	for heading, rows := range tables {
		if strings.HasPrefix(heading, "Debian") {
			continue
		}
		if left := without(rows, known[heading]); len(left) > 0 {
			t.Errorf("docs/dependencies.md: the table of `%s` has rows for %v, which are no direct dependencies", heading, left)
		}
	}
}

// TestDebianPackages does the same for the packages that the bundle holds and
// that a build needs.
func TestDebianPackages(t *testing.T) {
	tables := tables(read(t, "docs/dependencies.md"))
	var recipe []string
	for _, m := range regexp.MustCompile(`(?m)^    (?:debian: \[(.*)\]|certificates: (.*))$`).FindAllStringSubmatch(read(t, "components/recipe.yaml"), -1) {
		recipe = append(recipe, strings.Split(m[1]+m[2], ", ")...)
	}
	if len(recipe) < 2 {
		t.Fatal("components/recipe.yaml has no lists of Debian packages")
	}
	want := map[string][]string{
		"Debian packages in the bundle":         recipe,
		"Debian packages to build and run with": {"golang-go"},
	}
	const build = "Debian packages to build and run with"
	for _, m := range regexp.MustCompile(`(?m)^([a-z][a-z0-9-]+)  +#|^([a-z0-9]+-dev)$`).FindAllStringSubmatch(read(t, "tools/setup/deps.sh"), -1) {
		want[build] = append(want[build], m[1]+m[2])
	}
	for heading, packages := range want {
		if missing, left := without(packages, tables[heading]), without(tables[heading], packages); len(missing)+len(left) > 0 || len(packages) == 0 {
			t.Errorf("docs/dependencies.md, %s: no row for %v, and rows too many for %v", heading, missing, left)
		}
	}
}

// without returns what is in list and not in other.
func without(list, other []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return slices.Contains(other, s) })
}

// direct lists the modules that a go.mod asks for directly, or runs a tool of.
func direct(t *testing.T, goMod string) []string {
	t.Helper()
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Tool []struct{ Path string }
	}
	if err := json.Unmarshal([]byte(goMod), &mod); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, r := range mod.Require {
		tool := false
		for _, program := range mod.Tool {
			tool = tool || program.Path == r.Path || strings.HasPrefix(program.Path, r.Path+"/")
		}
		if own := strings.HasPrefix(r.Path, "keelway.dev/"); !own && (tool || !r.Indirect) {
			list = append(list, r.Path)
		}
	}
	return list
}

var (
	heading = regexp.MustCompile("^### (?:`([^`]+)`|(Debian .*))$")
	row     = regexp.MustCompile("^\\| `([^`]+)` \\| \\S.*\\|")
)

// tables returns the first column of the table below each heading that names
// a module, or a pattern of modules, or a list of Debian packages.
func tables(markdown string) map[string][]string {
	found := map[string][]string{}
	under := ""
	for line := range strings.Lines(markdown) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "#") {
			under = ""
		}
		if m := heading.FindStringSubmatch(line); m != nil {
			under = m[1] + m[2]
		}
		if m := row.FindStringSubmatch(line); m != nil && under != "" {
			found[under] = append(found[under], m[1])
		}
	}
	return found
}

var link = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks follows every relative link of every document.
func TestLinks(t *testing.T) {
	for _, file := range files(t, "*.md") {
		for _, m := range link.FindAllStringSubmatch(read(t, file), -1) {
			target, _, _ := strings.Cut(m[1], "#")
			if target == "" || strings.Contains(target, ":") {
				continue
			}
			if _, err := os.Stat(filepath.Join(root, filepath.Dir(file), target)); err != nil {
				t.Errorf("%s links to %s: %v", file, target, err)
			}
		}
	}
}
