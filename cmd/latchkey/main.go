// Command latchkey is the daemon and its command line: see the package cli.
package main

import (
	"os"

	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
)

// version is set by the build: -ldflags "-X main.version=v1.2.3".
var version string

func main() {
	os.Exit(cli.Main(version, os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
