package doorlock

import (
	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// fact is one thing that a frame says, freed of its maker's way of saying it. It never holds a PIN.
type fact interface{ fact() }

type (
	// factBolt: the lock's own word about its bolt.
	factBolt struct{ state zcl.LockState }
	// factDoor: the door leaf.
	factDoor struct{ state zcl.DoorState }
	// factPercent: the number of the battery attribute, in whatever unit the family uses.
	factPercent struct{ raw uint8 }
	// factVolt: the battery's voltage in mV.
	factVolt struct{ mv int }
	// factLow: the battery alarm.
	factLow struct{ low bool }
	// factOperation: what somebody did at the lock. It says nothing about where the bolt is.
	factOperation struct {
		cause   bridge.Cause
		moves   bridge.ActionKind // zero: nothing moved
		refused string            // not empty: somebody was refused, and why
		tried   bridge.ActionKind // with refused
		user    uint16            // as sent
		code    uint8             // as sent
		source  uint8             // as sent
	}
	// factProgrammed: the lock's codes were changed.
	factProgrammed struct {
		change bridge.Programmed
		source bridge.Source
		slot   *bridge.Slot
		user   uint16 // as sent
		code   uint8  // as sent
	}
	// factAlarm: an alarm by meaning.
	factAlarm struct {
		alarm bridge.Alarm
		code  uint8
		jam   bool
	}
	// factReread: this family's events call for reading LockState.
	factReread struct{}
	// factRereadBattery: likewise for the battery.
	factRereadBattery struct{}
	// factAttribute: a value of the lock that is no event: a limit or a setting.
	factAttribute struct {
		cluster      uint16
		manufacturer uint16
		id           zcl.AttributeID
		value        zcl.Value
	}
)

func (factBolt) fact()          {}
func (factDoor) fact()          {}
func (factPercent) fact()       {}
func (factVolt) fact()          {}
func (factLow) fact()           {}
func (factOperation) fact()     {}
func (factProgrammed) fact()    {}
func (factAlarm) fact()         {}
func (factReread) fact()        {}
func (factRereadBattery) fact() {}
func (factAttribute) fact()     {}
