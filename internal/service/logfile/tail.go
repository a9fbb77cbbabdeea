package logfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// maxTail bounds what Tail reads: services have been seen to write lines of
// many kilobytes.
const maxTail = 8 << 20

// Tail returns the last n lines of a log, oldest first, from as many of its
// keep old files as it takes. A missing log has none.
func Tail(path string, keep, n int) ([]string, error) {
	if n <= 0 {
		return nil, nil
	}
	var text []byte
	for i := 0; i <= keep && bytes.Count(text, []byte("\n")) <= n && len(text) < maxTail; i++ {
		part, err := end(old(path, i), n+1, maxTail-len(text))
		if errors.Is(err, fs.ErrNotExist) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read log: %w", err)
		}
		// A rotation may have cut a line in two; joined bytes make it whole.
		text = append(part, text...)
	}
	return Last(text, n), nil
}

// Last returns the last n lines of a text.
func Last(text []byte, n int) []string {
	text = bytes.TrimSuffix(text, []byte("\n"))
	if len(text) == 0 || n <= 0 {
		return nil
	}
	lines := bytes.Split(text, []byte("\n"))
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = string(bytes.TrimSuffix(l, []byte("\r")))
	}
	return out
}

// end reads backwards until it has n line ends or most bytes.
func end(path string, n, most int) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, err
	}
	const block = 64 << 10
	var text []byte
	for size > 0 && len(text) < most && bytes.Count(text, []byte("\n")) < n {
		part := make([]byte, min(block, size))
		size -= int64(len(part))
		if _, err := f.ReadAt(part, size); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		text = append(part, text...)
	}
	return text, nil
}
