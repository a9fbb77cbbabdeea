package state

import (
	"context"
	"encoding/json"
	"strings"

	"keelway.dev/keelway/internal/diagnose/component"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/kube"
)

// answer is what the health endpoints of a component said.
type answer struct {
	asked, ok bool
	words     string
}

func ask(ctx context.Context, h host.Host, c component.Component) answer {
	a := answer{ok: true}
	for _, url := range c.Health {
		ctx, cancel := context.WithTimeout(ctx, patience)
		ok, words := kube.Healthz(ctx, h, url)
		cancel()
		a.asked = true
		if !ok {
			path := url[strings.LastIndex(url, "/"):]
			return answer{asked: true, words: path + ": " + Plain(words)}
		}
	}
	return a
}

// Plain takes the dress off an answer: the URL that was asked, and the JSON in
// which the API server wraps a refusal.
func Plain(words string) string {
	if rest, ok := strings.CutPrefix(words, `Get "`); ok {
		if _, why, ok := strings.Cut(rest, `": `); ok {
			return why
		}
	}
	var status struct{ Message string }
	if strings.HasPrefix(words, "{") && json.Unmarshal([]byte(words), &status) == nil && status.Message != "" {
		return status.Message
	}
	return words
}
