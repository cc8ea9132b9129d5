// Package daemon is the wiring and lifecycle of Latchkey: it builds store, radio, driver, bridge and front-ends from a configuration and runs them as tasks
// under one group, each with Run, Ready and a name. Tests and the demonstration embed it.
package daemon
