package homekit

import (
	"math"

	"github.com/brutella/hap/characteristic"

	"github.com/latchkeyd/latchkey/bridge"
)

// Values of LockLastKnownAction (R2 9.55, and 9 and 10 of later releases). Odd ones are the unlocking of the one before.
const (
	actionSecuredInside     = 0
	actionSecuredOutside    = 2
	actionSecuredKeypad     = 4
	actionSecuredRemotely   = 6
	actionSecuredByTimeout  = 8
	actionSecuredPhysically = 9 // no telling from where
)

// lastAction maps a movement's cause. The thumb turn is inside; key, tag, finger and the keypad's lock button are outside.
func lastAction(c bridge.Cause, to bridge.Bolt) int {
	var secured int
	switch c.Source {
	case bridge.SourceManual:
		secured = actionSecuredInside
	case bridge.SourceKey, bridge.SourceOneTouch, bridge.SourceRFID, bridge.SourceFingerprint:
		secured = actionSecuredOutside
	case bridge.SourceKeypad:
		secured = actionSecuredKeypad
	case bridge.SourceRemote, bridge.SourceHomeKit, bridge.SourceMatter, bridge.SourceAPI, bridge.SourceBridge:
		secured = actionSecuredRemotely
	case bridge.SourceAuto, bridge.SourceSchedule:
		if to != bridge.Unlocked {
			return actionSecuredByTimeout // there is no unlocking of that kind
		}
		secured = actionSecuredRemotely
	default:
		secured = actionSecuredPhysically
	}
	if to == bridge.Unlocked {
		return secured + 1
	}
	return secured
}

// currentState is LockCurrentState for a reported bolt. A bolt in transit is where it was: the driver says when it is stuck.
func currentState(b bridge.Bolt, last int) int {
	switch b {
	case bridge.Locked:
		return currentSecured
	case bridge.Unlocked:
		return currentUnsecured
	case bridge.Jammed:
		return currentJammed
	case bridge.Partial:
		return last
	}
	return currentUnknown
}

// targetState is LockTargetState for a bolt position that was asked for or reported.
func targetState(b bridge.Bolt) (int, bool) {
	switch b {
	case bridge.Locked:
		return targetSecured, true
	case bridge.Unlocked:
		return targetUnsecured, true
	}
	return 0, false
}

// doorState is CurrentDoorState (R2 9.30): 0 open, 1 closed, 4 stopped.
func doorState(d bridge.Door) int {
	switch d {
	case bridge.DoorOpen, bridge.DoorForced:
		return characteristic.CurrentDoorStateOpen
	case bridge.DoorClosed:
		return characteristic.CurrentDoorStateClosed
	}
	return characteristic.CurrentDoorStateStopped
}

// contactState is ContactSensorState (R2 9.28): a door that is not known to be closed is not shown as closed.
func contactState(d bridge.Door) int {
	if d == bridge.DoorClosed {
		return characteristic.ContactSensorStateContactDetected
	}
	return characteristic.ContactSensorStateContactNotDetected
}

func batteryLevel(percent float64) int {
	return int(math.Round(min(max(percent, 0), 100)))
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}
