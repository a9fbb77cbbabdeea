package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"github.com/spf13/cobra"

	"keelway.dev/keelway/internal/kube"
	"keelway.dev/keelway/internal/prior"
)

// kubectlPath is where the bundle's kubectl is installed.
const kubectlPath = "/usr/bin/kubectl"

// kubectlCache is where kubectl keeps what it learned of the API, instead of in
// the user's ~/.kube: it goes with the cluster.
const kubectlCache = prior.Dir + "/kubectl"

func newKubectl(streams) *cobra.Command {
	return &cobra.Command{
		Use:   "kubectl [arguments]",
		Short: "Run the cluster's own kubectl as its administrator",
		Long: `Run the cluster's own kubectl. It uses $KUBECONFIG where that is set, else
/etc/kubernetes/admin.conf.`,
		DisableFlagParsing: true,
		RunE: func(_ *cobra.Command, args []string) error {
			env := os.Environ()
			if os.Getenv("KUBECONFIG") == "" {
				if _, err := os.Stat(kube.AdminConf); errors.Is(err, os.ErrNotExist) {
					return fmt.Errorf("there is no cluster on this machine: %s does not exist; make one with `keelway up`, or set KUBECONFIG", kube.AdminConf)
				}
				env = append(env, "KUBECONFIG="+kube.AdminConf)
				if os.Getenv("KUBECACHEDIR") == "" {
					env = append(env, "KUBECACHEDIR="+kubectlCache)
				}
			}
			path, err := exec.LookPath(kubectlPath)
			if err != nil {
				return fmt.Errorf("kubectl is not installed: %w; `keelway up` installs it", err)
			}
			// kubectl takes the place of this process: its signals, terminal and exit code are its own.
			return syscall.Exec(path, append([]string{"kubectl"}, args...), env)
		},
	}
}
