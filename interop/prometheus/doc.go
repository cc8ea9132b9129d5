// Package prometheus runs Debian's Prometheus on the daemon's real /metrics: every query of the dashboard and of the rules has to have an answer there.
// `make interop` runs it; it needs the prometheus package.
package prometheus
