package bridge

import (
	"context"
	"errors"
	"slices"
	"time"
)

// Signs of a reset, as they stand in ResetStatus.Seen.
const (
	signAlarm     = "alarm"             // "reset to factory defaults" (ZCL 7.3.2.2.11, alarm code 1)
	signLeft      = "left"              // the lock left the network
	signSilent    = "silent"            // it does not answer
	signAnnounced = "announced"         // power came back, or it was heard again
	signJoined    = "joined"            // the same address joined anew
	signDeleted   = "all codes deleted" // programming event (ZCL 7.3.2.18.2)
	signEmpty     = "slots empty"       // read back
	signKept      = "slots kept"        // read back
	signWord      = "word"              // a person saw it
	signStranger  = "stranger refused"
)

// signOf reads an event as a sign.
func signOf(ev Event) (sign, text string) {
	switch b := ev.Body.(type) {
	case Alarmed:
		switch b.Alarm {
		case AlarmFactoryReset:
			return signAlarm, "The lock says that it was reset to factory defaults."
		case AlarmPowerCycled:
			return signAnnounced, "The lock's power came back."
		}
	case LockLeft:
		return signLeft, "The lock left the network."
	case LockJoined:
		return signJoined, "The lock joined the network anew."
	case Reached:
		if b.Reachable {
			return signAnnounced, "The lock was heard again."
		}
		return signSilent, "The lock has fallen silent."
	case LockProgrammed:
		if b.Change == ProgAllDeleted && !b.Ours {
			return signDeleted, "The lock says that all its codes were deleted."
		}
	case StrangerRefused:
		return signStranger, "Something else tried to join and was refused: " + b.Address + "."
	}
	return "", ""
}

// takeSign adds a sign to the record. It tells whether there was a new one.
func (w *resetFlow) takeSign(ev Event) bool {
	sign, text := signOf(ev)
	if sign == "" {
		return false
	}
	return w.addSign(sign, text)
}

func (w *resetFlow) addSign(sign, text string) bool {
	now, added := time.Now(), false
	w.edit(func(rec *resetRecord) {
		if n := len(rec.Signs); n == 0 || rec.Signs[n-1].Sign != sign || rec.Signs[n-1].At.Before(rec.Asked) || sign == signStranger && rec.Signs[n-1].Text != text {
			if n >= 64 { // a flapping lock does not fill the store
				rec.Signs = slices.Delete(rec.Signs, n/2, n/2+1)
			}
			rec.Signs, added = append(rec.Signs, ResetSign{sign, now, text}), true
		}
		switch sign {
		case signLeft:
			rec.Lost, rec.Joined = true, time.Time{}
		case signJoined:
			rec.Lost, rec.Joined = false, now
		}
	})
	return added
}

// has tells whether a sign was seen since the lock was last asked to erase itself.
func (rec *resetRecord) has(sign string) bool { return !rec.when(sign).IsZero() }

func (rec *resetRecord) when(sign string) time.Time {
	for _, s := range slices.Backward(rec.Signs) {
		if s.Sign == sign && !s.At.Before(rec.Asked) {
			return s.At
		}
	}
	return time.Time{}
}

// tellsOfReset: the lock itself showed what a reset lock shows.
func (rec *resetRecord) tellsOfReset() bool {
	return rec.has(signAlarm) || rec.has(signLeft) || rec.has(signJoined) || rec.has(signDeleted)
}

// sight is what looking at the slots showed.
type sight uint8

const (
	sightNothing sight = iota // the lock answers, but nothing can be compared
	sightEmpty                // what stood there is gone
	sightKept                 // it is all there
	sightPartly               // some of it is gone
	sightSilent               // no answer
)

const (
	lookSlots    = 6                // slots compared, if that is enough
	lookPatience = 40 * time.Second // for one answer: eight long polls of 5 s (Poll Control, ZCL 3.16.4)
)

// look reads a few slots that held codes before, to see what became of them. It writes nothing.
func (w *resetFlow) look(ctx context.Context) (sight, error) { return w.lookInto(ctx, false) }

// lookAll goes on through all of them as long as none is still there: that a few codes are gone does not make a reset.
func (w *resetFlow) lookAll(ctx context.Context) (sight, error) { return w.lookInto(ctx, true) }

func (w *resetFlow) lookInto(ctx context.Context, all bool) (sight, error) {
	l, err := w.lock(ctx)
	if err != nil {
		return sightSilent, err
	}
	if l == nil {
		return sightSilent, nil
	}
	t := l.Info().Traits
	if t.ReadBack == ReadBackNone || t.Slots == 0 || len(w.rec.Before) == 0 {
		return w.answers(ctx, l)
	}
	compared, kept, answered := 0, 0, false
	for i, s := range w.lookAt() {
		if i >= lookSlots && (!all || kept > 0) {
			break
		}
		c, err := w.readSlot(ctx, l, s.Slot)
		switch {
		case ctx.Err() != nil:
			return sightSilent, ctx.Err()
		case errors.Is(err, ErrUnsupported), errors.Is(err, ErrRejected), errors.Is(err, ErrNoSuchSlot):
			answered = true
			continue
		case err != nil:
			return sightSilent, nil
		}
		answered = true
		if c.State == SlotUnreadable && t.ReadBack == ReadBackFull {
			c.State = SlotEmpty // occupied without digits, where digits are shown: nothing that could be typed
		}
		switch c.State {
		case SlotEmpty:
			compared++
		case SlotKnown:
			if was := w.pinBefore(s.Slot); !was.IsZero() && !w.isDefault(c.PIN) { // a default code tells nothing
				compared++
				if c.PIN.Equal(was) {
					kept++
				}
			}
			c.PIN.Wipe()
		case SlotUnreadable:
			if w.proc.defaultSlot(s.Slot) {
				continue // a default user may stand there now
			}
			compared++
			kept++
		}
	}
	switch {
	case compared == 0 && answered:
		return sightNothing, nil
	case compared == 0:
		return w.answers(ctx, l)
	case kept == 0:
		w.addSign(signEmpty, "What stood in the lock's slots before is gone.")
		return sightEmpty, nil
	case kept < compared:
		w.addSign(signKept, "Some of the codes that stood on the lock before are gone, others are still there.")
		return sightPartly, nil
	default:
		w.addSign(signKept, "The codes that stood on the lock before are still there.")
		return sightKept, nil
	}
}

// lookAt gives the slots to compare in their order: those in which a default user may stand come last. Slots of ours that were given up since are left out: that they are
// empty may be our own doing, so they are no evidence, and their codes may be removed while the workflow is stuck before this look.
func (w *resetFlow) lookAt() []slotRecord {
	kept := map[Slot]bool{}
	for _, s := range w.r.host.savedSlots(w.id) {
		_, stands := s.stands() // not so for whoever got the slot since
		kept[s.Slot] = s.Want && stands
		s.Wanted.Wipe()
		s.Seen.Wipe()
	}
	var first, last []slotRecord
	for _, s := range w.rec.Before {
		if s.State != SlotKnown && s.State != SlotUnreadable || s.Ours && !kept[s.Slot] {
			continue
		}
		if w.proc.defaultSlot(s.Slot) {
			last = append(last, s)
		} else {
			first = append(first, s)
		}
	}
	return append(first, last...)
}

// answers finds out whether the lock answers at all.
func (w *resetFlow) answers(ctx context.Context, l Lock) (sight, error) {
	err := w.try(ctx, w.r.patience(), l.Refresh)
	switch {
	case ctx.Err() != nil:
		return sightSilent, ctx.Err()
	case err == nil, errors.Is(err, ErrUnsupported), errors.Is(err, ErrRejected):
		return sightNothing, nil
	}
	return sightSilent, nil
}

// readSlot reads one slot, and once more when the answer did not come.
func (w *resetFlow) readSlot(ctx context.Context, l Lock, s Slot) (Credential, error) {
	var c Credential
	var err error
	for range 2 {
		err = w.try(ctx, w.r.patience(), func(one context.Context) (err error) {
			c, err = l.ReadSlot(one, s)
			return err
		})
		if err == nil || ctx.Err() != nil || !outOfReach(err) {
			break
		}
	}
	return c, err
}

// outOfReach tells errors that say nothing about the lock's will.
func outOfReach(err error) bool {
	return errors.Is(err, ErrAsleep) || errors.Is(err, ErrUnreachable) || errors.Is(err, ErrDown) || errors.Is(err, context.DeadlineExceeded)
}

// pinBefore is what is known to have stood in a slot before the erase; zero if the digits were not known.
func (w *resetFlow) pinBefore(s Slot) PIN {
	for _, c := range w.codes {
		if c.Slot == s {
			return c.PIN
		}
	}
	return PIN{}
}

func (w *resetFlow) isDefault(p PIN) bool {
	same := false
	p.Expose(func(digits []byte) { same = slices.Contains(w.proc.Default.Codes, string(digits)) })
	return same
}

// downPatience is how long a dongle that is away is waited for: it is just being opened after a start, or somebody plugs it in again.
const downPatience = time.Minute

// try does something by radio, and again while the dongle is away: then nothing was sent.
func (w *resetFlow) try(ctx context.Context, patience time.Duration, f func(context.Context) error) error {
	for until := time.Now().Add(downPatience); ; {
		one, cancel := context.WithTimeout(ctx, patience)
		err := f(one)
		cancel()
		if !errors.Is(err, ErrDown) || time.Now().After(until) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(w.r.wait(2 * time.Second)):
		}
	}
}

// lock is the driver's lock, nil while the driver does not have it. It waits while the dongle is away.
func (w *resetFlow) lock(ctx context.Context) (Lock, error) {
	l, err := w.r.host.driver().Lock(w.id)
	if err == nil {
		return l, nil
	}
	return nil, ctx.Err()
}
