package host

import "bytes"

// MaxOutput bounds what is kept of each output stream of a command.
const MaxOutput = 64 << 20

// Output keeps the first MaxOutput bytes that a command writes and swallows the
// rest, so that the command is not blocked by a full pipe.
type Output struct {
	// buf is no embedded field: its ReadFrom would go round the bound.
	buf  bytes.Buffer
	over bool
}

// Write never fails.
func (o *Output) Write(p []byte) (int, error) {
	n := len(p)
	if room := MaxOutput - o.buf.Len(); n > room {
		o.over = true
		p = p[:room]
	}
	o.buf.Write(p)
	return n, nil
}

// Bytes is what was kept.
func (o *Output) Bytes() []byte { return o.buf.Bytes() }

// Over is true when more was written than is kept.
func (o *Output) Over() bool { return o.over }
