package lockfw

import (
	"time"
)

const (
	confirmTime = 30 * time.Second // how long a reset waits for its second gesture
	pushGap     = time.Second      // pushes further apart than that do not count together
)

// PressReset presses the reset button and keeps it down.
func (l *Lock) PressReset() {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.press()
}

func (l *Lock) press() {
	l.held = true
	if l.powered && !l.f.Reset.PowerCycle {
		l.startHold()
	}
}

// ReleaseReset lets the button go.
func (l *Lock) ReleaseReset() {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.release()
}

func (l *Lock) release() {
	l.held = false
	counted := l.heldSince
	l.stopHold()
	if l.f.Reset.Confirm == "default code" && !counted.IsZero() && l.powered {
		l.reset()
		l.confirm = "default code"
	}
}

// startHold begins to count, once there is power.
func (l *Lock) startHold() {
	if l.get(cBasic, 0x14)&1 != 0 || !l.heldSince.IsZero() || l.f.Reset.Presses > 0 {
		return
	}
	l.heldSince = time.Now()
	l.blinkWhileHeld()
	if l.f.Reset.Confirm == "default code" {
		return // counts at the release
	}
	l.holdEnd = l.h.after(time.Duration(l.f.Reset.Hold), func() {
		l.h.cancel(l.blink)
		if l.f.Reset.Confirm == "press" {
			l.show("long beep")
			l.show("red")
			l.confirm = "press"
			l.h.after(confirmTime, func() {
				if l.confirm == "press" {
					l.confirm = ""
				}
			})
			return
		}
		l.reset()
	})
}

func (l *Lock) blinkWhileHeld() {
	l.show("beep")
	l.blink = l.h.after(time.Second, l.blinkWhileHeld)
}

func (l *Lock) stopHold() {
	l.h.cancel(l.holdEnd)
	l.h.cancel(l.blink)
	l.heldSince = time.Time{}
}

// HoldReset makes the whole gesture of this family with the button down for d of emulated time: where the batteries must come out first, they do, and d
// counts from their refitting. It returns at once; the channel closes at the release.
func (l *Lock) HoldReset(d time.Duration) <-chan struct{} {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	done := make(chan struct{})
	l.hold(d, func() { close(done) })
	return done
}

// hold presses for d and runs then after the release.
func (l *Lock) hold(d time.Duration, then func()) {
	end := func() {
		l.h.after(d, func() {
			l.release()
			then()
		})
	}
	if !l.f.Reset.PowerCycle {
		l.press()
		end()
		return
	}
	l.pull()
	l.h.after(2*time.Second, func() {
		l.press()
		l.fit(l.charge)
		end()
	})
}

// PushButton pushes the button shortly, as the join and reset procedures of some families want it.
func (l *Lock) PushButton() {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.push()
}

func (l *Lock) push() {
	if !l.powered {
		return
	}
	if l.confirm == "press" {
		l.confirm = ""
		l.show("green")
		l.reset()
		return
	}
	if time.Since(l.lastPush) > l.h.scale(pushGap) {
		l.pushes = 0
	}
	l.lastPush = time.Now()
	l.pushes++
	l.show("beep")
	if l.f.Reset.Presses == 0 || l.get(cBasic, 0x14)&1 != 0 {
		return
	}
	if l.pushes == l.f.Reset.Presses {
		l.pushes = 0
		l.reset()
	}
}

// ResetByHand carries the family's whole procedure out as its maker's guide has it. It returns at once; the channel closes when the hands are done.
func (l *Lock) ResetByHand() <-chan struct{} {
	p := l.f.Reset
	done := make(chan struct{})
	if p.Presses > 0 {
		l.h.mu.Lock()
		defer l.h.mu.Unlock()
		var next func(n int)
		next = func(n int) {
			if n == 0 {
				close(done)
				return
			}
			l.push()
			l.h.after(300*time.Millisecond, func() { next(n - 1) })
		}
		next(p.Presses)
		return done
	}
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	l.hold(time.Duration(p.Hold)+500*time.Millisecond, func() {
		l.h.after(500*time.Millisecond, func() {
			switch p.Confirm {
			case "press":
				l.push()
			case "default code":
				_ = l.enter(l.sticker[0])
			}
			l.h.after(200*time.Millisecond, func() { close(done) })
		})
	})
	return done
}

// Sticker is what the lock's sticker says: programming code and user codes; nil for locks without one.
func (l *Lock) Sticker() (master PIN, users []PIN) {
	if l.sticker == nil {
		return nil, nil
	}
	return l.sticker[masterBeside], []PIN{l.sticker[0], l.sticker[1]}
}

// reset is the factory reset that the button starts. The bolt does not move.
func (l *Lock) reset() {
	switch {
	case l.b.ResetLies:
		l.show("triple beep")
		return
	case l.b.ResetHalf:
		l.clearAll()
		clear(l.tags)
		l.show("error beep")
		return
	}
	l.show("triple beep")
	if l.net.joined && l.b.ResetAlarm {
		if l.f.Name == "yale_c4" {
			l.alarm(48, cVendor)
		} else {
			l.alarm(1, cLock)
		}
	}
	l.dropReports()
	l.deadMotor = l.deadMotor || l.b.DeadMotorReset
	l.deadKeypad = l.deadKeypad || l.b.DeadPadReset
	l.h.cancel(l.relock)
	l.confirm = ""
	l.factoryNew()
	if l.needMaster {
		l.show("ready")
	}
	if l.b.ResetLeaves {
		l.h.after(100*time.Millisecond, func() {
			l.leave(false, l.b.ResetSilent)
			if l.b.RejoinByItself {
				l.h.after(2*time.Second, func() { l.scan(time.Now().Add(l.h.scale(2 * joinWindow))) })
			}
		})
	}
}

// basicReset serves ResetToFactoryDefaults of the Basic cluster (ZCL 3.2.2.3.1).
func (l *Lock) basicReset(q *asked) {
	if l.b.BasicReset == "no" {
		l.status(q, zclUnsupCommand)
		return
	}
	l.status(q, zclSuccess)
	switch l.b.BasicReset {
	case "lies":
	case "full":
		l.reset()
	default:
		if l.b.BasicReset == "codes" {
			l.clearAll()
			clear(l.tags)
		}
		l.dropReports()
		l.makeAttributes()
	}
}
