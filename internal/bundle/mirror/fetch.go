package mirror

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path"
	"path/filepath"

	"keelway.dev/keelway/internal/bundle/assemble"
)

// maxChecksum bounds a checksum file in bytes.
const maxChecksum = 1 << 20

// fetch downloads a source, checks it and puts its programs below dir. Files
// that were downloaded before are taken from cache.
func fetch(ctx context.Context, client *http.Client, mirror string, s Source, cache, dir string) (map[string]string, error) {
	text, err := get(ctx, client, address(mirror, s.Host, s.Checksum))
	if err != nil {
		return nil, err
	}
	want, err := parseChecksum(string(text), s.Path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", address(mirror, s.Host, s.Checksum), err)
	}
	file := filepath.Join(cache, "upstream", want)
	if digest, _, err := assemble.HashFile(file); err != nil || digest != want {
		if err := download(ctx, client, address(mirror, s.Host, s.Path), want, file); err != nil {
			return nil, err
		}
	}
	return unpack(s, file, dir)
}

// open begins to read a URL.
func open(ctx context.Context, client *http.Client, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("%s: the server answers %s: is the mirror complete for this version?", url, response.Status)
	}
	return response.Body, nil
}

func get(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	body, err := open(ctx, client, url)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, maxChecksum))
}

// download writes a URL's content to file, which appears only if it is right.
func download(ctx context.Context, client *http.Client, url, want, file string) (err error) {
	body, err := open(ctx, client, url)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(file), ".download-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(temp.Name())
		}
	}()
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(temp, sum), body)
	if err := errors.Join(err, temp.Sync(), temp.Close()); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	if got := fmt.Sprintf("%x", sum.Sum(nil)); got != want {
		return fmt.Errorf("%s: has sha256 %s, upstream's checksum says %s: do not use it", url, got, want)
	}
	return os.Rename(temp.Name(), file)
}

// unpack puts a source's programs below dir and returns their paths by name.
func unpack(s Source, file, dir string) (map[string]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	programs := map[string]string{}
	for name, member := range s.Members {
		if member == "" {
			programs[name] = filepath.Join(dir, name)
			return programs, write(programs[name], f)
		}
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path.Base(s.Path), err)
	}
	for t := tar.NewReader(z); len(programs) < len(s.Members); {
		header, err := t.Next()
		if err == io.EOF {
			return nil, fmt.Errorf("%s: lacks one of %v", path.Base(s.Path), s.Members)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path.Base(s.Path), err)
		}
		for name, member := range s.Members {
			if header.Typeflag == tar.TypeReg && path.Clean(header.Name) == member {
				programs[name] = filepath.Join(dir, name)
				if err := write(programs[name], t); err != nil {
					return nil, err
				}
			}
		}
	}
	return programs, nil
}

func write(file string, content io.Reader) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.Close())
}
