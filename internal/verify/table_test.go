package verify

import (
	"testing"
)

// TestTable holds what a person reads of a check.
func TestTable(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Checks() {
		if c.Name == "" || c.What == "" || c.Why == "" || c.Fix == "" || c.run == nil || names[c.Name] {
			t.Errorf("check %q is not whole, or there twice", c.Name)
		}
		names[c.Name] = true
	}
}
