// Command qd-playground runs a real Kubernetes control plane on loopback,
// without containers, for demos, end-to-end tests and benchmarks.
package main

import (
	"fmt"
	"os"

	"github.com/spf13/pflag"

	"quarterdeck/playground/parts"
)

func main() {
	if len(os.Args) > 1 {
		if code, ok := parts.Run(os.Args[1], os.Args[2:]); ok {
			os.Exit(code)
		}
	}
	// The parts have registered their flags here, and cobra would show them
	// as ours.
	pflag.CommandLine = pflag.NewFlagSet(os.Args[0], pflag.ContinueOnError)
	if err := newCommand().Execute(); err != nil {
		fmt.Fprintf(os.Stderr, "qd-playground: %v\n", err)
		os.Exit(1)
	}
}
