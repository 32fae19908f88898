package main

import (
	"os"

	"quarterdeck/playground/parts"
)

func main() {
	if len(os.Args) > 1 {
		if code, ok := parts.Run(os.Args[1], os.Args[2:]); ok {
			os.Exit(code)
		}
	}
}
