package main

import (
	"github.com/spf13/cobra"
)

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "qd-playground",
		Short: "A real Kubernetes control plane on loopback, without containers",
		Long: `qd-playground runs etcd, kube-apiserver, kube-controller-manager,
kube-scheduler, metrics-server and pretend kubelets (kwok) as processes of its
own, each listening on 127.0.0.1 only. No container engine is needed.`,
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newUpCommand())
	return root
}

// dirFlag is how every command says which playground it means.
func dirFlag(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "dir", "", "directory of the playground (required)")
	if err := cmd.MarkFlagRequired("dir"); err != nil {
		panic(err) // the flag was defined a line above
	}
}
