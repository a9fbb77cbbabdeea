package evidence

import (
	"context"
	"io"
	"path"
	"slices"
	"strings"
	"time"

	"keelway.dev/keelway/internal/host"
)

// maxTail is how much of the end of a log is read, in bytes.
const maxTail = 128 << 10

// podLogs is where the kubelet keeps what containers print.
const podLogs = "/var/log/pods"

// tail returns the last n lines of a file.
func tail(ctx context.Context, h host.Host, file string, n int) ([]string, error) {
	e, err := h.Stat(ctx, file)
	if err != nil {
		return nil, err
	}
	r, err := h.Open(ctx, file)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if skip := e.Size - maxTail; skip > 0 {
		if s, ok := r.(io.Seeker); ok {
			_, err = s.Seek(skip, io.SeekStart)
		} else {
			_, err = io.CopyN(io.Discard, r, skip)
		}
		if err != nil {
			return nil, err
		}
	}
	data, err := io.ReadAll(io.LimitReader(r, maxTail))
	if err != nil {
		return nil, err
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if e.Size > maxTail {
		lines = lines[1:] // begun in the middle
	}
	return lines[max(0, len(lines)-n):], nil
}

// logFile is one file of a container's output: one attempt.
type logFile struct {
	path string
	at   time.Time
}

// logFiles finds the files of all attempts of all containers in the pods of a
// namespace whose names begin so, the newest first. It needs no runtime:
// containers that are gone have left theirs.
func logFiles(ctx context.Context, h host.Host, namespace, pod string) []logFile {
	pods, err := h.List(ctx, podLogs)
	if err != nil {
		return nil
	}
	var files []logFile
	for _, p := range pods {
		if !strings.HasPrefix(path.Base(p.Path), namespace+"_"+pod) {
			continue
		}
		containers, err := h.List(ctx, p.Path)
		if err != nil {
			continue
		}
		for _, c := range containers {
			entries, err := h.List(ctx, c.Path)
			if err != nil {
				continue
			}
			for _, e := range entries {
				if strings.HasSuffix(e.Path, ".log") {
					files = append(files, logFile{path: e.Path, at: e.ModTime})
				}
			}
		}
	}
	slices.SortFunc(files, func(a, b logFile) int { return b.at.Compare(a.at) })
	return files
}

// Container reads a line as the runtime writes a container's output (the CRI
// log format): time, stream, whether the line is whole, text.
func (r *Reader) Container(raw string) Line {
	parts := strings.SplitN(raw, " ", 4)
	if len(parts) < 4 || parts[1] != "stdout" && parts[1] != "stderr" {
		return r.Line(raw)
	}
	at, err := time.Parse(time.RFC3339Nano, parts[0])
	if err != nil {
		return r.Line(raw)
	}
	l := r.Line(parts[3])
	l.At = at
	return l
}
