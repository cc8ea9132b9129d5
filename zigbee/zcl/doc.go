// Package zcl encodes and decodes the Zigbee Cluster Library frames that door locks speak: the foundation commands (ZCL revision 7, chapter 2), Basic,
// Power Configuration, Identify, Alarms, Time, Poll Control and OTA Upgrade (chapters 3 and 11), Door Lock (chapter 7.3), and what makers added to them.
//
// [Parse] turns the payload of an application frame into a [Header] and a [Message]; [Append] does the reverse. Decoders copy: a message never aliases the
// bytes it was parsed from, so that a buffer can be wiped or reused. Bytes after the last field of a cluster command are ignored, as ZCL section 2.3.2.1
// asks of every receiver; a field that is cut short is an error that names the field.
//
// PIN octets live in the type [PIN], which cannot be printed.
package zcl
