package bridge

import (
	"context"
	"slices"
	"time"
)

// lookAgain is how long a lock that is not heard is left alone before it is asked again for its codes.
const lookAgain = 15 * time.Minute

// resetLook is a suspicion that is being looked into. While it lasts no code is written.
type resetLook struct {
	signs   []ResetSign
	sure    bool          // the lock itself said so
	waiting bool          // nothing is sent to the lock until it is heard
	bell    chan struct{} // it was heard, or there is another sign
}

func (k *resetLook) ring() {
	select {
	case k.bell <- struct{}{}:
	default:
	}
}

// observe takes an event that is in the journal. It does not block.
func (r *resets) observe(ev Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, stranger := ev.Body.(StrangerRefused); stranger {
		for _, w := range r.flows {
			if w.stage() == ResetRejoining {
				w.event(ev)
			}
		}
		return
	}
	if ev.Lock == "" {
		return
	}
	if w := r.flows[ev.Lock]; w != nil && !w.stage().over() {
		w.event(ev)
		return
	}
	if look := r.looks[ev.Lock]; look != nil && look.waiting {
		if b, ok := ev.Body.(Reached); !ok || b.Reachable {
			look.ring()
		}
	}
	switch b := ev.Body.(type) {
	case Alarmed:
		if b.Alarm == AlarmFactoryReset {
			r.suspectLocked(ev.Lock, ev, true)
		}
	case LockJoined:
		if b.Known {
			r.suspectLocked(ev.Lock, ev, false)
		}
	case LockReady, LockLeft:
		if look := r.looks[ev.Lock]; look != nil {
			look.add(ev)
		}
	}
}

// suspect tells that the reconciler found slots empty which should not be.
func (r *resets) suspect(id LockID, sign string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w := r.flows[id]; w != nil && !w.stage().over() {
		return
	}
	r.lookInto(id, ResetSign{Sign: signEmpty, At: time.Now(), Text: sign}, false)
}

func (r *resets) suspectLocked(id LockID, ev Event, sure bool) {
	s, text := signOf(ev)
	r.lookInto(id, ResetSign{Sign: s, At: time.Now(), Text: text}, sure)
}

func (k *resetLook) add(ev Event) {
	if s, text := signOf(ev); s != "" && len(k.signs) < 16 {
		k.signs = append(k.signs, ResetSign{Sign: s, At: time.Now(), Text: text})
	}
}

func (r *resets) lookInto(id LockID, s ResetSign, sure bool) {
	look := r.looks[id]
	if look == nil {
		look = &resetLook{bell: make(chan struct{}, 1)}
		r.looks[id] = look
		r.goes(func(ctx context.Context) { r.looking(ctx, id, look) })
	}
	if len(look.signs) < 16 {
		look.signs = append(look.signs, s)
	}
	look.sure = look.sure || sure
	look.ring()
}

// looking looks at a lock that shows signs of a reset nobody asked for here. A lock whose codes are all in their places has only changed its batteries or its
// network; any other was reset, until a person says otherwise.
func (r *resets) looking(ctx context.Context, id LockID, look *resetLook) {
	defer func() {
		r.mu.Lock()
		if r.looks[id] == look {
			delete(r.looks, id)
		}
		r.mu.Unlock()
	}()
	v, err := r.host.Find(string(id))
	if err != nil {
		return // not a lock of this home
	}
	w := &resetFlow{
		r: r, id: id, proc: procedureFor(v.Info.Family, v.Info.Manufacturer, v.Info.Model), bell: make(chan struct{}, 1), gone: make(chan struct{}),
	}
	now := time.Now()
	w.rec = resetRecord{Format: 1, Stage: ResetSecuring, Since: now, Started: now, Asked: look.signs[0].At, Way: ResetHands, Family: v.Info.Family, Unasked: true,
		Cause: Cause{Source: SourceBridge}, Settings: r.host.savedSettings(id), Before: w.before(), Erased: "nobody asked for it here; the lock shows the signs of a reset"}
	for _, s := range r.host.savedSlots(id) {
		if !s.Seen.IsZero() {
			w.codes = append(w.codes, CapturedCode{Slot: s.Slot, User: s.User, PIN: s.Seen.Clone()})
		}
	}
	if !r.sure(look) {
		select { // a lock that has just joined is being asked who it is
		case <-ctx.Done():
			return
		case <-time.After(r.wait(3 * time.Second)):
		}
	}
	for !r.sure(look) {
		s, err := w.lookAll(ctx)
		if err != nil {
			return
		}
		sure, joined := r.sure(look), r.joined(look)
		if (s == sightKept || s == sightPartly && !joined) && !sure {
			r.log.Info("the lock's codes are in place: it was not reset", "lock", id)
			return
		}
		if s != sightSilent || joined || sure { // a lock that sleeps shows nothing; that a code is gone does not make its sleep a sign
			w.rec.Alone = s == sightNothing && !joined && !sure
			break
		}
		if !r.awaitHeard(ctx, look) {
			return
		}
	}
	why, next := "The lock shows signs of a reset that nobody asked for here.", "Look at the door, then say whether its codes should be restored."
	if w.rec.Alone {
		why = alone
	}
	r.mu.Lock()
	if old := r.flows[id]; old != nil && !old.stage().over() {
		r.mu.Unlock()
		return // a person was quicker
	}
	w.rec.Signs = append(append([]ResetSign(nil), look.signs...), w.rec.Signs...)
	r.flows[id] = w
	r.mu.Unlock()
	var signs []string
	for _, s := range w.rec.Signs {
		signs = append(signs, s.Sign)
	}
	err = w.save(ctx,
		Event{At: now, Lock: id, Cause: w.rec.Cause, Body: ResetNoticed{Signs: signs}},
		Event{At: now, Lock: id, Cause: w.rec.Cause, Body: ResetMoved{Stage: string(ResetSecuring), Why: why, Next: next}})
	if err != nil {
		return
	}
	r.mu.Lock()
	r.begin(w)
	r.mu.Unlock()
}

const alone = "The only code that was known to stand on this lock is gone, without a word. Either hands removed it at the lock, or somebody reset the lock."

// joined tells a lock that came back from one in which a slot was found empty: a person may have cleared that one at the keypad.
func (r *resets) joined(look *resetLook) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(look.signs, func(s ResetSign) bool { return s.Sign == signJoined })
}

// awaitHeard waits until the lock is heard, or for a while: some locks answer although they never say anything. Meanwhile codes that should be gone may go.
func (r *resets) awaitHeard(ctx context.Context, look *resetLook) bool {
	wait := func(yes bool) {
		r.mu.Lock()
		look.waiting = yes
		r.mu.Unlock()
	}
	wait(true)
	defer wait(false)
	for _, d := range []time.Duration{guardPause, lookAgain} { // it is not asked more often than every half a minute
		t := time.NewTimer(r.wait(d))
		bell := look.bell
		if d == guardPause {
			bell = nil
		}
		select {
		case <-ctx.Done():
			t.Stop()
			return false
		case <-bell:
			t.Stop()
			return true
		case <-t.C:
		}
	}
	return true
}

func (r *resets) sure(look *resetLook) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return look.sure
}
