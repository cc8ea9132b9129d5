package lockfw

import (
	"errors"
	"slices"
	"time"
)

// What hands do at the door. All of it may be called from any goroutine.

// TurnThumb turns the thumb turn inside.
func (l *Lock) TurnThumb(lock bool) { l.byHand("thumb", lock) }

// Key turns the key outside.
func (l *Lock) Key(lock bool) { l.byHand("key", lock) }

func (l *Lock) byHand(kind string, lock bool) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	to := Unlocked
	if lock {
		to = Locked
	}
	if l.bolt == to {
		return // a turned knob does not turn further
	}
	l.throw(to, cause{kind: kind, slot: -1}, nil)
}

// OneTouch presses the outside's lock button.
func (l *Lock) OneTouch() {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if a := l.tables[cLock].get(aOneTouch); l.keypadDead() || a != nil && number(a.val) == 0 {
		return
	}
	l.throw(Locked, cause{kind: "one-touch", slot: -1}, nil)
}

func (l *Lock) keypadDead() bool { return !l.powered || l.deadKeypad || l.charge < l.b.CriticalBelow }

// ErrRefused tells that the lock did not take what was done at its keypad.
var ErrRefused = errors.New("lockfw: the lock refuses")

// Keypad types digits and the key that ends an entry. Nil: the lock took the code, and the bolt opens.
func (l *Lock) Keypad(digits string) error {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	return l.enter(PIN(digits))
}

func (l *Lock) enter(pin PIN) error {
	if l.keypadDead() {
		return ErrRefused
	}
	if time.Now().Before(l.lockedTill) {
		l.show("error beep")
		return ErrRefused
	}
	l.typed = slices.Clone(pin)
	if l.confirm == "default code" {
		if !slices.ContainsFunc(list(l.codes), func(c Code) bool { return slices.Equal(c.PIN, pin) }) {
			return l.wrongCode(opUnlockBadPIN)
		}
		l.confirm = "" // auto-handing done
		l.show("green")
	}
	slot, code := l.entry(pin)
	if code != opUnlock {
		return l.wrongCode(code)
	}
	l.wrong = 0
	l.show("green")
	l.throw(Unlocked, cause{kind: "keypad", slot: slot, typed: pin}, nil)
	return nil
}

// entry judges a typed code: the user and "unlock", or the code of the failure.
func (l *Lock) entry(pin PIN) (slot int, code uint8) {
	if m := l.get(cLock, aMode); m == 1 || m == 2 {
		return -1, opUnlockBadTime
	}
	slot, code = -1, opUnlockBadPIN
	for _, c := range list(l.codes) {
		if c.Slot < 0 || c.Status != 1 || len(c.PIN) == 0 || !slices.Equal(c.PIN, pin) {
			continue
		}
		if l.inSchedule(uint16(c.Slot), l.codes[uint16(c.Slot)]) {
			if l.codes[uint16(c.Slot)].typ == 4 {
				return c.Slot, 0x0F
			}
			return c.Slot, opUnlock
		}
		slot, code = c.Slot, opUnlockBadTime
	}
	return slot, code
}

func (l *Lock) wrongCode(code uint8) error {
	l.show("error beep")
	l.show("red")
	l.operation(srcKeypad, code, cause{kind: "keypad", slot: -1, typed: l.typed})
	l.wrong++
	if limit := l.get(cLock, aWrongLimit); limit > 0 && uint64(l.wrong) >= limit {
		l.wrong = 0
		l.lockedTill = time.Now().Add(l.h.scale(time.Duration(l.get(cLock, aDisableTime)) * time.Second))
		if l.b.Events == "alarms" && l.f.Name == "yale_c4" {
			l.alarm(161, cVendor)
		} else {
			l.alarm(4, cLock)
		}
	}
	return ErrRefused
}

func (l *Lock) masterSlot() uint16 {
	if len(l.f.Masters) > 0 {
		return uint16(l.f.Masters[0])
	}
	return masterBeside
}

func (l *Lock) isMaster(pin PIN) bool {
	if s := l.codes[l.masterSlot()]; s != nil && len(s.pin) > 0 {
		return slices.Equal(s.pin, pin)
	}
	return l.f.Defaults.Kind == "none" && len(pin) == 0 // a family of whose master code nothing is known
}

// SetMaster makes or changes the master code at the keypad. The old one is empty where none is set.
func (l *Lock) SetMaster(old, pin string) error {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if l.keypadDead() || !l.needMaster && !l.isMaster(PIN(old)) || len(pin) < 4 || len(pin) > max(l.f.PINMax, 8) || !digitsOnly(PIN(pin)) {
		l.show("error beep")
		return ErrRefused
	}
	l.needMaster = false
	l.codes[l.masterSlot()] = &slot{status: 1, typ: 3, pin: PIN(pin)}
	l.show("green")
	user := l.masterSlot()
	if user == masterBeside {
		user = 0
	}
	l.programming(srcKeypad, progMaster, user, PIN(pin), 3, 1)
	return nil
}

// AddUser programs a code at the keypad, with the master code.
func (l *Lock) AddUser(master string, slot int, pin string) error {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if !l.mayProgram(master) {
		return ErrRefused
	}
	st, changed := l.setPIN(uint16(slot), 1, 0, PIN(pin))
	if st != codeOK {
		l.show("error beep")
		return ErrRefused
	}
	code := uint8(progAdded)
	if changed {
		code = progChanged
	}
	l.show("green")
	l.programming(srcKeypad, code, uint16(slot), PIN(pin), 0, 1)
	return nil
}

// DeleteUser erases a code at the keypad, with the master code.
func (l *Lock) DeleteUser(master string, slot int) error {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if !l.mayProgram(master) || l.clearPIN(uint16(slot)) != codeOK {
		return ErrRefused
	}
	l.show("green")
	l.programming(srcKeypad, progDeleted, uint16(slot), nil, 0xFF, 0)
	return nil
}

func (l *Lock) mayProgram(master string) bool {
	a := l.tables[cLock].get(aLocalProgramming)
	ok := !l.keypadDead() && !l.needMaster && l.isMaster(PIN(master)) && (a == nil || number(a.val) == 1)
	if !ok {
		l.show("error beep")
	}
	return ok
}

// AddTag teaches the lock an RFID tag or a finger for a user.
func (l *Lock) AddTag(user int, number string) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.tags[uint16(user)] = &slot{status: 1, pin: PIN(number)}
}

// Tag holds a user's tag to the reader.
func (l *Lock) Tag(slot int) error { return l.present("rfid", slot) }

// Fingerprint puts a user's finger on the reader.
func (l *Lock) Fingerprint(slot int) error { return l.present("fingerprint", slot) }

func (l *Lock) present(kind string, n int) error {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if s := l.tags[uint16(n)]; l.keypadDead() || s == nil || s.status != 1 {
		l.show("error beep")
		return ErrRefused
	}
	l.show("green")
	l.throw(Unlocked, cause{kind: kind, slot: n}, nil)
	return nil
}

// Jam puts something in the bolt's way, or takes it out.
func (l *Lock) Jam(on bool) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.jammed = on
}

// OpenDoor opens or closes the door itself.
func (l *Lock) OpenDoor(open bool) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if l.doorOpen == open {
		return
	}
	l.doorOpen = open
	if open {
		l.store(cLock, aOpenEvents, l.get(cLock, aOpenEvents)+1)
	} else {
		l.store(cLock, aClosedEvents, l.get(cLock, aClosedEvents)+1)
	}
	if l.powered {
		l.set(cLock, aDoorState, uint64(1-b2u(open)))
	}
}

// Tamper takes the escutcheon off.
func (l *Lock) Tamper() {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	switch {
	case !l.powered:
	case l.f.Name == "yale_c4":
		l.alarm(162, cVendor)
	default:
		l.alarm(5, cLock)
	}
}

// ForceOpen breaks the door open: the bolt gives way.
func (l *Lock) ForceOpen() {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if l.powered {
		l.alarm(6, cLock)
	}
	l.throw(Unlocked, cause{kind: "force", slot: -1}, nil)
	l.doorOpen = true
	if l.powered {
		l.set(cLock, aDoorState, 3)
	}
}

// Off puts the lock out of radio range, or back.
func (l *Lock) Off(off bool) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.off = off
	l.schedulePoll()
}

// PullBatteries takes the power away.
func (l *Lock) PullBatteries() {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.pull()
}

func (l *Lock) pull() {
	if !l.powered {
		return
	}
	l.powered = false
	l.clockSet = false // nothing keeps it running
	l.h.cancel(l.moving)
	l.moving = nil
	l.h.cancel(l.relock)
	l.h.cancel(l.rx.poll)
	l.rx.poll = nil
	l.stopHold()
	l.confirm = ""
}

// FitBatteries gives power again, with this charge in percent. The lock boots, comes back to its network if it has one, and says so.
func (l *Lock) FitBatteries(percent int) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.fit(percent)
}

func (l *Lock) fit(percent int) {
	if l.powered {
		l.pull()
	}
	l.powered = true
	l.charge = min(max(percent, 0), 100)
	l.wrong, l.lockedTill = 0, time.Time{}
	l.show("beep")
	l.store(cLock, aLockState, uint64(l.bolt))
	l.storeBattery(l.b.BootBattery)
	if l.held {
		l.startHold()
	}
	if !l.net.joined {
		return
	}
	l.rx.phase = time.Now()
	l.h.after(1500*time.Millisecond, l.rejoin)
	l.h.after(2500*time.Millisecond, func() {
		if l.hasCluster(cLock) {
			l.alarm(3, cLock)
		}
		if a := l.tables[cPower].get(0x21); a != nil {
			l.report(cPower, a)
		}
	})
	l.h.after(30*time.Second, func() {
		if l.powered {
			l.storeBattery(0)
			l.changed(cPower, 0x21)
		}
	})
}

// SetBattery lets the charge be this many percent.
func (l *Lock) SetBattery(percent int) {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	was := l.charge
	l.charge = min(max(percent, 0), 100)
	if !l.powered {
		return
	}
	l.storeBattery(0)
	for _, id := range []uint16{0x21, 0x20, 0x3E} {
		l.changed(cPower, id)
	}
	if l.b.LowBatteryBits && was >= 20 && l.charge < 20 {
		if l.b.Battery == "vendor" {
			l.alarm(167, cVendor)
		} else {
			l.alarm(0x10, cPower)
		}
	}
}
