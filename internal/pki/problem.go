package pki

import "fmt"

// Class says what a problem asks for.
type Class string

// Fatal means that the file cannot do what its spec says it is for; Advice
// means that it works, but is not what would be issued today.
const (
	Fatal  Class = "fatal"
	Advice Class = "advice"
)

// Kind names what differs, for decisions; Text is for people.
type Kind string

// The kinds of problem.
const (
	MissingFile Kind = "missing-file" // no kubeconfig
	MissingCert Kind = "missing-cert" // no certificate
	MissingKey  Kind = "missing-key"  // no private key; of an authority: it is external
	Damaged     Kind = "damaged"      // not PEM, not a certificate, not a kubeconfig, an encrypted key
	KeyMismatch Kind = "key-mismatch" // the key belongs to another certificate
	OtherIssuer Kind = "other-issuer" // not signed by the parent
	Expired     Kind = "expired"
	NotYetValid Kind = "not-yet-valid"
	Outlives    Kind = "outlives" // valid for longer than its issuer
	NotCA       Kind = "not-ca"
	IsCA        Kind = "is-ca" // a leaf that may sign others
	Subject     Kind = "subject"
	Usage       Kind = "usage"
	MissingSAN  Kind = "missing-san"
	ExtraSAN    Kind = "extra-san"
	OtherKey    Kind = "algorithm"  // another algorithm or size
	OtherCA     Kind = "ca"         // a kubeconfig that trusts another CA
	OtherServer Kind = "server"     // a kubeconfig that names another API server
	Context     Kind = "context"    // other names inside a kubeconfig
	Insecure    Kind = "insecure"   // a kubeconfig that does not verify the server
	Credential  Kind = "credential" // a kubeconfig that shows no client certificate
)

// Check is the name by which --ignore-preflight-errors lets a kind of problem
// pass; "" for what nobody can go on with. They are Keelway's: kubeadm passes
// most of them in silence.
func (k Kind) Check() string {
	switch k {
	case NotCA:
		return "CertificateAuthority"
	case MissingKey, KeyMismatch:
		return "CertificateKey"
	case OtherIssuer, OtherCA:
		return "CertificateIssuer"
	case Expired, NotYetValid:
		return "CertificateValidity"
	case IsCA, Subject, Usage:
		return "CertificateUse"
	case MissingSAN:
		return "CertificateNames"
	case OtherServer:
		return "KubeconfigServer"
	}
	return ""
}

// Checks are all these names.
func Checks() []string {
	return []string{"CertificateAuthority", "CertificateKey", "CertificateIssuer", "CertificateValidity", "CertificateUse", "CertificateNames", "KubeconfigServer"}
}

// Problem is one difference between a file and its spec.
type Problem struct {
	Kind  Kind
	Class Class
	Text  string
}

// problems collects them in the order they are found.
type problems []Problem

func (p *problems) fatal(kind Kind, format string, args ...any) {
	*p = append(*p, Problem{Kind: kind, Class: Fatal, Text: fmt.Sprintf(format, args...)})
}

func (p *problems) advise(kind Kind, format string, args ...any) {
	*p = append(*p, Problem{Kind: kind, Class: Advice, Text: fmt.Sprintf(format, args...)})
}

// Action is what may be done about the problems of a file.
type Action string

// Keep leaves the file as it is; Fresh replaces it by a new key and
// certificate; SameKey issues a certificate for the key that is there (see
// IssueForKey), which was written just before a run was killed, or has lost
// its certificate.
const (
	Keep    Action = "keep"
	Fresh   Action = "fresh"
	SameKey Action = "same-key"
)

// Decide says what may be done about what Check or CheckKubeconfig found. It
// returns an error when only the owner can decide: for an authority that
// exists, for a file that somebody else made, and when ownCA is false (the
// issuer's key is not here). An authority's own ownCA is ignored.
func Decide(spec Spec, found []Problem, ownCA bool) (Action, error) {
	var fatal []Problem
	has := map[Kind]bool{}
	for _, p := range found {
		if p.Class == Fatal {
			fatal = append(fatal, p)
			has[p.Kind] = true
		}
	}
	if len(fatal) == 0 {
		return Keep, nil
	}
	for _, p := range fatal {
		if p.Kind == OtherIssuer || p.Kind == OtherCA || p.Kind == Damaged {
			return Keep, p.refuse("%s: %s: it may be somebody else's, so it is kept; move it away to have a new one issued", spec.Name, p.Text)
		}
	}
	switch {
	case spec.CA && !has[MissingCert]:
		return Keep, fatal[0].refuse("certificate authority %s: %s: it is never replaced on its own, because everything it signed would be refused; restore it from a backup", spec.Name, fatal[0].Text)
	case !spec.CA && !ownCA:
		return Keep, fatal[0].refuse("%s: %s: the key of its issuer %s is not on this host (external CA), so have a new one signed where the key is", spec.Name, fatal[0].Text, spec.Parent)
	case has[MissingCert] && !has[MissingKey]:
		return SameKey, nil
	}
	return Fresh, nil
}

// refuse ends the words with the name that lets the problem pass, if it has one.
func (p Problem) refuse(format string, args ...any) error {
	if name := p.Kind.Check(); name != "" {
		return fmt.Errorf(format+" [%s]", append(args, name)...)
	}
	return fmt.Errorf(format, args...)
}
