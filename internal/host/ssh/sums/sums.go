// Package sums remembers the checksums of files on other machines, so that a file that has not changed is not read again.
package sums

import (
	"encoding/json"
	"os"
	"path/filepath"
	"sync"
)

// Book holds checksums by machine and path, each with what told the file apart
// when it was read: the inode, the size, and the times of its last changes to
// the nanosecond. What is in it saves work only: a file whose marks are others
// is read again, and a Book that is lost is filled anew. It is safe for
// concurrent use; the zero value is an empty one that is kept in memory.
type Book struct {
	mu      sync.Mutex
	file    string
	known   map[string]map[string]entry
	changed bool
}

type entry struct {
	Mark string `json:"mark"`
	Sum  string `json:"sum"`
}

// Open reads the Book that was saved in a file. One that cannot be read is empty.
func Open(file string) *Book {
	b := &Book{file: file}
	if text, err := os.ReadFile(file); err == nil && json.Unmarshal(text, &b.known) != nil {
		b.known = nil
	}
	return b
}

// Get is the checksum of a machine's file with that mark; "" is not known.
func (b *Book) Get(machine, path, mark string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if e := b.known[machine][path]; e.Mark == mark {
		return e.Sum
	}
	return ""
}

// Put remembers one.
func (b *Book) Put(machine, path, mark, sum string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.known == nil {
		b.known = map[string]map[string]entry{}
	}
	if b.known[machine] == nil {
		b.known[machine] = map[string]entry{}
	}
	b.known[machine][path] = entry{mark, sum}
	b.changed = true
}

// Save writes the Book to its file, if anything is new.
func (b *Book) Save() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file == "" || !b.changed {
		return nil
	}
	text, err := json.Marshal(b.known)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(b.file), 0o700); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(b.file), ".sums-*") // with mode 0600
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	if closed := temp.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temp.Name(), b.file)
	}
	if err != nil {
		os.Remove(temp.Name())
		return err
	}
	b.changed = false
	return nil
}
