package cli

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/config"
)

// argList is a flag of more flags, as name=value with commas: in the user's
// order, and twice where they are given twice.
type argList []config.Arg

func (l *argList) String() string {
	var pairs []string
	for _, a := range *l {
		pairs = append(pairs, a.Name+"="+a.Value)
	}
	return strings.Join(pairs, ",")
}

func (l *argList) Set(value string) error {
	for pair := range strings.SplitSeq(value, ",") {
		name, value, ok := strings.Cut(pair, "=")
		if !ok || name == "" {
			return fmt.Errorf("%q is not name=value", pair)
		}
		*l = append(*l, config.Arg{Name: name, Value: value})
	}
	return nil
}

func (l *argList) Type() string { return "name=value,..." }
