package lockfw

import (
	"slices"
	"time"
)

// Sources and codes of operation events (ZCL 7.3.2.17.8).
const (
	srcKeypad, srcRF, srcManual, srcRFID, srcNone = 0x00, 0x01, 0x02, 0x03, 0xFF

	opLock, opUnlock                      = 0x01, 0x02
	opLockBadPIN, opLockBadTime           = 0x03, 0x04
	opUnlockBadPIN, opUnlockBadTime       = 0x05, 0x06
	opOneTouch, opKeyLock, opKeyUnlock    = 0x07, 0x08, 0x09
	opAutoLock, opManLock, opManUnlock    = 0x0A, 0x0D, 0x0E
	progMaster, progAdded, progDeleted    = 0x01, 0x02, 0x03
	progChanged, progRFID, progRFIDRemove = 0x04, 0x05, 0x06
)

const noUser = 0xFFFF

// cause is what moves the bolt.
type cause struct {
	kind  string // as Move.Cause
	slot  int    // user, or -1
	typed PIN    // what was typed
	frame []byte // what was sent
}

func (c cause) byHand() bool { return c.kind == "thumb" || c.kind == "key" || c.kind == "force" }

// source and code of the operation event for a movement that succeeded.
func (c cause) event(to Bolt) (source, code uint8) {
	unlock := to == Unlocked
	pick := func(lock, open uint8) uint8 {
		if unlock {
			return open
		}
		return lock
	}
	switch c.kind {
	case "thumb":
		return srcManual, pick(opManLock, opManUnlock)
	case "key":
		return srcManual, pick(opKeyLock, opKeyUnlock)
	case "one-touch":
		return srcManual, opOneTouch
	case "auto":
		return srcManual, opAutoLock
	case "rfid", "fingerprint":
		return srcRFID, pick(opLock, opUnlock)
	case "radio":
		return srcRF, pick(opLock, opUnlock)
	case "keypad":
		return srcKeypad, pick(opLock, opUnlock)
	}
	return srcNone, pick(opLock, opUnlock)
}

// throw moves the bolt. done, if given, learns whether it arrived; it runs at the end of the movement, or at once if nothing had to move.
func (l *Lock) throw(to Bolt, c cause, done func(ok bool)) {
	finish := func(ok bool) {
		if done != nil {
			done(ok)
		}
	}
	if !c.byHand() && (!l.powered || l.deadMotor || l.charge < l.b.CriticalBelow) {
		l.show("error beep")
		finish(false)
		return
	}
	l.h.cancel(l.relock)
	if l.moving != nil {
		l.h.cancel(l.moving)
		l.moving = nil
	}
	if l.bolt == to {
		l.tellMovement(to, c, false)
		finish(true)
		return
	}
	if c.byHand() && !l.jammed {
		l.arrive(to, c)
		finish(true)
		return
	}
	l.bolt = Between
	if l.b.Transit && l.powered {
		l.set(cLock, aLockState, uint64(Between))
	}
	l.moving = l.h.after(l.b.BoltTime, func() {
		l.moving = nil
		if l.jammed {
			l.record(Between, c)
			l.jam()
			finish(false)
			return
		}
		l.arrive(to, c)
		finish(true)
	})
}

func (l *Lock) record(b Bolt, c cause) {
	if len(l.history) >= l.h.cfg.MoveLog {
		l.history = slices.Delete(l.history, 0, len(l.history)/2)
	}
	l.history = append(l.history, Move{At: time.Now(), Bolt: b, Cause: c.kind, Slot: c.slot, Frame: slices.Clone(c.frame)})
}

func (l *Lock) arrive(to Bolt, c cause) {
	l.bolt = to
	l.record(to, c)
	if !l.powered {
		return
	}
	if c.kind != "auto" {
		l.show("beep")
	}
	l.tellMovement(to, c, true)
	if to == Unlocked {
		l.armRelock(0)
	}
}

// armRelock starts the auto-relock timer: the given time, or the setting's if zero.
func (l *Lock) armRelock(after time.Duration) {
	if after == 0 {
		s := l.get(cLock, aRelock)
		if l.f.Name == "onesti" && s > 0 {
			s = 7
		}
		after = time.Duration(s) * time.Second
	}
	l.h.cancel(l.relock)
	if after > 0 {
		l.relock = l.h.after(after, func() { l.throw(Locked, cause{kind: "auto", slot: -1}, nil) })
	}
}

// tellMovement sends the operation event and the LockState report, in this lock's order. A bolt that was there already gives the event alone.
func (l *Lock) tellMovement(to Bolt, c cause, moved bool) {
	said := to
	if l.b.InvertRelock && c.kind == "auto" {
		said = Locked + Unlocked - to
	}
	changed := l.store(cLock, aLockState, uint64(said))
	event := func() {
		source, code := c.event(to)
		l.operation(source, code, c)
	}
	report := func() {
		if changed || moved {
			l.changed(cLock, aLockState)
			l.vendorState(said)
		}
	}
	first, second := event, report
	if !l.b.EventFirst {
		first, second = report, event
	}
	first()
	if l.b.EventGap > 0 {
		l.h.after(l.b.EventGap, second)
	} else {
		second()
	}
}

// jam is the end of a throw that did not reach.
func (l *Lock) jam() {
	l.show("error beep")
	if !l.powered {
		return
	}
	l.set(cLock, aLockState, uint64(Between))
	l.vendorState(Between)
	switch l.b.Events {
	case "alarms":
		l.alarm(9, cVendor)
	default:
		l.alarm(0, cLock)
	}
}

// actuate carries out lock, unlock, toggle and unlock with time-out by radio.
func (l *Lock) actuate(q *asked, to Bolt, relock time.Duration, pin PIN) {
	respond := func(ok bool) {
		st := uint8(zclSuccess)
		if !ok {
			st = zclFailure
		}
		l.h.soon(l.b.ResponseAfter, func() { l.reply(q, false, q.cmd, []byte{st}) })
	}
	slot := l.match(pin)
	c := cause{kind: "radio", slot: slot, frame: q.raw}
	switch {
	case l.get(cLock, aRequirePIN) == 1 && slot < 0:
		respond(false)
		code := uint8(opLockBadPIN)
		if to == Unlocked {
			code = opUnlockBadPIN
		}
		l.operation(srcRF, code, cause{kind: "radio", slot: -1})
		return
	case l.get(cLock, aMode) == 3:
		respond(false)
		return
	}
	refused := !l.powered || l.deadMotor || l.charge < l.b.CriticalBelow
	atEnd := l.b.RespondAtEnd || refused || l.jammed && l.b.JamAnswers && l.bolt != to
	if !atEnd {
		respond(true)
	}
	l.throw(to, c, func(ok bool) {
		if atEnd {
			respond(ok)
		}
		if ok && relock > 0 {
			l.armRelock(relock)
		}
	})
}

// match finds the enabled user whose code this is; -1 if none. A master code is no user's code by radio or at the keypad.
func (l *Lock) match(pin PIN) int {
	if len(pin) == 0 {
		return -1
	}
	best := -1
	for n, s := range l.codes {
		if s.status == 1 && n != masterBeside && slices.Equal(s.pin, pin) && l.inSchedule(n, s) && (best < 0 || int(n) < best) {
			best = int(n)
		}
	}
	return best
}
