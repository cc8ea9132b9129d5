package bridge

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// SlotSchedule is what a lock should follow by itself in a slot, so that a code ends there even if the lock cannot be reached then, and how far that is.
type SlotSchedule struct {
	Want      Schedule  `json:"want,omitzero"` // zero: always
	Told      bool      `json:"told,omitempty"`
	Used      bool      `json:"used,omitempty"`    // the lock may follow a schedule of ours there
	Refused   string    `json:"refused,omitempty"` // why the lock does not follow Want: not tried again until that changes, or a person asks
	Attempts  int       `json:"attempts,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
}

// aim wants another schedule of the lock.
func (o *SlotSchedule) aim(s Schedule) { *o = SlotSchedule{Want: s, Used: o.Used || !s.Always()} }

// rewritten notes that the digits were written: the lock then lets the user in always.
func (o *SlotSchedule) rewritten() {
	if o.Told = false; o.Want.Always() {
		o.again()
	}
}

// again has a schedule tried once more that the lock refused.
func (o *SlotSchedule) again() { o.Refused, o.Attempts, o.NotBefore = "", 0, time.Time{} }

// due tells that the lock is still to be told.
func (o *SlotSchedule) due() bool { return o.Used && !o.Told && o.Refused == "" }

// told takes in what became of telling the lock. heard: the lock is not out of reach.
func (o *SlotSchedule) told(err error, heard bool) {
	if err == nil {
		o.again()
		o.Told, o.Used = true, !o.Want.Always()
		return
	}
	o.Attempts++
	o.NotBefore = time.Now().Add(delay(attemptDelays, o.Attempts))
	if final(err) || errors.Is(err, ErrNeedsPIN) || o.Attempts >= attemptLimit && (heard || !silent(err)) {
		o.Refused, o.NotBefore = sentence(err), time.Time{}
	}
}

// placed tells that the code is on the lock as it should be.
func (s *SavedSlot) placed() bool {
	return s.Want && s.Claimed && s.User != 0 && (s.State == CodeInSync || s.State == CodeUnverifiable)
}

// shown is a slot's state for people: a code is as it should be only when the lock also follows its schedule, where it can.
func (s *SavedSlot) shown() (CodeState, string) {
	switch {
	case !s.placed():
	case s.Own.due():
		return CodePending, "on the lock; the lock is still to be told its schedule"
	case s.Own.Refused != "" && s.Own.Want.Always():
		return CodeFailed, fmt.Sprintf("on the lock, which may go on following the schedule that the code had before: %s; try again, or set another code", s.Own.Refused)
	case s.Own.Refused != "" && s.Reason != "":
		return s.State, fmt.Sprintf("%s. %s", s.Reason, bridgeEnds(s.Own.Refused))
	case s.Own.Refused != "":
		return s.State, bridgeEnds(s.Own.Refused)
	}
	return s.State, s.Reason
}

func bridgeEnds(why string) string {
	return fmt.Sprintf("The lock does not follow the code's schedule by itself (%s): the code goes when Latchkey removes it", why)
}

// sameShown tells that nothing changed for people.
func (s *SavedSlot) sameShown(o *SavedSlot) bool {
	x, why := s.shown()
	y, because := o.shown()
	return x == y && why == because
}

// own is what a lock can follow by itself of a schedule that is open now: never narrower than the schedule until the lock can be told otherwise. Zero: nothing
// that the lock could hold, or nothing that ends. offset is the wall clock's, in seconds east of UTC.
func (t Traits) own(s Schedule, now time.Time, loc *time.Location) Schedule {
	_, offset := now.In(loc).Zone()
	span := !s.From.IsZero() || !s.Until.IsZero()
	switch {
	case t.WeekDays == 0 && t.YearDays == 0, len(s.Weekly) == 0 && s.Until.IsZero(), !t.Clock.Shows(offset):
		return Schedule{}
	case len(s.Weekly) > 0 && !span && days(s.Weekly) <= t.WeekDays:
		return Schedule{Weekly: slices.Clone(s.Weekly)}
	case t.YearDays == 0:
		return Schedule{}
	case len(s.Weekly) == 0:
		return Schedule{From: s.From, Until: s.Until}
	}
	if end := s.closes(now, loc); !end.IsZero() {
		return Schedule{Until: end} // both together are not for locks: this once, and the next time again
	}
	return Schedule{}
}

// days counts windows as locks do: none goes over midnight.
func days(ws []Window) int {
	n := len(ws)
	for _, w := range ws {
		if w.End <= w.Start && w.End > 0 {
			n++
		}
	}
	return n
}

// closes is the next instant at which a schedule that is open at t no longer is; zero if it has none, or none within eight days.
func (s Schedule) closes(t time.Time, loc *time.Location) time.Time {
	for limit := t.Add(8 * 24 * time.Hour); t.Before(limit); {
		n := s.Next(t, loc)
		if n.IsZero() || !s.Allows(n, loc) {
			return n
		}
		t = n
	}
	return s.Until
}

// heardOf is how long a lock that was heard is taken to be in reach, when it does not answer to a schedule.
const heardOf = 30 * time.Minute

// tell has the lock follow a slot's schedule by itself.
func (b *Bridge) tell(ctx context.Context, l *lockState, dl Lock, st step) error {
	b.mu.Lock()
	s := l.slots[st.slot]
	if s == nil || !s.placed() || !s.Own.due() {
		b.mu.Unlock()
		return nil
	}
	want := s.Own.Want
	b.mu.Unlock()
	var err error
	if want.Always() {
		err = dl.ClearSchedule(ctx, st.slot)
	} else {
		err = dl.WriteSchedule(ctx, st.slot, want)
	}
	if errors.Is(err, ErrAsleep) || errors.Is(err, ErrDown) || errors.Is(err, ErrNoSuchLock) || errors.Is(err, context.Canceled) {
		return err
	}
	b.mu.Lock()
	heard := time.Since(l.lastSeen) < heardOf
	b.mu.Unlock()
	rec := b.record(l, st.slot, func(n *SavedSlot) bool {
		if n.placed() && sameSchedule(n.Own.Want, want) {
			n.Own.told(err, heard)
		}
		return false
	})
	if rec != nil {
		return rec
	}
	return err
}
