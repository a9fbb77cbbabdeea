package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"syscall"

	"keelway.dev/keelway/internal/service/supervisor"
)

// maxAnswer bounds what is read of an answer; log lines can be long.
const maxAnswer = 64 << 20

// call asks the supervisor and decodes its answer. The error is errDown when
// none answers, and matches fs.ErrNotExist when there is no such unit.
func (s *Supervisor) call(ctx context.Context, method, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://supervisor"+supervisor.Protocol+path, nil)
	if err != nil {
		return err
	}
	resp, err := s.http.Do(req)
	if err != nil {
		// A supervisor killed while it worked gives EOF: whoever asks again gets
		// its successor, and every request may be made twice.
		if ctx.Err() == nil && (down(err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)) {
			return fmt.Errorf("%w on %s: %w", errDown, s.o.Socket(), err)
		}
		return err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%w on %s: %w", errDown, s.o.Socket(), err)
	}
	if resp.StatusCode == http.StatusOK {
		if answer == nil {
			return nil
		}
		if err := json.Unmarshal(data, answer); err != nil {
			return fmt.Errorf("read the supervisor's answer: %w", err)
		}
		return nil
	}
	var f supervisor.Failure
	if err := json.Unmarshal(data, &f); err != nil || f.Error == "" {
		return fmt.Errorf("the supervisor answers %s: %s", resp.Status, data)
	}
	switch resp.StatusCode {
	case http.StatusServiceUnavailable:
		return fmt.Errorf("%w: %s", errDown, f.Error)
	case http.StatusNotFound:
		return notFound{f.Error}
	}
	return errors.New(f.Error)
}

// notFound is an answer that matches fs.ErrNotExist and reads as it was sent.
type notFound struct{ text string }

func (e notFound) Error() string        { return e.text }
func (e notFound) Is(target error) bool { return target == fs.ErrNotExist }

// errDown says that no supervisor answers.
var errDown = errors.New("no supervisor answers")

func down(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) ||
		errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
