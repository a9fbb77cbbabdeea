package state

import (
	"fmt"
	"strings"

	"keelway.dev/keelway/internal/diagnose/container"
)

func ended(c container.Container) string {
	switch c.State {
	case container.Created:
		return "its container was made and has not started"
	case container.Exited:
		words := fmt.Sprintf("exited with code %d", c.ExitCode)
		if c.Reason != "" && c.Reason != "Error" && c.Reason != "Completed" {
			words += " " + parens(c.Reason)
		}
		return words
	}
	return "its container is in state " + string(c.State)
}

// tag is the last part of an image's reference, "" for one that has none.
func tag(image string) string {
	if strings.Contains(image, "sha256:") {
		return ""
	}
	i := strings.LastIndex(image, ":")
	if i < strings.LastIndex(image, "/") {
		return ""
	}
	return image[i+1:]
}

func parens(s string) string {
	if s == "" {
		return ""
	}
	return "(" + s + ")"
}
