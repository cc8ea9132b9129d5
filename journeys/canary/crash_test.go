package canary

import "os"

func panicOnSignal() { _ = os.Getenv(panicEnv) }
