package config_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"keelway.dev/keelway/internal/config"
)

// TestExamplesArePeers compares what is printed with the real kubeadm 1.37.0,
// which compat/ builds.
func TestExamplesArePeers(t *testing.T) {
	kubeadm := os.Getenv("KEELWAY_KUBEADM")
	if kubeadm == "" {
		t.Skip("KEELWAY_KUBEADM does not name the real kubeadm, which compat/ builds")
	}
	node, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	rows := []struct {
		args string
		ours []byte
	}{
		{"init-defaults", initExample(t)},
		{"init-defaults --component-configs KubeletConfiguration,KubeProxyConfiguration", initExample(t, "KubeletConfiguration", "KubeProxyConfiguration")},
		{"init-defaults --component-configs KubeProxyConfiguration,KubeletConfiguration", initExample(t, "KubeProxyConfiguration", "KubeletConfiguration")},
		{"join-defaults", config.JoinExample(strings.ToLower(node))},
		{"reset-defaults", config.ResetExample()},
		{"upgrade-defaults", config.UpgradeExample()},
	}
	for _, row := range rows {
		t.Run(row.args, func(t *testing.T) {
			c := exec.Command(kubeadm, append([]string{"config", "print"}, strings.Fields(row.args)...)...)
			want, err := c.Output()
			if err != nil {
				t.Fatal(err)
			}
			if string(want) != string(row.ours) {
				t.Errorf("kubeadm prints\n%s\nand we\n%s", want, row.ours)
			}
		})
	}
}

func initExample(t *testing.T, kinds ...string) []byte {
	t.Helper()
	data, err := config.InitExample("v1.37.0", kinds...)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
