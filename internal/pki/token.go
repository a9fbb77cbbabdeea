package pki

import (
	"fmt"
	"io"
)

// The alphabet and lengths of a bootstrap token, by the API server's rule
// [a-z0-9]{6}.[a-z0-9]{16}.
const (
	tokenAlphabet   = "0123456789abcdefghijklmnopqrstuvwxyz"
	tokenIDSize     = 6
	tokenSecretSize = 16
)

// BootstrapToken draws a bootstrap token; every character is equally likely.
func BootstrapToken(random io.Reader) (string, error) {
	token := make([]byte, 0, tokenIDSize+1+tokenSecretSize)
	// Bytes from 252 on would make the first four characters likelier.
	const limit = 256 - 256%len(tokenAlphabet)
	var draw [32]byte
	for {
		if _, err := io.ReadFull(random, draw[:]); err != nil {
			return "", fmt.Errorf("cannot make a bootstrap token: %w", err)
		}
		for _, b := range draw {
			if int(b) >= limit {
				continue
			}
			if len(token) == tokenIDSize {
				token = append(token, '.')
			}
			token = append(token, tokenAlphabet[int(b)%len(tokenAlphabet)])
			if len(token) == cap(token) {
				return string(token), nil
			}
		}
	}
}
