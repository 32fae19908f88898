// Quarterdeck (qd) runs Kubernetes clusters from a terminal.
package main

import (
	"os"

	"quarterdeck/cli"
)

// version is set by the release build.
var version = "dev"

func main() {
	os.Exit(cli.Main(version, os.Args[1:], cli.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}, os.Environ()))
}
