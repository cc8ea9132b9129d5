package lockfw

import (
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// Statuses of AF_DATA_CONFIRM, as Z-Stack gives them.
const (
	afSuccess     = 0x00
	afInvalid     = 0x02
	afBufferFull  = 0x11
	nwkInvalidReq = 0xC2
	nwkNoRoute    = 0xCD
	apsNoAck      = 0xB7
	macNoAck      = 0xE9
	macExpired    = 0xF0
)

// parentBuffer is how long a parent keeps a frame for a sleeping child (macTransactionPersistenceTime as Z-Stack sets it).
const parentBuffer = 7700 * time.Millisecond

const (
	hopPause  = 2 * time.Millisecond    // between two frames of one sender
	apsRetry  = 1600 * time.Millisecond // between a sender's own attempts
	apsTries  = 3
	routerNWK = zigbee.NWK(0x8C2E) // the router that BehindRouter locks join through
)

// network is what a joined node keeps in its non-volatile memory.
type network struct {
	joined      bool
	nwk         zigbee.NWK
	pan         uint16
	epid        zigbee.EUI64
	key         [16]byte
	coordinator zigbee.EUI64
	heard       uint32 // highest frame counter heard of the coordinator
	viaRouter   bool
}

// frame is one APS frame through the air.
type frame struct {
	profile, cluster uint16
	src, dst         uint8
	payload          []byte
	ack              bool
	broadcast        bool
	counter          uint32 // the sender's network frame counter, outbound only
	epid             zigbee.EUI64
	key              [16]byte
	done             func(status uint8) // outbound only; may be nil
	expire           *event
}

// link is the lock's end of the air, with what its parent holds for it.
type link struct {
	phase   time.Time // an instant at which the lock polled
	awake   time.Time // polls fast until then
	poll    *event
	pending []*frame
	lastUp  time.Time
}

// downlink hands a frame to the lock's parent.
func (h *Home) downlink(l *Lock, f *frame) {
	finish := func(status uint8, after time.Duration) {
		if f.done != nil {
			done := f.done
			h.after(after, func() { done(status) })
		}
	}
	if l.net.viaRouter && !h.router {
		finish(macNoAck, 400*time.Millisecond)
		return
	}
	h.after(h.cfg.Delay, func() {
		if l.net.viaRouter && !f.ack {
			finish(afSuccess, 0) // the router has it: that is all the sender learns
			f.done = nil
		}
		l.rx.pending = append(l.rx.pending, f)
		f.expire = h.after(parentBuffer, func() {
			l.rx.pending = slices.DeleteFunc(l.rx.pending, func(g *frame) bool { return g == f })
			status := uint8(macExpired)
			if l.net.viaRouter {
				status = apsNoAck
			}
			finish(status, 0)
		})
		l.schedulePoll()
	})
}

// listening tells whether the lock polls its parent at all.
func (l *Lock) listening() bool {
	return l.powered && !l.off && l.net.joined && (!l.net.viaRouter || l.h.router)
}

// schedulePoll sets the timer for the next poll that has something to fetch. A lock with nothing pending needs no timer.
func (l *Lock) schedulePoll() {
	if len(l.rx.pending) == 0 || !l.listening() {
		return
	}
	now := time.Now()
	at := l.nextPoll(now)
	if l.rx.poll != nil && l.rx.poll.index >= 0 {
		if !l.rx.poll.at.After(at) {
			return
		}
		l.h.cancel(l.rx.poll)
	}
	l.rx.poll = l.h.at(at, l.fetch)
}

// nextPoll is the first instant from now on at which the lock polls.
func (l *Lock) nextPoll(now time.Time) time.Time {
	every := l.pollEvery(now)
	if every <= 0 {
		return now
	}
	since := now.Sub(l.rx.phase)
	n := since / every
	if since%every != 0 {
		n++
	}
	return l.rx.phase.Add(n * every)
}

// fetch is one data poll: the parent gives one frame and says whether there is more.
func (l *Lock) fetch() {
	l.rx.poll = nil
	if !l.listening() || len(l.rx.pending) == 0 {
		return
	}
	l.rx.phase = time.Now()
	f := l.rx.pending[0]
	if l.h.lost() {
		l.h.after(max(l.b.ShortPoll, hopPause), l.schedulePoll)
		return
	}
	l.rx.pending = l.rx.pending[1:]
	l.h.cancel(f.expire)
	l.touch()
	accepted := f.epid == l.net.epid && f.key == l.net.key && f.counter > l.net.heard
	if f.done != nil && (accepted || !f.ack) {
		done := f.done
		l.h.after(l.h.cfg.Delay, func() { done(afSuccess) })
	} else if f.done != nil {
		done := f.done
		l.h.after(apsTries*apsRetry, func() { done(apsNoAck) })
	}
	if len(l.rx.pending) > 0 && l.rx.poll == nil {
		l.rx.poll = l.h.after(hopPause, l.fetch)
	}
	if !accepted {
		return // other network's key, or a counter that went backwards: dropped by the security layer
	}
	l.net.heard = f.counter
	if l.b.Deaf {
		return
	}
	l.deliver(f)
}

// touch keeps the lock polling fast for a while.
func (l *Lock) touch() { l.stayAwake(l.b.StayAwake) }

func (l *Lock) stayAwake(d time.Duration) {
	if t := time.Now().Add(l.h.scale(d)); t.After(l.rx.awake) {
		l.rx.awake = t
	}
	l.schedulePoll()
}

// transmit sends a frame to the coordinator, with the sender's own retries. The order of frames is kept.
func (l *Lock) transmit(f *frame) {
	if !l.powered || !l.net.joined {
		return
	}
	f.epid, f.key = l.net.epid, l.net.key
	l.attempt(f, 1, false)
	if l.b.DuplicateFrames {
		g := *f
		l.h.after(50*time.Millisecond, func() { l.attempt(&g, apsTries, false) })
	}
	l.touch()
}

func (l *Lock) attempt(f *frame, n int, again bool) {
	at := time.Now().Add(l.h.scale(l.h.cfg.Delay))
	if next := l.rx.lastUp.Add(l.h.scale(hopPause)); !again && at.Before(next) {
		at = next
	}
	l.rx.lastUp = at
	l.h.at(at, func() {
		if !l.powered {
			return
		}
		if l.off || l.net.viaRouter && !l.h.router || l.h.lost() || !l.h.dongle.receive(l, f) {
			if f.ack && n < apsTries {
				l.h.after(apsRetry, func() { l.attempt(f, n+1, true) })
			}
		}
	})
}
