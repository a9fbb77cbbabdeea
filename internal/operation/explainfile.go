package operation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"keelway.dev/keelway/internal/desired"
	"keelway.dev/keelway/internal/host"
	"keelway.dev/keelway/internal/observe"
	"keelway.dev/keelway/internal/plan"
)

// FileExplanation is everything about one file.
type FileExplanation struct {
	ExplainedFile
	// Writer is the step that writes it; for what components write themselves,
	// the step that makes the folder, with Inside true.
	Writer string `json:"writer,omitempty"`
	Inside bool   `json:"inside,omitempty"`
	When   string `json:"when"`
	// Restarts are the services that are started again when it changes.
	Restarts []string `json:"restarts,omitempty"`
	// WaitedFor is the step that waits for it.
	WaitedFor string    `json:"waitedFor,omitempty"`
	Now       FileState `json:"now"`
}

// FileState is how a file is at this moment. Of a secret it never holds
// anything that its content could be guessed from.
type FileState struct {
	Exists bool   `json:"exists"`
	Kind   string `json:"kind,omitempty"`
	Mode   string `json:"mode,omitempty"`
	Owner  string `json:"owner,omitempty"`
	// Size is in bytes; directories have none.
	Size     int64      `json:"size,omitempty"`
	Modified *time.Time `json:"modified,omitempty"`
	Link     string     `json:"link,omitempty"`
	SHA256   string     `json:"sha256,omitempty"`
	// Certificate is the one in the file, or in the kubeconfig.
	Certificate *CertificateState `json:"certificate,omitempty"`
	// Server and User are a kubeconfig's.
	Server string `json:"server,omitempty"`
	User   string `json:"user,omitempty"`
	// Difference is what is not as it should be about it, and why; Compared is
	// false where nobody has written down how it should be.
	Difference string `json:"difference,omitempty"`
	Compared   bool   `json:"compared"`
}

func (m *Machine) explainFile(ctx context.Context, file string, is *expectation) (*FileExplanation, error) {
	want := is.want
	e := &FileExplanation{ExplainedFile: ExplainedFile{Path: file, Kind: "file"}}
	var writer *desired.Resource
	for i, r := range want.Resources {
		if r.Service != nil && slices.Contains(r.Service.Reads, file) {
			e.Restarts = append(e.Restarts, r.Service.Name)
		}
		if r.Wait != nil && r.Wait.Target == file {
			e.WaitedFor = r.ID
		}
		if r.Bootstrap != nil && slices.Contains(r.Bootstrap.Until, file) {
			e.WaitedFor, e.ExplainedFile = r.ID, identityFile(file)
		}
		for _, f := range explainFiles(want, r) {
			// A folder may stand in several steps; the first one makes it.
			if f.Path == file && writer == nil {
				e.ExplainedFile, writer = f, &want.Resources[i]
			}
		}
	}
	switch {
	case writer != nil:
		e.Writer, e.When = writer.ID, when(*writer, is.by)
	case e.WaitedFor != "":
		r := find(want, e.WaitedFor)
		e.When = fmt.Sprintf("%s writes it while it runs; `%s` waits for it in %s", r.Component, is.by, r.ID)
	default:
		r := enclosing(file, want)
		e.Writer, e.Inside, e.Secret = r.ID, true, true // nobody has said that it is not
		e.When = "not by `" + is.by + "`: whoever uses the folder writes it while it runs"
		for _, f := range explainFiles(want, *r) {
			if f.Kind == "directory" && strings.HasPrefix(file, f.Path+"/") {
				e.Readers, e.Note = f.Readers, f.Note+" ("+f.Path+")"
			}
		}
	}
	var err error
	if e.Now, err = m.fileState(ctx, e.ExplainedFile); err != nil {
		return nil, err
	}
	if writer != nil {
		var sum string
		e.Now.Difference, sum, err = m.difference(ctx, *writer, is, file)
		_, given := is.given.Files[file]
		e.Now.Compared = is.up() || given
		if !e.Secret && e.Now.Link == "" {
			e.Now.SHA256 = sum
		}
	}
	return e, err
}

// identityFile is one with which a kubelet logs in, which it has asked for itself.
func identityFile(file string) ExplainedFile {
	f := ExplainedFile{Path: file, Kind: "private key", Mode: "0600", Secret: true, Readers: []string{"kubelet"}, Note: "this node's certificate and key; the kubelet renews it by itself"}
	if file == kubeletConf {
		f.Kind, f.Note = "kubeconfig", "this Node's identity; the Node authorizer lets it see only what its own pods need"
	}
	return f
}

func find(want desired.Host, id string) desired.Resource {
	for _, r := range want.Resources {
		if r.ID == id {
			return r
		}
	}
	return desired.Resource{}
}

// when says in words when a step writes.
func when(r desired.Resource, by string) string {
	by = "by `" + by + "`"
	switch {
	case r.Key != nil, r.Keypair != nil:
		return "once, " + by + "; it is never replaced"
	case r.Certificate != nil && r.Certificate.CA:
		return "once, " + by + "; an authority is never replaced on its own"
	case r.Certificate != nil, r.Kubeconfig != nil:
		return by + ", when it is missing, has expired or does not say what it must"
	}
	return by + ", whenever it differs"
}

// difference is what is not as it should be about a file, "" for nothing, and its
// checksum. On a machine that was given something, that is the measure.
func (m *Machine) difference(ctx context.Context, r desired.Resource, is *expectation, file string) (words, sum string, err error) {
	one := desired.Host{Name: is.want.Name, Resources: []desired.Resource{r}}
	seen, err := m.Observer.Look(ctx, one)
	if err != nil {
		return "", "", err
	}
	sum = seen.Files[file].SHA256
	if !is.up() {
		have, ok := seen.Files[file]
		return fileGiven(is.given, file, have, ok), sum, nil
	}
	in := plan.Inputs{Binaries: known(is.programs, one, seen), Now: m.Now()}
	if len(r.Files) > 0 {
		// The step's other files are not asked about.
		one.Resources[0].Files = slices.DeleteFunc(slices.Clone(r.Files), func(f desired.File) bool { return f.Path != file })
	}
	p := plan.Make(one, seen, in)
	for _, s := range p.Steps {
		return s.Reason, sum, nil
	}
	return strings.Join(p.Refusals, "; "), sum, nil
}

// fileState looks at one file.
func (m *Machine) fileState(ctx context.Context, f ExplainedFile) (FileState, error) {
	entry, err := m.Host.Stat(ctx, f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return FileState{}, nil
	}
	if err != nil {
		return FileState{}, err
	}
	at := entry.ModTime
	s := FileState{
		Exists: true, Kind: host.TypeName(entry.Mode), Mode: octal(entry.Mode), Owner: fmt.Sprintf("%d:%d", entry.UID, entry.GID),
		Modified: &at, Link: entry.Link,
	}
	if !entry.Mode.IsRegular() && entry.Link == "" {
		return s, nil
	}
	s.Size = entry.Size
	if entry.Size > 1<<20 || f.Kind == "program" || strings.HasPrefix(f.Kind, "link") {
		return s, nil
	}
	text, err := observe.ReadText(ctx, m.Host, f.Path)
	if err != nil {
		return s, nil //nolint:nilerr // a link that leads nowhere is a state too
	}
	data := []byte(text)
	if !f.Secret {
		sum := sha256.Sum256(data)
		s.SHA256 = hex.EncodeToString(sum[:])
	}
	if f.Kind == "kubeconfig" {
		m.kubeconfigState(ctx, data, &s)
		return s, nil
	}
	s.Certificate = certificateState(data, m.Now())
	return s, nil
}

func (m *Machine) kubeconfigState(ctx context.Context, data []byte, s *FileState) {
	c, err := clientcmd.Load(data)
	if err != nil {
		return
	}
	current := c.Contexts[c.CurrentContext]
	if current == nil {
		return
	}
	s.User = current.AuthInfo
	if cluster := c.Clusters[current.Cluster]; cluster != nil {
		s.Server = cluster.Server
	}
	if user := c.AuthInfos[current.AuthInfo]; user != nil {
		pem := user.ClientCertificateData
		if user.ClientCertificate != "" {
			text, _ := observe.ReadText(ctx, m.Host, user.ClientCertificate)
			pem = []byte(text)
		}
		s.Certificate = certificateState(pem, m.Now())
	}
}
