package foreign

import (
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"keelway.dev/keelway/internal/cluster/file"
	"keelway.dev/keelway/internal/cluster/foreign/ansible"
)

// variables are those of one scope. What is read is taken out, and what remains
// is told in the end.
type variables struct {
	m    *Imported
	vars ansible.Vars
}

// value takes a variable. A template stays where it is: it has no value here.
func (v variables) value(name string) (any, bool) {
	found, ok := v.vars[name]
	if !ok || template(found.Value) {
		return nil, false
	}
	delete(v.vars, name)
	return found.Value, found.Value != nil
}

func (v variables) text(name string) string {
	value, ok := v.value(name)
	if !ok {
		return ""
	}
	return word(value)
}

func (v variables) yes(name string) bool {
	value, _ := v.value(name)
	return value == true
}

func (v variables) list(name string) []string {
	value, _ := v.value(name)
	return texts(value)
}

func (v variables) dict(name string) map[string]any {
	value, _ := v.value(name)
	found, _ := value.(map[string]any)
	return found
}

// expect notes a variable that says something else than Keelway does.
func (v variables) expect(name, want, why string) {
	at := v.vars[name].File
	if have := v.text(name); have != "" && have != want {
		v.m.leave(at, name, "%s", why)
	}
}

// template tells a value that Ansible computes, or that only its vault can open.
func template(value any) bool {
	text, ok := value.(string)
	return ok && (strings.Contains(text, "{{") || strings.Contains(text, "{%") || strings.HasPrefix(text, "$ANSIBLE_VAULT"))
}

// host makes a host of one in the inventory; false is one that is no part of
// the cluster.
func (v variables) host(i *ansible.Inventory, name string) (file.Host, bool) {
	own := variables{v.m, maps.Clone(i.Host(name))}
	h := file.Host{Name: name}
	if i.In(name, planes()...) {
		h.Roles = append(h.Roles, file.ControlPlane)
	}
	if i.In(name, workers()...) {
		h.Roles = append(h.Roles, file.Worker)
	}
	if i.In(name, "etcd") {
		h.Roles = append(h.Roles, file.EtcdMember)
	}
	if len(h.Roles) == 0 {
		return h, false
	}
	inner := own.text("ip")
	if access := own.text("access_ip"); inner == "" {
		inner = access
	} else if access != "" && access != inner {
		v.m.leave("host "+name, "access_ip", "the other hosts reach it by one address, which is ip")
	}
	h.Address = own.text("ansible_host")
	for _, other := range []string{own.text("ansible_ssh_host"), inner, name} {
		if h.Address == "" {
			h.Address = other
		}
	}
	if inner != "" && inner != h.Address {
		h.NodeAddress = inner
	}
	own.ssh(&h.SSH)
	for key, value := range own.dict("node_labels") {
		if key == file.ZoneLabel {
			h.Zone = word(value)
			continue
		}
		if h.Labels == nil {
			h.Labels = map[string]string{}
		}
		h.Labels[key] = word(value)
	}
	for _, text := range own.list("node_taints") {
		if t, ok := taint(text); ok {
			h.Taints = append(h.Taints, t)
		} else {
			v.m.leave("host "+name, "node_taints", "one of them is not of the form key=value:effect")
		}
	}
	delete(own.vars, "etcd_member_name") // a member has its node's name
	for _, field := range slices.Sorted(maps.Keys(own.vars)) {
		if value := own.vars[field].Value; !empty(value) && !idle(field, value) {
			v.m.leave("host "+name, field, "there is no field for it in a host")
		}
	}
	return h, true
}

// taint reads key=value:effect; the value may be missing.
func taint(text string) (corev1.Taint, bool) {
	pair, effect, ok := strings.Cut(text, ":")
	key, value, _ := strings.Cut(pair, "=")
	return corev1.Taint{Key: key, Value: value, Effect: corev1.TaintEffect(effect)}, ok && key != ""
}

// ssh takes what Ansible logs in with.
func (v variables) ssh(s *file.SSH) {
	for _, name := range []string{"ansible_user", "ansible_ssh_user"} {
		if text := v.text(name); text != "" {
			s.User = text
		}
	}
	for _, name := range []string{"ansible_port", "ansible_ssh_port"} {
		if n, err := strconv.Atoi(v.text(name)); err == nil && n != 22 {
			s.Port = n
		}
	}
	s.KeyFile = v.text("ansible_ssh_private_key_file")
	for _, name := range []string{"ansible_password", "ansible_ssh_pass", "ansible_become_pass", "ansible_become_password"} {
		if found, ok := v.vars[name]; ok {
			delete(v.vars, name)
			v.m.leave(found.File, name, "a cluster file holds no password: use a key, and sudo without one")
		}
	}
	for _, name := range []string{"ansible_ssh_common_args", "ansible_ssh_extra_args", "ansible_become_user", "ansible_connection"} {
		if found, ok := v.vars[name]; ok && fmt.Sprint(found.Value) != "root" && fmt.Sprint(found.Value) != "ssh" {
			delete(v.vars, name)
			v.m.leave(found.File, name, "say it in ~/.ssh/config, or as user, port, keyFile and jump of the host")
		}
	}
}

// common takes what Ansible logs in with everywhere.
func (v variables) common() {
	var s file.SSH
	if have := v.m.Cluster.Spec.SSH; have != nil {
		s = *have
	}
	v.ssh(&s)
	if s != (file.SSH{}) {
		v.m.Cluster.Spec.SSH = &s
	}
}

// bastion makes the jump host of all of it.
func (v variables) bastion(name string, vars ansible.Vars) {
	own := variables{v.m, maps.Clone(vars)}
	var s file.SSH
	own.ssh(&s)
	address := own.text("ansible_host")
	if address == "" {
		address = name
	}
	if s.Port != 0 {
		address = net.JoinHostPort(address, strconv.Itoa(s.Port))
	}
	if s.User != "" {
		address = s.User + "@" + address
	}
	if s.KeyFile != "" {
		v.m.leave("host "+name, "ansible_ssh_private_key_file", "name the jump host's key in ~/.ssh/config, or use an agent")
	}
	v.m.Cluster.Spec.SSH = &file.SSH{Jump: address}
}
