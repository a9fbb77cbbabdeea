package keep

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"keelway.dev/keelway/internal/service/process"
	"keelway.dev/keelway/internal/service/unit"
)

// Record describes the process of a running service for a supervisor that
// comes after this one. It is written before the process starts (with no
// number, but with its invocation) and again after, so that at no moment a
// process runs that nobody could find.
type Record struct {
	ID       process.Identity `json:"id"`
	Since    time.Time        `json:"since"`
	Restarts int              `json:"restarts"`
	Exit     string           `json:"exit,omitempty"`
	Notes    []string         `json:"notes,omitempty"`
	// Unit is what the process was started from; the file may have changed.
	Unit unit.Unit `json:"unit"`
}

// ReadRecord reads the text of a record's file.
func ReadRecord(data []byte) (Record, error) {
	var r Record
	if err := json.Unmarshal(data, &r); err != nil {
		return Record{}, fmt.Errorf("read record: %w", err)
	}
	return r, nil
}

// write replaces a record by rename. It is not synced: it has no meaning after
// a reboot.
func (r Record) write(path string) error {
	data, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("write record %s: %w", path, err)
	}
	temp := path + ".tmp"
	// A unit may hold in Environment= what not everybody should read.
	if err := os.WriteFile(temp, data, 0o600); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	if err := os.Rename(temp, path); err != nil {
		return fmt.Errorf("write record: %w", err)
	}
	return nil
}
