// Package bench measures Latchkey beside its peers and along its own path, in one run on one machine: `make bench` from the root of the project.
// Nothing of it is part of the daemon.
package bench
