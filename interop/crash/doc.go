// Package crash kills the daemon's inner part with SIGKILL, at every boundary of a factory reset and in the middle of writing codes, and looks at what is
// left: locks, air and dongle live on in the parent, whose children are the store, the bridge, the driver and the coordinator on real bytes.
package crash
