package machine

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"path"
	"strings"
	"time"

	"keelway.dev/keelway/internal/preflight/subject"
	"keelway.dev/keelway/internal/preflight/survey"
)

// Bounds of what a clock may be off.
const (
	// skew between two machines: a certificate's notBefore lies five minutes
	// back, so a clock that is further behind refuses it.
	skew = 5 * time.Minute
	day  = 24 * time.Hour
	year = 365 * day
)

// Clock finds a host's clock that cannot be right, by what it can be compared
// with: the clock of the machine that asks, the program's build time, the
// battery clock, files, and certificates that exist.
func Clock(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	c, err := s.Clock(ctx)
	if err != nil {
		return nil, err
	}
	newest, err := newestBefore(ctx, s, c.Boot)
	if err != nil {
		return nil, err
	}
	found := compare(s, c, newest)
	certs, err := certificates(ctx, s, c.Now)
	if err != nil {
		return nil, err
	}
	found = append(found, certs...)
	loose, err := unguided(ctx, s)
	return append(found, loose...), err
}

func compare(s *subject.Subject, c survey.Clock, newest witness) []subject.Finding {
	var found []subject.Finding
	wrong := func(format string, args ...any) {
		found = append(found, subject.Finding{
			Message: fmt.Sprintf("the clock of %s says %s, ", s.Host.Name(), c.Now.Format(time.DateTime)) + fmt.Sprintf(format, args...) +
				": certificates made now would not be valid when the clock is right",
		})
	}
	built := s.Built.UTC()
	switch {
	case !built.IsZero() && c.Now.Before(built.Add(-time.Minute)):
		wrong("but this program was built %s later, at %s", length(built.Sub(c.Now)), built.Format(time.DateTime))
	case !c.RTC.IsZero() && apart(c.Now, c.RTC) > day:
		wrong("and its battery clock %s, %s away", c.RTC.Format(time.DateTime), length(apart(c.Now, c.RTC)))
	case newest.time.After(c.Now.Add(day)):
		// A warning: the clock may have been ahead once, and be right now.
		found = append(found, subject.Finding{
			Warning: true,
			Message: fmt.Sprintf("the clock of %s says %s, but %s was written at %s", s.Host.Name(), c.Now.Format(time.DateTime), newest.path, newest.time.Format(time.DateTime)),
			Fix:     fmt.Sprintf("set the clock; if it is right, `touch %s`", newest.path),
		})
	case !built.IsZero() && c.Now.Sub(built) > year && c.Now.Sub(newest.time) > year:
		wrong("%s after the latest sign of life: this program was built at %s, and nothing in %s was written later than %s before this boot",
			length(c.Now.Sub(later(built, newest.time))), built.Format(time.DateTime), strings.Join(witnesses(), ", "), newest.time.Format(time.DateTime))
	}
	if off := apart(c.Now, s.Now); !s.Now.IsZero() && off > skew {
		wrong("and the clock of the machine that asks %s, %s away", s.Now.UTC().Format(time.DateTime), length(off))
	}
	return found
}

// witness is a file with the time of its last change.
type witness struct {
	path string
	time time.Time
}

// witnesses are folders in which a machine writes by itself.
func witnesses() []string {
	return []string{"/var/log", "/var/lib", "/var/cache", "/etc"}
}

// newestBefore is the youngest entry of the witnesses that is no work of this
// boot: those have the present clock's time. Entries from the future count,
// since no right clock can have made them.
func newestBefore(ctx context.Context, s *subject.Subject, boot time.Time) (witness, error) {
	var newest witness
	c, err := s.Clock(ctx)
	if err != nil {
		return newest, err
	}
	for _, dir := range witnesses() {
		entries, err := s.List(ctx, dir)
		if err != nil {
			return newest, err
		}
		for _, e := range entries {
			ours := !e.ModTime.Before(boot) && !e.ModTime.After(c.Now.Add(day))
			if !ours && e.ModTime.After(newest.time) {
				newest = witness{e.Path, e.ModTime.UTC()}
			}
		}
	}
	return newest, nil
}

// certificates finds authorities whose validity the clock is outside of. They
// are valid for ten years, so that the clock is the likelier culprit.
func certificates(ctx context.Context, s *subject.Subject, now time.Time) ([]subject.Finding, error) {
	var found []subject.Finding
	dir := s.Model.Cluster.CertificatesDir
	for _, base := range []string{"ca.crt", "etcd/ca.crt", "front-proxy-ca.crt"} {
		file := path.Join(dir, base)
		text, err := s.Text(ctx, file)
		if err != nil {
			return nil, err
		}
		block, _ := pem.Decode([]byte(text))
		if block == nil {
			continue
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			continue // reading the PKI says what is wrong with it
		}
		var words string
		switch {
		case now.Before(cert.NotBefore):
			words = "is valid from " + cert.NotBefore.UTC().Format(time.DateTime) + " only"
		case now.After(cert.NotAfter):
			words = "was valid until " + cert.NotAfter.UTC().Format(time.DateTime)
		default:
			continue
		}
		found = append(found, subject.Finding{
			Message: fmt.Sprintf("%s %s, and the clock of %s says %s: nobody would trust what it has signed", file, words, s.Host.Name(), now.Format(time.DateTime)),
		})
	}
	return found, nil
}

// unguided finds a host of several whose clock nothing keeps right: etcd and
// certificates need the hosts to agree.
func unguided(ctx context.Context, s *subject.Subject) ([]subject.Finding, error) {
	if len(s.Model.Hosts) < 2 {
		return nil, nil
	}
	daemons := []string{"chronyd", "ntpd", "ntpsec", "openntpd", "systemd-timesyncd", "ptp4l", "timemaster", "vmtoolsd"}
	some, err := s.Named(ctx, daemons...)
	if err != nil || len(some) > 0 {
		return nil, err
	}
	return []subject.Finding{{
		Warning: true,
		Message: fmt.Sprintf("nothing on %s keeps the clock right (none of %s runs): the clocks of the hosts will drift apart", s.Host.Name(), strings.Join(daemons, ", ")),
		Fix:     "install chrony, or run `timedatectl set-ntp true`",
	}}, nil
}

func apart(a, b time.Time) time.Duration {
	return a.Sub(b).Abs()
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// length says a duration in its largest unit.
func length(d time.Duration) string {
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{year, "years"}, {day, "days"}, {time.Hour, "hours"}, {time.Minute, "minutes"}} {
		if d >= 2*u.unit {
			return fmt.Sprintf("%d %s", d/u.unit, u.name)
		}
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
