// Package seal closes and opens what control planes share through the cluster, as kubeadm does: AES-256-GCM with the nonce in front.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
)

// KeySize is a certificate key's length in bytes.
const KeySize = 32

// ParseKey reads a certificate key's hex form. The error never repeats it.
func ParseKey(text string) ([]byte, error) {
	key, err := hex.DecodeString(text)
	if err != nil || len(key) != KeySize {
		return nil, fmt.Errorf("the certificate key is not the hex form of %d bytes", KeySize)
	}
	return key, nil
}

// NewKey makes a key.
func NewKey(random io.Reader) ([]byte, error) {
	key := make([]byte, KeySize)
	_, err := io.ReadFull(random, key)
	return key, err
}

// Seal closes data; random gives the nonce.
func Seal(random io.Reader, key, data []byte) ([]byte, error) {
	gcm, err := mode(key)
	if err != nil {
		return nil, err
	}
	nonce := make([]byte, gcm.NonceSize())
	if _, err := io.ReadFull(random, nonce); err != nil {
		return nil, err
	}
	return gcm.Seal(nonce, nonce, data, nil), nil
}

// Open opens what Seal closed. The error says that the key is another, or that
// the data was changed: nobody can tell which.
func Open(key, sealed []byte) ([]byte, error) {
	gcm, err := mode(key)
	if err != nil {
		return nil, err
	}
	if len(sealed) < gcm.NonceSize() {
		return nil, errors.New("it is too short to be sealed")
	}
	data, err := gcm.Open(nil, sealed[:gcm.NonceSize()], sealed[gcm.NonceSize():], nil)
	if err != nil {
		return nil, errors.New("it does not open with this certificate key")
	}
	return data, nil
}

func mode(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}
