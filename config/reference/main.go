// Command reference prints the page of the user guide about the configuration,
// docs/config.md.
package main

import (
	"fmt"

	"quarterdeck/config"
)

func main() { fmt.Print(config.Reference()) }
