package unit

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// split cuts a value into words by systemd.syntax(7): quotes around a word or
// inside it hold spaces, and backslash escapes are C's plus \s for a space.
func split(value string) ([]string, error) {
	var words []string
	var word strings.Builder
	in := false // inside a word
	quote := byte(0)
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch {
		case c == '\\':
			text, n, err := escape(value[i:])
			if err != nil {
				return nil, err
			}
			word.WriteString(text)
			i += n - 1
			in = true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word.WriteByte(c)
			}
		case c == '"' || c == '\'':
			quote, in = c, true
		case c == ' ' || c == '\t' || c == '\n' || c == '\r':
			if in {
				words = append(words, word.String())
				word.Reset()
				in = false
			}
		default:
			word.WriteByte(c)
			in = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote (%c) is not closed", quote)
	}
	if in {
		words = append(words, word.String())
	}
	return words, nil
}

// escape decodes the sequence at the start of s and says how long it is.
func escape(s string) (string, int, error) {
	if len(s) < 2 {
		return "", 0, errors.New("a backslash stands at the end")
	}
	number := func(from, digits, base int) (uint64, error) {
		if len(s) < from+digits {
			return 0, fmt.Errorf("escape %q is too short", s)
		}
		n, err := strconv.ParseUint(s[from:from+digits], base, 32)
		if err != nil || n == 0 {
			return 0, fmt.Errorf("%q is no escape", s[:from+digits])
		}
		return n, nil
	}
	switch c := s[1]; c {
	case 'a':
		return "\a", 2, nil
	case 'b':
		return "\b", 2, nil
	case 'f':
		return "\f", 2, nil
	case 'n':
		return "\n", 2, nil
	case 'r':
		return "\r", 2, nil
	case 't':
		return "\t", 2, nil
	case 'v':
		return "\v", 2, nil
	case 's':
		return " ", 2, nil
	case '\\', '"', '\'':
		return string(c), 2, nil
	case 'x':
		n, err := number(2, 2, 16)
		return string([]byte{byte(n)}), 4, err
	case 'u', 'U':
		digits := 4
		if c == 'U' {
			digits = 8
		}
		n, err := number(2, digits, 16)
		if err == nil && !utf8.ValidRune(rune(n)) {
			err = fmt.Errorf("%q is no character", s[:2+digits])
		}
		return string(rune(n)), 2 + digits, err
	case '0', '1', '2', '3', '4', '5', '6', '7':
		n, err := number(1, 3, 8)
		if err == nil && n > 255 {
			err = fmt.Errorf("%q is no byte", s[:4])
		}
		return string([]byte{byte(n)}), 4, err
	default:
		// systemd keeps an unknown sequence as it is, and warns.
		return s[:2], 2, nil
	}
}
