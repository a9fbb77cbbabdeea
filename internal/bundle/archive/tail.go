// Package archive reads and writes a bundle as one .tar.zst file, of which no bit can change unseen.
package archive

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"io"
	"os"
)

// The last frame of an archive is a skippable one, which every zstd reader
// passes over. It holds the signature, if there is one, and the sha256 of every
// byte before that hash: zstd's own checksum leaves header bits unprotected.
//
//	magic uint32 | size uint32 | tag [8]byte | signature | sha256 [32]byte | whole frame's length uint32
const (
	magic    = 0x184D2A5E
	tag      = "keelway1"
	overhead = 4 + 4 + len(tag) + sha256.Size + 4
	// maxTail is far above any signature file.
	maxTail = 64 << 10
)

// tail builds the last frame for content whose bytes went through sum.
func tail(content hash.Hash, signature []byte) []byte {
	length := overhead + len(signature)
	frame := binary.LittleEndian.AppendUint32(nil, magic)
	frame = binary.LittleEndian.AppendUint32(frame, uint32(length-8))
	frame = append(frame, tag...)
	frame = append(frame, signature...)
	content.Write(frame)
	frame = content.Sum(frame)
	return binary.LittleEndian.AppendUint32(frame, uint32(length))
}

// Tail is the end of an archive.
type Tail struct {
	// Start is where the compressed part ends, in bytes.
	Start int64
	// Signature is the signature file's text; empty when unsigned.
	Signature []byte
	frame     []byte
}

// ReadTail reads the last frame. The error says that the file is cut short or
// no bundle.
func ReadTail(f *os.File) (Tail, error) {
	info, err := f.Stat()
	if err != nil {
		return Tail{}, err
	}
	size := info.Size()
	var last [4]byte
	if size < int64(overhead) {
		return Tail{}, fmt.Errorf("%d bytes is too short for a bundle: the download was cut off", size)
	}
	if _, err := f.ReadAt(last[:], size-4); err != nil {
		return Tail{}, err
	}
	length := int64(binary.LittleEndian.Uint32(last[:]))
	if length < int64(overhead) || length > maxTail || length > size {
		return Tail{}, errNoTail
	}
	frame := make([]byte, length)
	if _, err := f.ReadAt(frame, size-length); err != nil {
		return Tail{}, err
	}
	if binary.LittleEndian.Uint32(frame) != magic ||
		int64(binary.LittleEndian.Uint32(frame[4:])) != length-8 ||
		string(frame[8:8+len(tag)]) != tag {
		return Tail{}, errNoTail
	}
	signature := frame[8+len(tag) : length-4-sha256.Size]
	return Tail{Start: size - length, Signature: signature, frame: frame}, nil
}

var errNoTail = fmt.Errorf("its end is not a bundle's: the file is cut off, altered, or was not made by keelway bundle build")

// check compares the hash in the tail with that of the compressed part, whose
// bytes went through sum.
func (t Tail) check(sum hash.Hash) error {
	at := len(t.frame) - 4 - sha256.Size
	sum.Write(t.frame[:at])
	if !bytes.Equal(sum.Sum(nil), t.frame[at:at+sha256.Size]) {
		return fmt.Errorf("its sha256 differs from the one in its end: the file was altered, or damaged on the way")
	}
	return nil
}

// Resign copies the archive at from to a new file with another signature.
func Resign(w io.Writer, from *os.File, signature []byte) error {
	old, err := ReadTail(from)
	if err != nil {
		return err
	}
	sum := sha256.New()
	if _, err := io.Copy(io.MultiWriter(w, sum), io.NewSectionReader(from, 0, old.Start)); err != nil {
		return err
	}
	// The old hash is checked first: a damaged archive must not become a good one.
	before := sha256.New()
	if _, err := io.Copy(before, io.NewSectionReader(from, 0, old.Start)); err != nil {
		return err
	}
	if err := old.check(before); err != nil {
		return err
	}
	_, err = w.Write(tail(sum, signature))
	return err
}
