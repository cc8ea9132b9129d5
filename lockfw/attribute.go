package lockfw

import (
	"encoding/binary"
	"math"
	"slices"
	"time"
)

// Data types (ZCL 2.6.2).
const (
	tBool, tMap8, tMap16, tMap32   = 0x10, 0x18, 0x19, 0x1B
	tU8, tU16, tU32, tEnum8        = 0x20, 0x21, 0x23, 0x30
	tOctets, tString, tUTC, tEUI64 = 0x41, 0x42, 0xE2, 0xF0
)

// Statuses (ZCL 2.6.3).
const (
	zclSuccess      = 0x00
	zclFailure      = 0x01
	zclMalformed    = 0x80
	zclUnsupCommand = 0x81
	zclUnsupGeneral = 0x82
	zclUnsupAttr    = 0x86
	zclInvalidValue = 0x87
	zclReadOnly     = 0x88
	zclUnreportable = 0x8C
	zclInvalidType  = 0x8D
)

// Clusters.
const (
	cBasic, cPower, cIdentify, cAlarms = 0x0000, 0x0001, 0x0003, 0x0009
	cTime, cOTA, cPoll, cLock, cVendor = 0x000A, 0x0019, 0x0020, 0x0101, 0xFC00
)

// Attributes of the Door Lock cluster that the firmware itself uses.
const (
	aLockState, aDoorState, aOpenEvents, aClosedEvents = 0x0000, 0x0003, 0x0004, 0x0005
	aLanguage, aRelock, aVolume, aMode                 = 0x0021, 0x0023, 0x0024, 0x0025
	aLocalProgramming, aOneTouch                       = 0x0028, 0x0029
	aWrongLimit, aDisableTime, aSendPIN, aRequirePIN   = 0x0030, 0x0031, 0x0032, 0x0033
	aAlarmMask, aKeypadMask, aRFMask, aManualMask      = 0x0040, 0x0041, 0x0042, 0x0043
	aRFIDMask, aKeypadProg, aRFProg                    = 0x0044, 0x0045, 0x0046
)

type attribute struct {
	id    uint16
	typ   uint8
	write bool
	mfr   uint16
	val   []byte // as on the wire, with the length byte of strings
	most  uint64 // largest value that a write may set; 0 = any
}

type attributes []*attribute

func (a attributes) get(id uint16) *attribute {
	i, ok := slices.BinarySearchFunc(a, id, func(x *attribute, id uint16) int { return int(x.id) - int(id) })
	if !ok {
		return nil
	}
	return a[i]
}

func (a *attributes) add(x *attribute) {
	i, _ := slices.BinarySearchFunc(*a, x.id, func(y *attribute, id uint16) int { return int(y.id) - int(id) })
	*a = slices.Insert(*a, i, x)
}

// width is the size of a value of a type in bytes; 0 for strings, -1 for types that this firmware does not know.
func width(typ uint8) int {
	switch typ {
	case tBool, tMap8, tU8, tEnum8, 0x08, 0x28:
		return 1
	case tMap16, tU16, 0x09, 0x29, 0x31:
		return 2
	case 0x0A, 0x22, 0x2A:
		return 3
	case tMap32, tU32, 0x0B, 0x2B, 0x39, tUTC:
		return 4
	case tEUI64, 0x27:
		return 8
	case tOctets, tString:
		return 0
	}
	return -1
}

func number(b []byte) uint64 {
	var v [8]byte
	copy(v[:], b[:min(len(b), 8)])
	return binary.LittleEndian.Uint64(v[:])
}

func encode(typ uint8, v uint64) []byte {
	return binary.LittleEndian.AppendUint64(nil, v)[:width(typ)]
}

func text(s string) []byte { return putOctets(nil, []byte(s)) }

// get reads a number; absent attributes are 0.
func (l *Lock) get(cluster, id uint16) uint64 {
	if a := l.tables[cluster].get(id); a != nil {
		return number(a.val)
	}
	return 0
}

// store sets a number without reporting it. False: there is no such attribute, or it has that value already.
func (l *Lock) store(cluster, id uint16, v uint64) bool {
	a := l.tables[cluster].get(id)
	if a == nil || number(a.val) == v {
		return false
	}
	a.val = encode(a.typ, v)
	return true
}

// set stores a number and reports it as configured.
func (l *Lock) set(cluster, id uint16, v uint64) {
	if l.store(cluster, id, v) {
		l.changed(cluster, id)
	}
}

func (l *Lock) hasCluster(c uint16) bool { return slices.Contains(l.f.In, hex16(c)) }

// makeAttributes fills the tables with factory values. The language survives, as the makers say it does.
func (l *Lock) makeAttributes() {
	old := l.tables
	l.tables = map[uint16]attributes{}
	add := func(cluster, id uint16, typ uint8, write bool, v uint64) {
		a := l.tables[cluster]
		a.add(&attribute{id: id, typ: typ, write: write, val: encode(typ, v)})
		l.tables[cluster] = a
	}
	str := func(cluster, id uint16, write bool, s string) {
		a := l.tables[cluster]
		a.add(&attribute{id: id, typ: tString, write: write, val: text(s)})
		l.tables[cluster] = a
	}
	vendor := func(cluster, id uint16, typ uint8, v, most uint64) {
		a := l.tables[cluster]
		a.add(&attribute{id: id, typ: typ, write: true, mfr: uint16(l.f.MfrCode), val: encode(typ, v), most: most})
		l.tables[cluster] = a
	}
	for id, v := range map[uint16]uint64{0: 3, 1: 1, 2: 2, 3: 1} {
		add(cBasic, id, tU8, false, v)
	}
	str(cBasic, 4, false, l.f.Manufacturer)
	str(cBasic, 5, false, l.model)
	str(cBasic, 6, false, "20240115")
	add(cBasic, 7, tEnum8, false, 3)
	add(cBasic, 0x14, tMap8, true, uint64(b2u(l.b.LocalResetOff)))
	str(cBasic, 0x4000, false, "lockfw 1.4.2")
	if l.hasCluster(cPower) {
		add(cPower, 0x20, tU8, false, 60)
		if l.b.Battery == "half" || l.b.Battery == "percent" {
			add(cPower, 0x21, tU8, false, 200)
		}
		add(cPower, 0x31, tEnum8, false, 3)
		add(cPower, 0x33, tU8, false, 4)
		add(cPower, 0x35, tMap8, true, 0)
		add(cPower, 0x3E, tMap32, false, 0)
	}
	if l.hasCluster(cIdentify) {
		add(cIdentify, 0, tU16, true, 0)
	}
	if l.hasCluster(cAlarms) {
		add(cAlarms, 0, tU16, false, 0)
	}
	if l.hasCluster(cOnOff) {
		add(cOnOff, 0, tBool, false, 0)
	}
	if l.hasCluster(cPoll) {
		add(cPoll, 0, tU32, true, 14400)
		add(cPoll, 1, tU32, false, uint64(l.b.LongPoll/(250*time.Millisecond)))
		add(cPoll, 2, tU16, false, uint64(l.b.ShortPoll/(250*time.Millisecond)))
		add(cPoll, 3, tU16, true, 40)
	}
	if l.hasCluster(cLock) {
		l.makeLockAttributes(add, str, vendor)
	}
	if l.hasCluster(cVendor) && l.b.Battery == "vendor" {
		for id, v := range map[uint16]uint64{0x12: 30, 0x13: 5, 0x14: 60, 0x15: 100, 0x17: 2, 0x18: 0} {
			add(cVendor, id, tU8, id != 0x15, v)
		}
	}
	if a := old[cLock].get(aLanguage); a != nil {
		if b := l.tables[cLock].get(aLanguage); b != nil {
			b.val = a.val
		}
	}
	l.storeBattery(0)
}

func (l *Lock) makeLockAttributes(add func(cluster, id uint16, typ uint8, write bool, v uint64), str func(cluster, id uint16, write bool, s string), vendor func(cluster, id uint16, typ uint8, v, most uint64)) {
	state := uint64(l.bolt)
	add(cLock, aLockState, tEnum8, false, state)
	add(cLock, 1, tEnum8, false, 0)
	add(cLock, 2, tBool, false, 1)
	if l.f.DoorSensor {
		add(cLock, aDoorState, tEnum8, false, uint64(1-b2u(l.doorOpen)))
		add(cLock, aOpenEvents, tU32, true, 0)
		add(cLock, aClosedEvents, tU32, true, 0)
		add(cLock, 6, tU16, true, 0)
	}
	if l.f.Slots > 0 && !l.b.NoRFCodes {
		add(cLock, 0x11, tU16, false, uint64(l.f.Slots))
		add(cLock, 0x12, tU16, false, uint64(l.f.Slots))
		add(cLock, 0x17, tU8, false, uint64(l.f.PINMax))
		add(cLock, 0x18, tU8, false, uint64(l.f.PINMin))
	}
	if l.f.RFID > 0 {
		add(cLock, 0x13, tU16, false, uint64(l.f.RFID))
		add(cLock, 0x19, tU8, false, 20)
		add(cLock, 0x1A, tU8, false, 8)
	}
	schedules := uint64(0)
	if l.f.Schedules {
		schedules = 7
	}
	for id := uint16(0x14); id <= 0x16; id++ {
		add(cLock, id, tU8, false, schedules)
	}
	if l.f.Settings {
		str(cLock, aLanguage, true, "en")
		add(cLock, aRelock, tU32, true, 0)
		add(cLock, aVolume, tU8, true, 1)
		most := map[uint16]uint64{aRelock: 3600, aVolume: 2, aMode: 4}
		if l.model == "HT-SLM-2" {
			most[aVolume] = 3
		}
		add(cLock, aMode, tEnum8, true, 0)
		add(cLock, aLocalProgramming, tBool, true, 1)
		add(cLock, aOneTouch, tBool, true, 1)
		add(cLock, 0x2A, tBool, true, 0)
		add(cLock, 0x2B, tBool, true, 0)
		for id, m := range most {
			l.tables[cLock].get(id).most = m
		}
	} else {
		add(cLock, aMode, tEnum8, false, 0)
	}
	add(cLock, 0x26, tMap16, false, 0x0F)
	add(cLock, 0x27, tMap16, false, 0)
	if !l.b.NoRemote {
		add(cLock, aWrongLimit, tU8, true, 5)
		add(cLock, aDisableTime, tU8, true, 120)
		add(cLock, aSendPIN, tBool, true, uint64(b2u(l.b.GetPIN != "hidden")))
		add(cLock, aRequirePIN, tBool, true, uint64(b2u(l.b.RFNeedsPIN)))
		for id := uint16(aAlarmMask); id <= 0x47; id++ {
			add(cLock, id, tMap16, true, math.MaxUint16)
		}
	}
	switch l.f.Name {
	case "onesti":
		add(cLock, 0x0100, tMap32, false, 0)
		a := l.tables[cLock]
		a.add(&attribute{id: 0x0101, typ: tOctets, val: []byte{0}})
		l.tables[cLock] = a
	case "idlock":
		for id, most := range map[uint16]uint64{0x4000: 1, 0x4001: 1, 0x4002: 1, 0x4003: 9, 0x4004: 3, 0x4005: 1, 0x4006: 5} {
			vendor(cLock, id, tU8, 0, most)
		}
	}
}

// storeBattery writes what the lock says of its battery, in its family's scale. A boot value, if not 0, stands in for the measured one.
func (l *Lock) storeBattery(boot int) {
	raw := uint64(l.charge)
	if l.b.Battery == "half" {
		raw *= 2
	}
	if boot != 0 {
		raw = uint64(boot) & 0xFF
	}
	l.store(cPower, 0x21, raw)
	low, high := 40, 60 // tenths of a volt, four cells
	if l.f.Name == "aqara_legacy" {
		low, high = 30, 42
	}
	l.store(cPower, 0x20, uint64(low+(high-low)*l.charge/100))
	l.store(cVendor, 0x15, uint64(l.charge))
	if l.b.LowBatteryBits {
		l.store(cPower, 0x3E, uint64(b2u(l.charge < 20)))
	}
}
