// Package journeys takes the daemon through what people live with it: scripts in testdata/script, each with an emulated house, the real daemon in it, the
// command line, a HomeKit controller, and hands at the door. play_test.go says what the scripts' words mean.
package journeys
