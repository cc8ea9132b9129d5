// Package homekit shows each lock of the bridge to Apple Home as a HomeKit accessory (HomeKit Accessory Protocol Specification, Non-Commercial, Release R2,
// chapters 8 and 9; the Access Code service of iOS 15 from public reverse engineering, see docs/homekit.md).
//
// What is shown is what the lock reported; what a controller asks for is handed to the bridge with a deadline, and a failure is told to the controller and
// undone in the target state. The package speaks to controllers through homekit/hap and knows no radio.
package homekit
