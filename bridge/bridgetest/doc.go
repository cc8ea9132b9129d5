// Package bridgetest has fakes with behaviour for tests of whatever stands on package bridge: a store in memory, and a driver whose locks can be asleep,
// lie, forget and be used by hand.
package bridgetest
