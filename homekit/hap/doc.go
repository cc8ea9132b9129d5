// Package hap serves HomeKit accessories over IP (HomeKit Accessory Protocol
// Specification, Non-Commercial, Release R2): pairing (chapter 4), sessions
// and framing (chapter 5), the HTTP side with its characteristics and events
// (chapter 6), many accessory servers in one process.
//
// The accessories themselves are github.com/brutella/hap's model: accessory.A,
// service.S and characteristic.C. Once an accessory is handed to a Server the
// Server owns the values; read and change them with Server.Get and Server.Set.
//
// Where the standard leaves room the answers are those of Apple's public
// reference accessory (HomeKitADK).
package hap
