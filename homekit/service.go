package homekit

import (
	"math"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
	"github.com/brutella/hap/service"

	"github.com/latchkeyd/latchkey/bridge"
)

// Types that brutella/hap's model does not name.
const (
	typeProtocolInformation = "A2"
	typeAccessCode          = "260"
	typeCodeLimits          = "261"
	typeCodeControl         = "262"
	typeConfigState         = "263"
)

// Values of LockCurrentState (R2 9.52).
const (
	currentUnsecured = 0
	currentSecured   = 1
	currentJammed    = 2
	currentUnknown   = 3
)

// Values of LockTargetState (R2 9.56).
const (
	targetUnsecured = 0
	targetSecured   = 1
)

// shape is what of a lock decides which services it shows.
type shape struct {
	door, codes, battery, reset, relock bool
}

func (a *Adapter) shapeOf(v bridge.LockView) shape {
	return shape{door: v.Info.Traits.DoorSensor, relock: v.Info.Traits.AutoRelock, codes: v.Info.Traits.Slots > 0, battery: v.Battery != nil, reset: a.cfg.ResetSwitches}
}

// model is a lock's accessory with the characteristics that change. Those of services that it does not have are nil.
type model struct {
	shape shape
	acc   *accessory.A

	name, current, target                                    *characteristic.C
	lastAction, doorState, logs, lockControl                 *characteristic.C
	batteryLevel, batteryLow, contact, tampered              *characteristic.C
	codeLimits, codeControl, configState, resetOne, resetTwo *characteristic.C
	relock                                                   *characteristic.C
}

// newModel builds a lock's accessory. alone: it is the accessory server's own, not one behind a bridge.
func newModel(aid uint64, v bridge.LockView, sh shape, alone bool) *model {
	m := &model{shape: sh}
	m.acc = newAccessory(aid, information{
		name: v.Name, manufacturer: v.Info.Manufacturer, model: v.Info.Model, serial: string(v.ID), firmware: v.Info.Firmware,
	}, accessory.TypeDoorLock, alone)

	mechanism := newService(service.TypeLockMechanism, iidMechanism)
	mechanism.Primary = true
	m.name = addC(mechanism, iidMechanismName, characteristic.NewName().C)
	m.name.Val = displayName(v.Name)
	m.current = addC(mechanism, iidCurrentState, characteristic.NewLockCurrentState().C)
	m.current.Val, m.current.MinVal, m.current.MaxVal, m.current.StepVal = currentUnknown, 0, 3, 1
	m.target = addC(mechanism, iidTargetState, characteristic.NewLockTargetState().C)
	m.target.Val, m.target.MinVal, m.target.MaxVal, m.target.StepVal = targetSecured, 0, 1, 1
	m.target.Permissions = append(m.target.Permissions, characteristic.PermissionTimedWrite)

	management := newService(service.TypeLockManagement, iidManagement)
	m.lockControl = addC(management, iidControlPoint, characteristic.NewLockControlPoint().C)
	m.lockControl.Permissions = []string{characteristic.PermissionWrite, characteristic.PermissionTimedWrite}
	addC(management, iidVersion, characteristic.NewVersion().C).Val = "1.0"
	m.lastAction = addC(management, iidLastAction, characteristic.NewLockLastKnownAction().C)
	m.lastAction.Val, m.lastAction.MinVal, m.lastAction.MaxVal, m.lastAction.StepVal = actionSecuredPhysically, 0, 10, 1
	if sh.door {
		m.doorState = addC(management, iidDoorState, characteristic.NewCurrentDoorState().C)
		m.doorState.Val, m.doorState.MinVal, m.doorState.MaxVal, m.doorState.StepVal = characteristic.CurrentDoorStateStopped, 0, 4, 1
	}
	if sh.relock {
		m.relock = addC(management, iidAutoSecurity, characteristic.NewLockManagementAutoSecurityTimeout().C)
	}
	m.logs = addC(management, iidLogs, characteristic.NewLogs().C)
	m.logs.Permissions = []string{characteristic.PermissionRead, characteristic.PermissionEvents}
	mechanism.AddS(management)
	management.AddS(mechanism)
	m.acc.AddS(mechanism)
	m.acc.AddS(management)

	if sh.battery {
		s := newService(service.TypeBatteryService, iidBattery)
		m.batteryLevel = addC(s, iidBatteryLevel, characteristic.NewBatteryLevel().C)
		m.batteryLow = addC(s, iidBatteryLow, characteristic.NewStatusLowBattery().C)
		m.batteryLow.MinVal, m.batteryLow.MaxVal, m.batteryLow.StepVal = 0, 1, 1
		charging := addC(s, iidCharging, characteristic.NewChargingState().C)
		charging.Val, charging.MinVal, charging.MaxVal, charging.StepVal = characteristic.ChargingStateNotChargeable, 0, 2, 1
		m.acc.AddS(s)
	}
	if sh.door {
		s := newService(service.TypeContactSensor, iidContact)
		m.contact = addC(s, iidContactState, characteristic.NewContactSensorState().C)
		m.contact.MinVal, m.contact.MaxVal, m.contact.StepVal = 0, 1, 1
		m.tampered = addC(s, iidTampered, characteristic.NewStatusTampered().C)
		m.tampered.MinVal, m.tampered.MaxVal, m.tampered.StepVal = 0, 1, 1
		m.acc.AddS(s)
	}
	if sh.codes {
		s := newService(typeAccessCode, iidAccessCode)
		m.codeLimits = addC(s, iidCodeLimits, newTLV(typeCodeLimits, characteristic.PermissionRead))
		m.codeControl = addC(s, iidCodeControl, newTLV(typeCodeControl,
			characteristic.PermissionRead, characteristic.PermissionWrite, characteristic.PermissionWriteResponse))
		m.configState = characteristic.New()
		m.configState.Type, m.configState.Format = typeConfigState, characteristic.FormatUInt16
		m.configState.Permissions = []string{characteristic.PermissionRead, characteristic.PermissionEvents}
		m.configState.Val, m.configState.MinVal, m.configState.MaxVal = 0, 0, math.MaxUint16
		addC(s, iidConfigState, m.configState)
		m.acc.AddS(s)
	}
	if sh.reset {
		m.resetOne = addSwitch(m.acc, iidResetFirst, iidFirstOn, iidFirstName, "Factory reset, first press")
		m.resetTwo = addSwitch(m.acc, iidResetSecond, iidSecondOn, iidSecondName, "Factory reset, second press")
	}
	return m
}

func addSwitch(acc *accessory.A, iid, on, name uint64, title string) *characteristic.C {
	s := newService(service.TypeSwitch, iid)
	c := addC(s, on, characteristic.NewOn().C)
	addC(s, name, characteristic.NewName().C).Val = title
	acc.AddS(s)
	return c
}

func newService(typ string, iid uint64) *service.S {
	s := service.New(typ)
	s.Id = iid
	return s
}

func addC(s *service.S, iid uint64, c *characteristic.C) *characteristic.C {
	c.Id = iid
	s.AddC(c)
	return c
}

func newTLV(typ string, permissions ...string) *characteristic.C {
	c := characteristic.NewBytes(typ)
	c.Format = characteristic.FormatTLV8
	c.Permissions = permissions
	c.SetValue([]byte{})
	return c.C
}

// information is what the accessory information service tells.
type information struct{ name, manufacturer, model, serial, firmware string }

func newAccessory(aid uint64, i information, category byte, alone bool) *accessory.A {
	acc := accessory.New(accessory.Info{
		Name: displayName(i.name), Manufacturer: text(i.manufacturer, "unknown"), Model: text(i.model, "unknown"),
		SerialNumber: text(i.serial, "unknown"), Firmware: firmwareRevision(i.firmware),
	}, category)
	acc.Id = aid
	info := acc.Info
	info.Id = iidInformation
	info.Identify.Id, info.Manufacturer.Id, info.Model.Id = iidIdentify, iidManufacturer, iidModel
	info.Name.Id, info.SerialNumber.Id, info.FirmwareRevision.Id = iidName, iidSerial, iidFirmware
	if alone { // R2 8.17: on the accessory with aid 1
		s := newService(typeProtocolInformation, iidProtocol)
		addC(s, iidProtocolVersion, characteristic.NewVersion().C).Val = "1.1.0"
		acc.AddS(s)
	}
	return acc
}

// textLimit is the longest string that HAP takes without metadata of its own (R2 6.3.3: 64), in octets, one less than which fits an mDNS label.
const textLimit = 63

// text makes s fit a string characteristic; R2 wants these not to be empty.
func text(s, otherwise string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	if len(s) > textLimit {
		end := textLimit
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = strings.TrimSpace(s[:end])
	}
	if s == "" {
		return otherwise
	}
	return s
}

func displayName(name string) string { return text(name, "Lock") }

var digitGroups = regexp.MustCompile(`\d{1,9}`)

// firmwareRevision brings what a lock gives into the form x.y.z that R2 9.41 wants; a lock that gives none gets 0.0.1.
func firmwareRevision(s string) string {
	groups := digitGroups.FindAllString(s, 3)
	if len(groups) == 0 {
		return "0.0.1"
	}
	for i, g := range groups {
		if g = strings.TrimLeft(g, "0"); g == "" {
			g = "0"
		}
		groups[i] = g
	}
	for len(groups) < 3 {
		groups = append(groups, "0")
	}
	return strings.Join(groups, ".")
}
