// Package mt is the codec of the serial protocol that Texas Instruments' Zigbee network processors speak (Z-Stack Monitor and Test API, SWRA198):
// frames, a resynchronising parser, and the messages that a host and a dongle exchange, for either side of the line.
package mt
