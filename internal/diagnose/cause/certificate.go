package cause

import (
	"fmt"
	"strings"
	"time"

	"keelway.dev/keelway/internal/diagnose/evidence"
)

func certificateRules() []rule {
	return []rule{
		{
			name:    "clock",
			pattern: `certificate has expired or is not yet valid: current time (\S+) is before (\S+)`,
			say: func(e evidence.Evidence, m match) (string, string) {
				why := fmt.Sprintf("this machine's clock is behind: it says %s, and a certificate is valid from %s on", m.group[1], m.group[2])
				if off := e.RTC.Sub(e.Now); !e.RTC.IsZero() && off.Abs() > time.Hour {
					why += ", and its battery clock says " + e.RTC.UTC().Format(time.RFC3339)
				}
				return why, "set the clock, best with a time service such as chrony" + again
			},
		},
		{
			name:    "certificate-expired",
			pattern: `certificate has expired or is not yet valid: current time (\S+) is after ([^\s,"]+)|certificate has expired`,
			say: func(e evidence.Evidence, m match) (string, string) {
				why, next := "a certificate has expired", "run `keelway up` again, which issues what has expired anew and restarts who reads it; `keelway status` shows which"
				if m.group[2] != "" {
					why = "a certificate has expired on " + m.group[2]
				}
				if which := named(e, "expired"); which != "" {
					why += ": " + which
				} else {
					why += ", if this machine's clock is right: it says " + e.Now.UTC().Format(time.RFC3339)
				}
				return why, next
			},
		},
		{
			name:    "key-mismatch",
			pattern: `private key does not match public key`,
			say: func(e evidence.Evidence, m match) (string, string) {
				why := "a certificate of " + m.component + " and its private key do not belong together"
				if which := named(e, "private key"); which != "" {
					why += ": " + which
				}
				return why, "restore the two from the same backup, or remove both" + again
			},
		},
		{
			name:    "certificate-name",
			pattern: `certificate is valid for (.+?), not ([^\s"';:]+)`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return fmt.Sprintf("a certificate is not valid for %s, only for %s", m.group[2], m.group[1]),
					"reach the server by one of these, or add the name with --apiserver-cert-extra-sans" + again
			},
		},
		{
			name:    "certificate-address",
			pattern: `cannot validate certificate for (\S+) because it doesn't contain any IP SANs`,
			say: func(_ evidence.Evidence, m match) (string, string) {
				return "a certificate is not valid for the address " + m.group[1], "add it with --apiserver-cert-extra-sans" + again
			},
		},
		{
			name:    "certificate-authority",
			pattern: `certificate signed by unknown authority|unknown certificate authority|(?:certificate|crypto/rsa|ECDSA) verification (?:error|failure)`,
			say: func(e evidence.Evidence, m match) (string, string) {
				why := m.component + " and whom it speaks with trust different certificate authorities"
				if len(e.Certificates) > 0 {
					why += ": " + describe(e.Certificates)
				}
				return why, "a certificate or kubeconfig of an earlier cluster was left: move it away (`keelway status` names it)" + again
			},
		},
		{
			name:    "certificate-unreadable",
			pattern: `failed to find any PEM data|failed to find "?\w*"? ?PEM block|failed to parse (?:certificate|private key)|asn1: |x509: malformed`,
			say: func(e evidence.Evidence, m match) (string, string) {
				why := "a certificate or key file of " + m.component + " has no certificate or key in it"
				if which := named(e, "cannot be read"); which != "" {
					why += ": " + which
				}
				return why, "restore it from a backup, or move it away so that it is issued anew (`keelway status` names it)" + again
			},
		},
		{
			name: "unauthorized", weak: true,
			pattern: `Unauthorized|the server has asked for the client to provide credentials|invalid bearer token`,
			say: func(e evidence.Evidence, m match) (string, string) {
				why := "the API server does not accept the credentials of " + m.component
				if len(e.Certificates) > 0 {
					why += ": " + describe(e.Certificates)
				}
				return why, "its kubeconfig is of another cluster or has expired: move it away (`keelway status` names it)" + again
			},
		},
	}
}

// named lists the certificates whose problem has that word.
func named(e evidence.Evidence, word string) string {
	var some []evidence.Certificate
	for _, c := range e.Certificates {
		if strings.Contains(c.Problem, word) {
			some = append(some, c)
		}
	}
	return describe(some)
}

func describe(list []evidence.Certificate) string {
	var words []string
	for i, c := range list {
		if i == 3 {
			words = append(words, fmt.Sprintf("and %d more", len(list)-i))
			break
		}
		words = append(words, c.Path+": "+c.Problem)
	}
	return strings.Join(words, "; ")
}
