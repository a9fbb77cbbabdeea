package unit

import (
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// parser collects the directives of a unit file and its drop-ins, in order.
type parser struct {
	u       Unit
	ignored map[string]bool
	limitAt map[string]int
	// burst and interval tell a limit set to 0 from one not set.
	burst, interval bool
}

func newParser(name string) *parser {
	return &parser{
		u: Unit{
			Name:         name,
			Restart:      RestartNo,
			RestartDelay: 100 * time.Millisecond,
			KillMode:     "control-group",
			KillSignal:   int(syscall.SIGTERM),
			SendKill:     true,
			StartTimeout: 90 * time.Second,
			StopTimeout:  90 * time.Second,
			Umask:        0o022,
		},
		ignored: map[string]bool{},
		limitAt: map[string]int{},
	}
}

func (p *parser) file(path string, data []byte) error {
	p.u.Sources = append(p.u.Sources, path)
	opts, err := options(data)
	if err != nil {
		return err
	}
	for _, o := range opts {
		if err := p.set(o.Section, o.Name, strings.TrimSpace(o.Value)); err != nil {
			return fmt.Errorf("[%s] %s=: %w", o.Section, o.Name, err)
		}
	}
	return nil
}

func (p *parser) finish() (Unit, error) {
	u := &p.u
	if u.Type == "" {
		u.Type = "simple"
	}
	if len(u.Start) == 0 {
		return Unit{}, fmt.Errorf("read unit %s: it has no ExecStart=", u.Name)
	}
	if len(u.Start) > 1 && u.Type != "oneshot" {
		return Unit{}, fmt.Errorf("read unit %s: more than one ExecStart= needs Type=oneshot; reset the first with an empty ExecStart= in the drop-in", u.Name)
	}
	if u.Type == "oneshot" && u.Restart == RestartAlways {
		return Unit{}, fmt.Errorf("read unit %s: Type=oneshot cannot have Restart=always", u.Name)
	}
	if u.StartLimitInterval > 0 && !p.burst {
		u.StartLimitBurst = 5
	}
	if p.burst && !p.interval {
		u.StartLimitInterval = 10 * time.Second
	}
	for name := range p.ignored {
		u.Ignored = append(u.Ignored, name)
	}
	slices.Sort(u.Ignored)
	return *u, nil
}

// set applies one directive; an empty value puts a list back to nothing and
// most single values back to their default, as in systemd.
func (p *parser) set(section, name, value string) (err error) {
	u := &p.u
	switch section + "." + name {
	case "Unit.Description":
		u.Description = value
	case "Unit.After":
		u.After = services(u.After, value)
	case "Unit.Requires", "Unit.BindsTo":
		u.Requires = services(u.Requires, value)
	case "Unit.Wants":
		u.Wants = services(u.Wants, value)
	case "Install.WantedBy":
		u.WantedBy = list(u.WantedBy, value)
	case "Unit.Documentation", "Install.Alias", "Install.Also", "Service.Delegate", "Service.StandardInput":
		// Nothing depends on them here: documentation, links, cgroups that
		// nobody else manages.
	case "Unit.StartLimitInterval", "Unit.StartLimitIntervalSec", "Service.StartLimitInterval":
		u.StartLimitInterval, err = span(value)
		p.interval = true
	case "Unit.StartLimitBurst", "Service.StartLimitBurst":
		u.StartLimitBurst, err = strconv.Atoi(value)
		p.burst = true
	case "Service.Type":
		switch value {
		case "simple", "exec", "notify", "oneshot":
			u.Type = value
		case "idle", "":
			u.Type = "simple"
		default:
			return fmt.Errorf("%q is not supported; use simple, exec, notify or oneshot", value)
		}
	case "Service.RemainAfterExit":
		u.RemainAfterExit, err = boolean(value)
	case "Service.ExecStart":
		u.Start, err = p.execs(u.Start, value)
	case "Service.ExecStartPre":
		u.StartPre, err = p.execs(u.StartPre, value)
	case "Service.Environment":
		err = p.environment(value)
	case "Service.EnvironmentFile":
		err = p.envFile(value)
	case "Service.Restart":
		u.Restart = Restart(value)
		if value == "" {
			u.Restart = RestartNo
		}
		if !slices.Contains([]Restart{RestartNo, RestartAlways, RestartOnSuccess, RestartOnFailure, RestartOnAbnormal, RestartOnAbort}, u.Restart) {
			return fmt.Errorf("%q is not supported", value)
		}
	case "Service.RestartSec":
		u.RestartDelay, err = span(value)
	case "Service.TimeoutStartSec":
		u.StartTimeout, err = bound(value)
	case "Service.TimeoutStopSec":
		u.StopTimeout, err = bound(value)
	case "Service.TimeoutSec":
		u.StartTimeout, err = bound(value)
		u.StopTimeout = u.StartTimeout
	case "Service.KillMode":
		if !slices.Contains([]string{"control-group", "mixed", "process"}, value) {
			return fmt.Errorf("%q is not supported", value)
		}
		u.KillMode = value
	case "Service.KillSignal":
		u.KillSignal, err = signal(value)
	case "Service.SendSIGKILL":
		u.SendKill, err = boolean(value)
	case "Service.OOMScoreAdjust":
		var n int
		if n, err = strconv.Atoi(value); err == nil && (n < -1000 || n > 1000) {
			err = fmt.Errorf("%d is not between -1000 and 1000", n)
		}
		u.OOMScoreAdjust = &n
	case "Service.User":
		u.User, err = p.specifiers(value)
	case "Service.Group":
		u.Group, err = p.specifiers(value)
	case "Service.WorkingDirectory":
		u.WorkingDirectory, err = p.specifiers(value)
	case "Service.UMask":
		var n uint64
		n, err = strconv.ParseUint(value, 8, 12)
		u.Umask = fs.FileMode(n)
	default:
		if resource, ok := strings.CutPrefix(name, "Limit"); ok && section == "Service" {
			return p.limit(resource, value)
		}
		if !strings.HasPrefix(section, "X-") && !strings.HasPrefix(name, "X-") {
			p.ignored[section+"."+name+"="] = true
		}
	}
	return err
}

func (p *parser) limit(resource, value string) error {
	l := Limit{Resource: resource}
	soft, hard, two := strings.Cut(value, ":")
	var err error
	if l.Soft, err = amount(soft); err != nil {
		return err
	}
	if l.Hard = l.Soft; two {
		if l.Hard, err = amount(hard); err != nil {
			return err
		}
	}
	if l.Soft > l.Hard {
		return fmt.Errorf("the soft limit %s is above the hard limit %s", soft, hard)
	}
	if at, ok := p.limitAt[resource]; ok {
		p.u.Limits[at] = l
		return nil
	}
	p.limitAt[resource] = len(p.u.Limits)
	p.u.Limits = append(p.u.Limits, l)
	return nil
}

func (p *parser) environment(value string) error {
	if value == "" {
		p.u.Environment = nil
		return nil
	}
	words, err := split(value)
	if err != nil {
		return err
	}
	for _, w := range words {
		if w, err = p.specifiers(w); err != nil {
			return err
		}
		if name, _, ok := strings.Cut(w, "="); !ok || !variable(name) {
			return fmt.Errorf("%q is no assignment", w)
		}
		p.u.Environment = append(p.u.Environment, w)
	}
	return nil
}

func (p *parser) envFile(value string) error {
	if value == "" {
		p.u.EnvFiles = nil
		return nil
	}
	path, optional := strings.CutPrefix(value, "-")
	path, err := p.specifiers(path)
	if err != nil {
		return err
	}
	if !strings.HasPrefix(path, "/") {
		return fmt.Errorf("%q is no absolute path", path)
	}
	p.u.EnvFiles = append(p.u.EnvFiles, EnvFile{Path: path, Optional: optional})
	return nil
}
