package bridge

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"
)

const (
	restorePoll     = 10 * time.Second // the codes' states are looked at again at least that often
	patienceForScan = 5 * time.Minute  // for the reconciler to read all slots of a wiped lock
)

// restore brings back settings, then leaves the codes to the ordinary reconciler.
func (w *resetFlow) restore(ctx context.Context) (resetMove, error) {
	if !w.rec.Set {
		if m, err := w.restoreSettings(ctx); err != nil || m.to != "" {
			return m, err
		}
	}
	if !w.rec.Released {
		if err := w.r.host.releaseCodes(w.id, w.rec.Way != ResetLeave || w.rec.Erased != "" || !w.hidesCodes()); err != nil {
			return resetMove{to: ResetStuck, why: "The codes could not be given back: " + err.Error() + ".", next: "Try again."}, nil
		}
		w.edit(func(rec *resetRecord) { rec.Released = true })
		if err := w.save(ctx); err != nil {
			return resetMove{}, err
		}
	}
	for {
		failed, pending, err := w.codesNow()
		if err != nil {
			return resetMove{to: ResetStuck, why: err.Error(), next: "Try again."}, nil
		}
		if pending == 0 {
			if w.rec.Others == "" {
				if err := w.others(ctx); err != nil {
					return resetMove{}, err
				}
				continue
			}
			if len(failed) == 0 {
				return resetMove{to: ResetTesting}, nil
			}
			w.edit(func(rec *resetRecord) { rec.Released = false })
			return resetMove{to: ResetStuck, why: "Not every code came back: " + strings.Join(failed, "; ") + ".",
				next: "See to the reason, then try again; or skip these codes."}, nil
		}
		in, _, err := w.next(ctx, time.Now().Add(w.r.wait(restorePoll)))
		if err != nil {
			return resetMove{}, err
		}
		if m, ok := w.again(in.ev); ok {
			return m, nil
		}
	}
}

// hidesCodes: nothing on the lock can be read back. Where it was not erased its codes are left alone: some such locks refuse a code that they hold already.
func (w *resetFlow) hidesCodes() bool {
	v, err := w.r.host.Find(string(w.id))
	return err == nil && v.Info.Traits.ReadBack == ReadBackNone
}

// codesNow counts what the reconciler has still to do.
func (w *resetFlow) codesNow() (failed []string, pending int, err error) {
	codes, err := w.r.host.Codes(w.id)
	if err != nil {
		return nil, 0, err
	}
	restored := 0
	for _, c := range codes {
		switch c.State {
		case CodePending:
			pending++
		case CodeFailed:
			failed = append(failed, c.Name+" ("+c.Reason+")")
		case CodeInSync, CodeUnverifiable:
			restored++
		}
	}
	w.display(func(s *resetShow) {
		s.pending, s.restored = pending, restored
		s.awaiting, s.next = []string{"the codes"}, "Nothing: the codes are being written. Touching the keypad now and then keeps the lock awake."
	})
	return failed, pending, nil
}

// again leads back when the lock is reset once more while it is being restored.
func (w *resetFlow) again(ev *Event) (resetMove, bool) {
	if ev == nil {
		return resetMove{}, false
	}
	s, _ := signOf(*ev)
	if s != signAlarm && s != signJoined && s != signLeft {
		return resetMove{}, false
	}
	w.takeSign(*ev)
	if s == signJoined && !w.rec.has(signAlarm) && w.rec.Erased == "" {
		return resetMove{}, false
	}
	w.edit(func(rec *resetRecord) {
		rec.Released, rec.Set, rec.Motor, rec.Keypad, rec.Master, rec.Defaults, rec.Proven = false, false, "", "", "", "", false
	})
	if s == signLeft {
		return resetMove{to: ResetRejoining, why: "The lock left the network again."}, true
	}
	return resetMove{to: ResetSecuring, why: "The lock was reset once more."}, true
}

func (w *resetFlow) restoreSettings(ctx context.Context) (resetMove, error) {
	want := w.rec.Settings
	if want == (Settings{}) {
		w.edit(func(rec *resetRecord) { rec.Set = true })
		return resetMove{}, nil
	}
	l, err := w.lock(ctx)
	if err != nil {
		return resetMove{}, err
	}
	if l == nil {
		return unreached(ErrDown), nil
	}
	w.display(func(s *resetShow) {
		*s = resetShow{awaiting: []string{"the lock's settings"}, next: "Nothing: the settings are being written."}
	})
	patience := 2 * w.r.patience()
	werr := w.try(ctx, patience, func(c context.Context) error { return l.WriteSettings(c, want) })
	if ctx.Err() != nil {
		return resetMove{}, ctx.Err()
	}
	if werr != nil && outOfReach(werr) {
		return unreached(werr), nil
	}
	var have Settings
	rerr := w.try(ctx, patience, func(c context.Context) (err error) {
		have, err = l.ReadSettings(c)
		return err
	})
	switch {
	case ctx.Err() != nil:
		return resetMove{}, ctx.Err()
	case rerr == nil:
		w.compareSettings(want, have)
	case werr != nil:
		w.note("failed", "Settings: "+werr.Error())
	default:
		w.note("unverifiable", "Settings: written, but the lock did not let them be read back ("+rerr.Error()+").")
	}
	w.edit(func(rec *resetRecord) { rec.Set = true })
	return resetMove{}, w.save(ctx)
}

// compareSettings notes for each setting whether it is as before.
func (w *resetFlow) compareSettings(want, have Settings) {
	a, b := reflect.ValueOf(want), reflect.ValueOf(have)
	for i := range a.NumField() {
		f := a.Field(i)
		if f.IsNil() {
			continue
		}
		name := settingName(a.Type().Field(i).Name)
		switch {
		case b.Field(i).IsNil():
			w.note("unverifiable", fmt.Sprintf("%s: written (%v), not to be read back.", name, f.Elem().Interface()))
		case f.Elem().Interface() == b.Field(i).Elem().Interface():
			w.note("verified", fmt.Sprintf("%s: %v, read back.", name, f.Elem().Interface()))
		default:
			w.note("failed", fmt.Sprintf("%s: was %v, is %v; the lock did not take it.", name, f.Elem().Interface(), b.Field(i).Elem().Interface()))
		}
	}
}

func settingName(field string) string {
	switch field {
	case "AutoRelock":
		return "Time until it locks by itself"
	case "Sound":
		return "Volume"
	case "OperatingMode":
		return "Operating mode"
	case "OneTouch":
		return "Locking at one touch"
	case "WrongCodeLimit":
		return "Wrong codes allowed"
	case "DisableSeconds":
		return "Seconds disabled after wrong codes"
	case "SendPIN":
		return "Letting codes be read back"
	}
	return field
}

// others asks what becomes of readable codes that were on the lock and not ours. They come back as users under a name, or not at all.
func (w *resetFlow) others(ctx context.Context) error {
	var foreign []CapturedCode
	for _, c := range w.codes {
		if c.User == 0 && !w.isDefault(c.PIN) {
			foreign = append(foreign, c)
		}
	}
	auto := w.rec.Unasked && w.r.host.settingsFor(w.id).RestoreAuto
	if len(foreign) == 0 || auto || w.rec.Erased == "" {
		w.edit(func(rec *resetRecord) { rec.Others = "none" })
		return nil
	}
	w.ask(ResetStep{
		ID: "others", Text: fmt.Sprintf("Before the reset there were %d codes on this lock that Latchkey did not write. Should they open the door again?", len(foreign)),
		Answers: []string{"restore", "leave out"},
	})
	for {
		in, _, err := w.next(ctx, time.Time{})
		if err != nil {
			return err
		}
		switch in.answer {
		case "restore":
			for _, c := range foreign {
				if err := w.bringBack(ctx, c); err != nil {
					return err
				}
			}
			w.edit(func(rec *resetRecord) { rec.Others = "restored" })
			return w.save(ctx)
		case "leave out":
			w.note("verified", fmt.Sprintf("%d codes that were not ours were left out.", len(foreign)))
			w.edit(func(rec *resetRecord) { rec.Others = "left out" })
			return w.save(ctx)
		}
	}
}

// bringBack makes a user of a code that was not ours. The lock's old record of it is in the way until the reconciler has seen that the slot is empty.
func (w *resetFlow) bringBack(ctx context.Context, c CapturedCode) error {
	until := time.Now().Add(patienceForScan)
	for {
		u := User{Name: fmt.Sprintf("Slot %d, before the reset", c.Slot), PINs: map[LockID]PIN{w.id: c.PIN.Clone()}, Locks: []LockID{w.id}, Origin: OriginKeypad}
		_, err := w.r.host.AddUser(ctx, w.rec.Cause, u)
		switch {
		case err == nil, errors.Is(err, ErrConflict): // after a crash between the two records the user is there already
			return nil
		case !errors.Is(err, ErrDuplicate) || time.Now().After(until):
			w.note("failed", u.Name+": "+err.Error())
			return nil
		}
		if _, _, err := w.next(ctx, time.Now().Add(w.r.wait(2*time.Second))); err != nil {
			return err
		}
	}
}
