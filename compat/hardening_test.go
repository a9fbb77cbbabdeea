// Package compat gives what Keelway writes to the upstream code that reads it.
package compat

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	"k8s.io/apiserver/pkg/admission"
	"k8s.io/apiserver/pkg/apis/apiserver"
	"k8s.io/apiserver/pkg/apis/apiserver/install"
	auditapi "k8s.io/apiserver/pkg/apis/audit"
	"k8s.io/apiserver/pkg/audit/policy"
	"k8s.io/apiserver/pkg/authentication/user"
	"k8s.io/apiserver/pkg/authorization/authorizer"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	"k8s.io/kubernetes/pkg/kubeapiserver/options"
	"k8s.io/pod-security-admission/admission/api/load"
)

// golden is the folder of the files that a hardened host gets.
const golden = "../internal/desired/testdata/hardened/files/etc/kubernetes/"

func TestEncryption(t *testing.T) {
	data, err := os.ReadFile(golden + "encryption/config.yaml")
	if err != nil {
		t.Fatal(err)
	}
	key := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	file := filepath.Join(t.TempDir(), "config.yaml")
	if err := os.WriteFile(file, bytes.ReplaceAll(data, []byte("@KEY@"), []byte(key)), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := encryptionconfig.LoadEncryptionConfig(context.Background(), file, false, "test")
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Transformers) != 1 {
		t.Errorf("%d resources are encrypted, want Secrets only", len(c.Transformers))
	}
}

func TestAuthentication(t *testing.T) {
	o := options.NewBuiltInAuthenticationOptions().WithAll()
	o.AuthenticationConfigFile = golden + "authentication/config.yaml"
	o.ServiceAccounts.Issuers = []string{"https://kubernetes.default.svc.cluster.local"}
	c, err := o.ToAuthenticationConfig()
	if err != nil {
		t.Fatal(err)
	}
	if !c.Anonymous.Enabled || len(c.Anonymous.Conditions) != 4 {
		t.Errorf("anonymous requests: %+v", c.Anonymous)
	}
}

func TestAdmission(t *testing.T) {
	scheme := runtime.NewScheme()
	install.Install(scheme)
	utilruntime.Must(apiserver.AddToScheme(scheme))
	provider, err := admission.ReadAdmissionConfiguration([]string{"PodSecurity"}, golden+"admission/config.yaml", scheme)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := provider.ConfigFor("PodSecurity")
	if err != nil || reader == nil {
		t.Fatalf("no configuration of PodSecurity: %v", err)
	}
	c, err := load.LoadFromReader(reader)
	if err != nil {
		t.Fatal(err)
	}
	if c.Defaults.Enforce != "privileged" || c.Defaults.Warn != "baseline" || c.Defaults.Audit != "baseline" {
		t.Errorf("pod security defaults: %+v", c.Defaults)
	}
}

func TestAudit(t *testing.T) {
	p, err := policy.LoadPolicyFromFile(golden + "audit/policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range p.Rules {
		if rule.Level != auditapi.LevelNone && rule.Level != auditapi.LevelMetadata {
			t.Errorf("level %s would write bodies", rule.Level)
		}
	}
	rows := []struct {
		who, group, verb, api, resource, path string
		want                                  auditapi.Level
	}{
		{"kubernetes-admin", "kubeadm:cluster-admins", "create", "", "pods", "", auditapi.LevelMetadata},
		{"kubernetes-admin", "kubeadm:cluster-admins", "get", "", "secrets", "", auditapi.LevelMetadata},
		{"kubernetes-admin", "kubeadm:cluster-admins", "list", "", "configmaps", "", auditapi.LevelMetadata},
		{"system:node:node-1", "system:nodes", "get", "", "secrets", "", auditapi.LevelMetadata},
		{"system:node:node-1", "system:nodes", "watch", "", "pods", "", auditapi.LevelNone},
		{"system:node:node-1", "system:nodes", "patch", "", "nodes", "", auditapi.LevelMetadata},
		{"system:kube-scheduler", "system:authenticated", "list", "", "pods", "", auditapi.LevelNone},
		{"system:kube-scheduler", "system:authenticated", "create", "", "pods", "", auditapi.LevelMetadata},
		{"system:kube-controller-manager", "system:authenticated", "update", "coordination.k8s.io", "leases", "", auditapi.LevelNone},
		{"kubernetes-admin", "system:authenticated", "delete", "coordination.k8s.io", "leases", "", auditapi.LevelMetadata},
		{"kubernetes-admin", "system:authenticated", "create", "", "events", "", auditapi.LevelNone},
		{"system:anonymous", "system:unauthenticated", "get", "", "", "/livez", auditapi.LevelNone},
		{"system:anonymous", "system:unauthenticated", "get", "", "", "/api", auditapi.LevelMetadata},
		{"system:anonymous", "system:unauthenticated", "get", "", "configmaps", "", auditapi.LevelMetadata},
	}
	evaluator := policy.NewPolicyRuleEvaluator(p)
	for _, row := range rows {
		attributes := authorizer.AttributesRecord{
			User: &user.DefaultInfo{Name: row.who, Groups: []string{row.group}},
			Verb: row.verb, APIGroup: row.api, Resource: row.resource, ResourceRequest: row.resource != "", Path: row.path,
		}
		if got := evaluator.EvaluatePolicyRule(attributes).Level; got != row.want {
			t.Errorf("%s %s %s%s is recorded at %s, want %s", row.who, row.verb, row.resource, row.path, got, row.want)
		}
	}
}
