// Package lockfw is a house to test against: the firmware of Zigbee door locks (ZCL 7.3 Door Lock, with each family's own ways), the air between
// them and their parents, and a coordinator dongle that answers TI's MT commands as Z-Stack 3.x.0 on a CC2652 does.
//
// It keeps its own reading of every wire format, apart from the one that the drivers use, so that a mistake in one shows against the other.
//
// A Home holds it all. Run carries time forward; without it nothing that takes time happens. Everything hangs on plain timers and one mutex, so a
// Home works unchanged inside a testing/synctest bubble over net.Pipe.
package lockfw
