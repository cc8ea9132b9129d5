package canary

import (
	"os"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
)

// childEnv makes this program the command line of latchkey, for what only a process of its own shows: arguments, standard error, and a crash.
const childEnv = "LATCHKEY_CANARY_CHILD"

// panicEnv, set beside it, is what the child panics with when it gets SIGUSR1.
const panicEnv = "LATCHKEY_CANARY_PANIC"

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) == "" {
		goleak.VerifyTestMain(m)
		return
	}
	none := syscall.Rlimit{} // as LimitCORE=0 in the service: a core file would hold the codes in memory
	if err := syscall.Setrlimit(syscall.RLIMIT_CORE, &none); err != nil {
		os.Exit(1)
	}
	go panicOnSignal()
	os.Exit(cli.Main("v0.0.0", os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
