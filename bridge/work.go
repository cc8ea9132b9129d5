package bridge

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
)

const (
	// stepTimeout is how long one request to a lock may take. Sleepy locks poll their parent every 5 s (Poll Control, ZCL 3.16.4.2) and some answer 4 s
	// late; a lock that sleeps longer is tried again when it is heard.
	stepTimeout = 45 * time.Second
	// longTimeout is the same for a schedule, and for a code that is read, written and read back: they take several requests.
	longTimeout = 2 * stepTimeout
	// attemptLimit is how often a code is written that the lock does not keep, before it is given up until a person asks again.
	attemptLimit = 5
	// scanPace is the least time between two slots of a whole-lock scan: nobody waits for it, and batteries are small.
	scanPace = time.Second
	// driverFirst is how long a driver has to read a bolt by itself before it is asked to.
	driverFirst = 3 * time.Second
	holdLook    = 30 * time.Second // how often a held lock is looked at again
)

// attemptDelays space the attempts at a code that the lock refuses or does not keep; the last one stays for removals, which are never given up.
var attemptDelays = []time.Duration{10 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute}

// silentDelays space the attempts at a lock that does not answer, unless it is heard.
var silentDelays = []time.Duration{15 * time.Second, time.Minute, 5 * time.Minute, 15 * time.Minute, 30 * time.Minute}

func delay(d []time.Duration, n int) time.Duration { return d[min(max(n-1, 0), len(d)-1)] }

// codeWork is what a lock's worker knows. The bridge's mu guards it.
type codeWork struct {
	dirty  map[Slot]bool // to be read again: the lock says that other hands were there
	bad    map[Slot]bool // the lock says that it has no such slot
	typed  map[Slot]bool // a code of ours was typed at the keypad, and opened
	noRead bool          // reading a slot is not supported
	reason string        // why the pending codes wait

	scanNext Slot // with scanning
	scanning bool
	scanAt   time.Time

	refresh   bool // the bolt should be read
	refreshAt time.Time
	refreshes int  // failed ones in a row
	settings  bool // the configuration's are written
	asked     bool // the lock's own are read, or were refused

	after       time.Time // the lock did not answer: nothing before
	fails       int       // times in a row
	failed      time.Time
	pendingWake bool // the worker waits for the lock to be heard
}

// woken: the lock was heard, so that it can be tried again: at once the first time, then not more often than every 10 s a failure.
func (w *codeWork) woken(now time.Time) {
	if t := w.failed.Add(time.Duration(min(max(w.fails-1, 0), 6)) * 10 * time.Second); t.Before(w.after) {
		w.after = t
	}
}

func (w *codeWork) scanFrom(t Traits) {
	w.scanning = true
	w.scanNext, _ = t.firstLast()
}

type stepKind uint8

const (
	stepNone    stepKind = iota
	stepRefresh          // read the bolt
	stepClear            // remove a code
	stepLook             // read a slot that other hands may have changed
	stepVerify           // read back what was written
	stepTell             // tell the lock the schedule of a code that stands on it
	stepPeek             // read a slot, and write it the first time if it is empty
	stepWrite
	stepScan     // read the next slot of a whole-lock scan
	stepSettings // the configuration's own settings
	stepAsk      // read the lock's settings once
)

type step struct {
	kind  stepKind
	slot  Slot
	pin   PIN // stepWrite, stepVerify, stepPeek: a clone
	reads bool
}

// next picks what to do on a lock now: removals before everything else. wait is when to look again (zero: not by itself). The caller holds b.mu.
func (b *Bridge) next(l *lockState, now time.Time) (st step, wait time.Time) {
	w := &l.work
	later := func(t time.Time) {
		if wait.IsZero() || t.Before(wait) {
			wait = t
		}
	}
	w.pendingWake, w.reason = false, ""
	if !l.here() || !b.dongleUp || len(l.commands) > 0 {
		if !b.dongleUp {
			w.reason = sentence(ErrDown)
		}
		return st, wait
	}
	if w.refresh {
		w.pendingWake = true
		if !w.refreshAt.After(now) {
			return step{kind: stepRefresh}, wait
		}
		later(w.refreshAt)
	}
	if !l.saved.Info.Ready {
		w.reason = "waiting for the lock's interview"
		return st, wait
	}
	held := b.resets.holdsCodes(l.id)
	if held {
		w.reason = "held back until the reset of this lock is settled"
		later(now.Add(holdLook))
		if !b.resets.letsRemove(l.id) {
			return st, wait
		}
	}
	reads := !w.noRead && l.traits().ReadBack != ReadBackNone
	st = b.pick(l, now, reads, later)
	if held && st.kind != stepClear { // a code that should be gone goes, whatever became of the others
		st.pin.Wipe()
		return step{}, wait
	}
	if st.kind == stepNone {
		return st, wait
	}
	if w.after.After(now) {
		w.pendingWake = true
		w.reason = "the lock is asleep or does not answer; tried again when it is heard"
		if st.kind == stepScan {
			st.kind = stepNone
		}
		later(w.after)
		return step{}, wait
	}
	st.reads = reads
	return st, wait
}

// pick chooses a step among the slots. The caller holds b.mu.
func (b *Bridge) pick(l *lockState, now time.Time, reads bool, later func(time.Time)) step {
	var clearing, verify, tell, write *SavedSlot
	first := func(p **SavedSlot, s *SavedSlot) {
		if *p == nil || s.Slot < (*p).Slot {
			*p = s
		}
	}
	for _, s := range l.slots {
		if s.User == 0 {
			continue
		}
		var kind **SavedSlot
		since := s.NotBefore
		switch {
		case s.Claimed && (!s.Want && s.Observed != SlotEmpty || s.State == CodeFailed && s.Stale):
			kind = &clearing
		case s.placed() && s.Own.due():
			kind, since = &tell, s.Own.NotBefore
		case !s.Want || s.State != CodePending || s.Wanted.IsZero():
			continue
		case s.Claimed && reads && s.Seen.Equal(s.Wanted):
			kind = &verify
		default:
			kind = &write
		}
		if since.After(now) {
			later(since)
			continue
		}
		first(kind, s)
	}
	switch {
	case clearing != nil:
		return step{kind: stepClear, slot: clearing.Slot}
	case len(l.work.dirty) > 0:
		var at Slot = NoSlot
		for s := range l.work.dirty {
			at = min(at, s)
		}
		return step{kind: stepLook, slot: at}
	case verify != nil:
		return step{kind: stepVerify, slot: verify.Slot, pin: verify.Wanted.Clone()}
	case tell != nil:
		return step{kind: stepTell, slot: tell.Slot}
	case write != nil && !write.Claimed:
		return step{kind: stepPeek, slot: write.Slot, pin: write.Wanted.Clone()}
	case write != nil:
		return step{kind: stepWrite, slot: write.Slot, pin: write.Wanted.Clone()}
	}
	if l.work.scanning {
		if l.work.scanAt.After(now) {
			later(l.work.scanAt)
			return step{}
		}
		return step{kind: stepScan, slot: l.work.scanNext}
	}
	if r := b.cfg.Locks[l.id].Relock; r != nil && !l.work.settings && l.traits().AutoRelock {
		return step{kind: stepSettings}
	}
	if !l.work.asked && l.saved.Settings == (Settings{}) {
		return step{kind: stepAsk}
	}
	return step{}
}

// work does what there is to do on one lock, one request at a time, until ctx ends.
func (b *Bridge) work(ctx context.Context, l *lockState) {
	b.mu.Lock()
	l.work.refreshAt = time.Now().Add(driverFirst)
	if l.saved.Scanned.IsZero() && l.holdsCodes() {
		l.work.scanFrom(l.traits())
	}
	b.mu.Unlock()
	for ctx.Err() == nil {
		change, err := b.settle(l)
		if err != nil {
			change = b.wall().Add(10 * time.Second)
		}
		b.mu.Lock()
		now := time.Now()
		st, wait := b.next(l, now)
		b.mu.Unlock()
		if st.kind != stepNone {
			rest := b.do(ctx, l, st)
			st.pin.Wipe()
			if rest > 0 {
				pause(ctx, rest)
			}
			continue
		}
		var timer <-chan time.Time
		if !change.IsZero() {
			if t := now.Add(min(change.Sub(b.wall()), 24*time.Hour)); wait.IsZero() || t.Before(wait) {
				wait = t
			}
		}
		var t *time.Timer
		if !wait.IsZero() {
			t = time.NewTimer(max(wait.Sub(now), time.Millisecond))
			timer = t.C
		}
		select {
		case <-ctx.Done():
		case <-l.bell:
		case <-timer:
		}
		if t != nil {
			t.Stop()
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// sentence is an error as a person reads it, without our packages' names in front.
func sentence(err error) string {
	s := strings.TrimPrefix(err.Error(), "bridge: ")
	if driver, rest, ok := strings.Cut(s, ": "); ok && !strings.Contains(driver, " ") {
		return rest
	}
	return s
}

// silent tells whether an error says nothing about the code, only that the lock was not reached.
func silent(err error) bool {
	return errors.Is(err, ErrAsleep) || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrDown) || errors.Is(err, ErrNoSuchLock) ||
		errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// final tells whether the lock will say the same again to the same request.
func final(err error) bool {
	for _, f := range []error{ErrDuplicate, ErrMemoryFull, ErrCodeLength, ErrCodeDigits, ErrUnsupported} {
		if errors.Is(err, f) {
			return true
		}
	}
	return false
}

// scanOver tells whether a scan has read the last slot.
func (l *lockState) scanOver() bool {
	_, last := l.traits().firstLast()
	return l.work.scanNext > last || l.work.scanNext == NoSlot
}

// scanStep moves a scan on to the next slot that may be read. The caller holds b.mu.
func (l *lockState) scanStep(now time.Time) {
	w := &l.work
	w.scanNext++
	for !l.scanOver() && slices.Contains(l.traits().MasterSlots, w.scanNext) {
		w.scanNext++
	}
	w.scanAt = now
	if l.traits().Sleepy {
		w.scanAt = now.Add(scanPace)
	}
}
