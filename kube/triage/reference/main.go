// Command reference prints the catalogue of rules of the user guide,
// docs/triage-rules.md.
package main

import (
	"fmt"
	"os"

	"quarterdeck/kube/triage"
)

func main() {
	if err := triage.WriteReference(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
