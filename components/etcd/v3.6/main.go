// Command etcd is the etcd server and its two tools in one file.
package main

import (
	"os"

	"github.com/spf13/cobra"
	"go.etcd.io/etcd/etcdctl/v3/ctlv3"
	"go.etcd.io/etcd/etcdutl/v3/etcdutl"
	"go.etcd.io/etcd/pkg/v3/cobrautl"
	"go.etcd.io/etcd/server/v3/etcdmain"

	"keelway.dev/keelway/components/multicall"
)

func main() {
	os.Exit(multicall.Main([]multicall.Program{
		{Name: "etcd", Run: serve},
		{Name: "etcdctl", Run: control},
		{Name: "etcdutl", Run: maintain},
	}))
}

func serve() int {
	etcdmain.Main(os.Args)
	return 0
}

func control() int {
	ctlv3.MustStart()
	return 0
}

// maintain is etcdutl: upstream keeps its root command in package main, so it
// is put together again here from the exported commands.
func maintain() int {
	cobra.EnablePrefixMatching = true
	root := &cobra.Command{Use: "etcdutl", Short: "An administrative command line tool for etcd3."}
	root.PersistentFlags().StringVarP(&etcdutl.OutputFormat, "write-out", "w", "simple", "set the output format (fields, json, protobuf, simple, table)")
	root.AddCommand(
		etcdutl.NewDefragCommand(),
		etcdutl.NewSnapshotCommand(),
		etcdutl.NewHashKVCommand(),
		etcdutl.NewVersionCommand(),
		etcdutl.NewCompletionCommand(),
		etcdutl.NewMigrateCommand(),
	)
	root.SetHelpTemplate(`{{.UsageString}}`)
	if err := root.Execute(); err != nil {
		cobrautl.ExitWithError(cobrautl.ExitError, err)
	}
	return 0
}
