package observe

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"

	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observed"
)

// AppliedPath is where a host keeps what the last apply gave it.
const AppliedPath = "/var/lib/keelway/applied.json"

// Applied is what the last apply gave the host; nothing where none has, or where
// what is written down cannot be understood: it only helps words.
func Applied(ctx context.Context, h host.Host) (observed.Applied, error) {
	var a observed.Applied
	text, err := ReadText(ctx, h, AppliedPath)
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return a, err
	}
	if json.Unmarshal([]byte(text), &a) != nil {
		return observed.Applied{}, nil //nolint:nilerr // see above
	}
	return a, nil
}
