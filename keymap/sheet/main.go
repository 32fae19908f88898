// Command sheet prints the key sheet of the user guide, docs/keys.md.
package main

import (
	"fmt"

	"quarterdeck/keymap"
)

func main() { fmt.Print(keymap.Default().Sheet()) }
