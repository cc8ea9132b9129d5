// Package znp drives a coordinator dongle with a Texas Instruments network processor (Z-Stack 3, Monitor and Test API) and fulfils zigbee.Radio with it.
//
// A Coordinator owns a port (serial line or TCP), a link on it that keeps the MT protocol's rules (one synchronous request at a time, replies never
// mistaken, indications in order and never dropped), and on the link a session, which lasts from one opening of the port to the next fault. The
// messages' layouts are in the subpackage mt.
package znp
