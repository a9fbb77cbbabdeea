package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"keelway.dev/keelway/internal/cluster"
	"keelway.dev/keelway/internal/operation"
)

// usageOf makes an error of what the user typed one of usage.
func usageOf(err error) error {
	var unknown *operation.UnknownNameError
	var ambiguous *operation.AmbiguousNameError
	if errors.As(err, &unknown) || errors.As(err, &ambiguous) {
		return usageError{err}
	}
	return err
}

func printExplanation(w io.Writer, e *operation.Explanation, width int) {
	if e.File != nil {
		printFile(w, e, width)
		return
	}
	about := "the cluster on this machine"
	if e.Basis == operation.Defaulted {
		about = "what it would do with these options"
	}
	fmt.Fprintf(w, "%s on %s: %s(%s)\n", e.By, e.Host, clusterIs(e.Kubernetes, e.Profile, " "), about)
	phase := ""
	for _, step := range e.Steps {
		if step.Phase != phase {
			phase = step.Phase
			fmt.Fprintf(w, "\n%s\n", strings.ToUpper(phase))
		}
		printStep(w, step, width)
	}
	if len(e.Security) == 0 {
		return
	}
	fmt.Fprint(w, "\nSECURITY\n")
	for _, s := range e.Security {
		state := "on "
		if !s.On {
			state = "OFF"
		}
		fmt.Fprintf(w, "  %s  %s: %s\n", state, s.ID, s.What)
		paragraph(w, "       ", s.Why, width)
		if s.On {
			fmt.Fprintf(w, "       made by %s\n", strings.Join(s.Steps, ", "))
		}
		for _, line := range s.Where {
			if len(e.Security) == 1 {
				fmt.Fprintf(w, "       %s  %s\n", line.File, line.Text)
			}
		}
	}
}

// clusterIs says of a cluster what is known of it, and after it what ends it.
func clusterIs(kubernetes string, profile cluster.Profile, end string) string {
	switch {
	case kubernetes == "":
		return ""
	case profile == "":
		return "Kubernetes " + kubernetes + end
	}
	return fmt.Sprintf("Kubernetes %s, profile %s%s", kubernetes, profile, end)
}

func printStep(w io.Writer, s operation.ExplainedStep, width int) {
	const indent = "      "
	fmt.Fprintf(w, "  %s: %s\n", s.ID, s.What)
	paragraph(w, indent, s.Why, width)
	var rows [][]string
	for _, f := range s.Files {
		rows = append(rows, []string{f.Path, f.Mode, f.Kind, readers(f)})
	}
	for _, c := range s.Settings {
		rows = append(rows, []string{c.Name + " = " + c.Value, "", "kernel setting", c.Note})
	}
	for _, i := range s.Images {
		rows = append(rows, []string{i, "", "image", ""})
	}
	for _, o := range s.Objects {
		rows = append(rows, []string{o.Name, "", "object", o.Why})
	}
	if s.Service != nil {
		rows = append(rows, []string{s.Service.Name, "", "service", "started again when one of these changes: " + strings.Join(s.Service.Reads, " ")})
	}
	if s.Waits != "" {
		rows = append(rows, []string{"waits for " + s.Waits, "", "", ""})
	}
	hanging(w, indent, rows, width)
}

func readers(f operation.ExplainedFile) string {
	words := f.Note
	if len(f.Readers) > 0 {
		words = "read by " + strings.Join(f.Readers, ", ")
		if f.Note != "" {
			words += ": " + f.Note
		}
	}
	if f.Secret {
		words += " (secret)"
	}
	return words
}

func printFile(w io.Writer, e *operation.Explanation, width int) {
	f := e.File
	fmt.Fprintln(w, f.Path)
	say := func(name, words string) {
		if words == "" {
			return
		}
		const column = 15
		lead := fmt.Sprintf("  %-*s", column-2, name)
		var b strings.Builder
		paragraph(&b, strings.Repeat(" ", column), words, width)
		fmt.Fprint(w, lead+b.String()[column:])
	}
	say("what", strings.TrimSuffix(f.Kind+": "+f.Note, ": "))
	say("read by", strings.Join(f.Readers, ", "))
	say("written", f.When)
	for _, s := range e.Steps {
		say("step", s.ID+": "+s.What)
		say("why", s.Why)
	}
	if f.Inside && len(e.Steps) == 0 {
		say("folder", "made by step "+f.Writer)
	}
	if f.Mode != "" {
		secret := ""
		if f.Secret {
			secret = "; secret: its content is never shown"
		}
		say("mode", f.Mode+secret)
	}
	if len(f.Restarts) > 0 {
		say("when changed", "`"+e.By+"` starts "+strings.Join(f.Restarts, " and ")+" again")
	}
	printFileState(say, f, e.By)
}

func printFileState(say func(name, words string), f *operation.FileExplanation, by string) {
	now := f.Now
	if !now.Exists {
		say("now", "it does not exist")
		return
	}
	words := fmt.Sprintf("%s, mode %s, owner %s", now.Kind, now.Mode, now.Owner)
	if now.Size > 0 {
		words += fmt.Sprintf(", %d bytes", now.Size)
	}
	if now.Link != "" {
		words += ", leads to " + now.Link
	}
	if now.Modified != nil && now.Modified.Unix() != 0 {
		words += ", changed " + now.Modified.Format(time.DateTime)
	}
	say("now", words)
	say("sha256", now.SHA256)
	if now.Server != "" {
		say("kubeconfig", fmt.Sprintf("user %s, server %s", now.User, now.Server))
	}
	if c := now.Certificate; c != nil {
		say("certificate", fmt.Sprintf("%s, issued by %s, %s", c.Subject, c.Issuer, c.Key))
		say("names", strings.Join(c.Names, ", "))
		left := fmt.Sprintf("%d days left", c.DaysLeft)
		if c.DaysLeft < 0 {
			left = "EXPIRED"
		}
		say("valid", fmt.Sprintf("%s to %s, %s", c.NotBefore.Format(time.DateOnly), c.NotAfter.Format(time.DateOnly), left))
	}
	switch {
	case now.Difference != "":
		say("differs", now.Difference+"; `"+by+"` would put it right")
	case now.Compared && f.WaitedFor == "":
		say("as desired", "yes")
	}
}
