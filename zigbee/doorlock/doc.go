// Package doorlock drives Zigbee door locks (ZCL revision 7, section 7.3) over any zigbee.Radio and gives them to the domain as bridge.Driver and bridge.Lock.
//
// What differs between makers is data: profiles.json, one entry a family. Three rules hold for all of them. The bolt's position comes from the lock's own
// report or a read of it, never from an event. A command that moves the bolt dies with its caller's deadline, is never sent twice and never after a later
// one. A PIN that a lock sends along with an event is wiped here and goes nowhere.
package doorlock
