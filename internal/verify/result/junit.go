package result

import (
	"encoding/xml"
	"io"
	"strings"
	"time"
)

// suite and testCase are JUnit's, as CI systems read them.
type suite struct {
	XMLName   xml.Name   `xml:"testsuite"`
	Name      string     `xml:"name,attr"`
	Tests     int        `xml:"tests,attr"`
	Failures  int        `xml:"failures,attr"`
	Errors    int        `xml:"errors,attr"`
	Skipped   int        `xml:"skipped,attr"`
	Time      float64    `xml:"time,attr"`
	Timestamp string     `xml:"timestamp,attr"`
	Cases     []testCase `xml:"testcase"`
}

type testCase struct {
	ClassName string   `xml:"classname,attr"`
	Name      string   `xml:"name,attr"`
	Time      float64  `xml:"time,attr"`
	Failure   *message `xml:"failure"`
	Skipped   *message `xml:"skipped"`
	Output    string   `xml:"system-out,omitempty"`
}

type message struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// WriteJUnit writes the report as one test suite, a case for each check.
func (r Report) WriteJUnit(w io.Writer) error {
	s := suite{
		Name: "keelway verify", Tests: len(r.Results), Failures: r.Count(Failed), Skipped: r.Count(Skipped),
		Timestamp: r.Time.UTC().Format(time.RFC3339),
	}
	for _, one := range r.Results {
		s.Time = max(s.Time, one.Seconds)
		c := testCase{ClassName: "keelway.verify", Name: one.Name, Time: one.Seconds, Output: one.Seen}
		switch one.Level {
		case Failed:
			c.Failure = &message{Message: one.first(Failed), Text: one.text()}
		case Skipped:
			c.Skipped = &message{Message: one.first(Skipped)}
		case Warning:
			c.Output = strings.TrimSpace(c.Output + "\n" + one.text())
		}
		s.Cases = append(s.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	e := xml.NewEncoder(w)
	e.Indent("", "  ")
	if err := e.Encode(s); err != nil {
		return err
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func (r Result) first(l Level) string {
	for _, f := range r.Findings {
		if f.Level == l {
			return f.String()
		}
	}
	return ""
}

func (r Result) text() string {
	lines := []string{"looked at: " + r.What, "why: " + r.Why}
	for _, f := range r.Findings {
		lines = append(lines, string(f.Level)+": "+f.String())
		if f.Fix != "" {
			lines = append(lines, "what to do: "+f.Fix)
		}
	}
	return strings.Join(lines, "\n")
}

func (f Finding) String() string {
	if f.Where == "" {
		return f.Message
	}
	return f.Where + ": " + f.Message
}
