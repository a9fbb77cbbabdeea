package addon

import (
	"errors"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"
)

// TestShort: what the server repeats of an object that it refuses is not shown.
func TestShort(t *testing.T) {
	t.Parallel()
	invalid := apierrors.NewInvalid(schema.GroupKind{Group: "batch", Kind: "Job"}, "j", field.ErrorList{
		field.Invalid(field.NewPath("spec", "template"), map[string]string{"env": "sesame: open"}, "field is immutable"),
		field.Required(field.NewPath("spec", "x"), ""),
	})
	got := short(invalid).Error()
	if strings.Contains(got, "sesame") || !strings.HasPrefix(got, "the API server refuses it: spec.template: field is immutable; spec.x:") {
		t.Errorf("%q", got)
	}
	other := errors.New("no route: to host")
	if !errors.Is(short(other), other) {
		t.Error("another error is changed")
	}
}
