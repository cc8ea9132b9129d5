package bridgetest

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// Behaviour is how a lock takes what is asked of it. The zero value is a good lock.
type Behaviour struct {
	Asleep      bool          // every request waits until the lock is awake; ErrAsleep when the caller's time is over
	SleepAfter  int           // falls asleep after so many more answers; zero: never by itself
	Delay       time.Duration // before each answer
	LoseRequest int           // so many requests are lost on the way: ErrUnreachable, nothing done
	LoseAnswer  int           // so many are carried out, but the answer is lost: ErrUnreachable
	Refuse      error         // the answer to everything, if not nil
	Still       bool          // says yes, does not move
	Jam         bool          // says yes, gets stuck
	Quiet       bool          // moves, but does not report by itself
	Forgets     bool          // says yes to a code, keeps none
	Keeps       bool          // says yes to a removal, keeps the code
	Hides       bool          // shows no digits
	NoRead      bool          // cannot read a slot
	Duplicates  bool          // refuses a code that another slot holds
	Rewrite     bool          // with Duplicates: even the same code in the same slot
	Capacity    int           // codes at most; zero: no bound
	NoSchedules error         // the answer to every schedule, if not nil
}

// Lock is a lock with a memory.
type Lock struct {
	d *Driver

	mu       sync.Mutex
	info     bridge.Info
	how      Behaviour
	wake     chan struct{}
	bolt     bridge.Bolt
	codes    map[bridge.Slot][]byte
	follows  map[bridge.Slot]bridge.Schedule // its own schedules
	zone     *time.Location                  // where it hangs; with follows
	settings bridge.Settings
	takes    func(bridge.Settings) bridge.Settings
	asked    []string // each request that was carried out
	busy     int
	atOnce   int
}

var _ bridge.Lock = (*Lock)(nil)

// GoodTraits are those of a lock that does everything.
func GoodTraits() bridge.Traits {
	return bridge.Traits{Slots: 30, FirstSlot: 1, LastSlot: 30, MasterSlots: []bridge.Slot{0}, PINMin: 4, PINMax: 8, ReadBack: bridge.ReadBackFull, Sleepy: true, BatteryUnit: "half percent"}
}

// NewLock is a good lock, bolt thrown, no codes.
func NewLock(id bridge.LockID) *Lock {
	return &Lock{
		info: bridge.Info{ID: id, Manufacturer: "Yale", Model: "YRD256 TSDB", Family: "yale_assure", FamilyTitle: "Yale Assure", Firmware: "1.0", Ready: true, Traits: GoodTraits()},
		bolt: bridge.Locked, codes: map[bridge.Slot][]byte{}, follows: map[bridge.Slot]bridge.Schedule{}, wake: make(chan struct{}),
	}
}

// SetInfo changes what the lock is.
func (l *Lock) SetInfo(f func(*bridge.Info)) *Lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.info)
	return l
}

// SetInfoLocked is SetInfo for a function that is given to Behave.
func (l *Lock) SetInfoLocked(f func(*bridge.Info)) { f(&l.info) }

// Behave changes how the lock takes what is asked of it. Requests that wait for it to wake go on when it is no longer asleep.
func (l *Lock) Behave(f func(*Behaviour)) *Lock {
	l.mu.Lock()
	defer l.mu.Unlock()
	f(&l.how)
	close(l.wake)
	l.wake = make(chan struct{})
	return l
}

// ID implements bridge.Lock.
func (l *Lock) ID() bridge.LockID { return l.info.ID }

// Info implements bridge.Lock.
func (l *Lock) Info() bridge.Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.info
}

// Asked gives what was carried out since the last call, in order: "lock", "unlock", "write 3", "clear 3", "read 3", "refresh", …
func (l *Lock) Asked() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.asked
	l.asked = nil
	return a
}

// AtOnce is how many requests about codes were under way at once, at most.
func (l *Lock) AtOnce() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.atOnce
}

// do plays one request: sleep, delay, loss. f carries it out with l.mu held.
func (l *Lock) do(ctx context.Context, what string, code bool, f func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if code {
		l.busy++
		l.atOnce = max(l.atOnce, l.busy)
		defer func() { l.busy-- }()
	}
	for l.how.Asleep {
		wake := l.wake
		l.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-wake:
		}
		l.mu.Lock()
		if ctx.Err() != nil {
			return fmt.Errorf("bridgetest: %s: %w", what, bridge.ErrAsleep)
		}
	}
	if d := l.how.Delay; d > 0 {
		l.mu.Unlock()
		t := time.NewTimer(d)
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		t.Stop()
		l.mu.Lock()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("bridgetest: %s: %w", what, bridge.ErrUnreachable)
	}
	if l.how.LoseRequest > 0 {
		l.how.LoseRequest--
		return fmt.Errorf("bridgetest: %s: %w", what, bridge.ErrUnreachable)
	}
	l.asked = append(l.asked, what)
	if len(l.asked) > 10000 {
		l.asked = l.asked[5000:]
	}
	if l.how.Refuse != nil {
		return fmt.Errorf("bridgetest: %s: %w", what, l.how.Refuse)
	}
	err := f()
	if l.how.SleepAfter > 0 {
		l.how.SleepAfter--
		l.how.Asleep = l.how.SleepAfter == 0
	}
	if l.how.LoseAnswer > 0 {
		l.how.LoseAnswer--
		return fmt.Errorf("bridgetest: %s: %w", what, bridge.ErrUnreachable)
	}
	return err
}

func (l *Lock) emit(c bridge.Cause, body bridge.Body) {
	if l.d != nil {
		l.d.Emit(bridge.Event{Lock: l.info.ID, Cause: c, Body: body})
	}
}

// move moves the bolt and reports it. l.mu is held.
func (l *Lock) move(to bridge.Bolt, c bridge.Cause, quiet bool) {
	from := l.bolt
	l.bolt = to
	if !quiet && from != to {
		l.emit(c, bridge.BoltMoved{From: from, To: to})
	}
}

// Actuate implements bridge.Lock.
func (l *Lock) Actuate(ctx context.Context, a bridge.Action) error {
	progress := func(s bridge.Stage) {
		if a.Progress != nil {
			l.mu.Unlock()
			a.Progress(s)
			l.mu.Lock()
		}
	}
	if a.Progress != nil {
		a.Progress(bridge.StageQueued)
	}
	return l.do(ctx, a.Kind.String(), false, func() error {
		progress(bridge.StageSent)
		progress(bridge.StageDelivered)
		if l.info.Traits.PINForRemote {
			ok := false
			a.PIN.Expose(func(p []byte) {
				for _, c := range l.codes {
					ok = ok || bytes.Equal(c, p)
				}
			})
			if !ok {
				return bridge.ErrRejected
			}
		}
		switch {
		case l.how.Still:
		case l.how.Jam:
			l.move(bridge.Jammed, bridge.Cause{}, l.how.Quiet)
		default:
			l.move(a.Kind.Wants(), bridge.Cause{Source: bridge.SourceRemote}, l.how.Quiet)
		}
		return nil
	})
}

// Refresh implements bridge.Lock.
func (l *Lock) Refresh(ctx context.Context) error {
	return l.do(ctx, "refresh", false, func() error {
		l.emit(bridge.Cause{}, bridge.BoltRead{Bolt: l.bolt})
		return nil
	})
}

// WritePIN implements bridge.Lock.
func (l *Lock) WritePIN(ctx context.Context, s bridge.Slot, p bridge.PIN) error {
	return l.do(ctx, fmt.Sprintf("write %d", s), true, func() (err error) {
		p.Expose(func(d []byte) { err = l.store(s, d) })
		return err
	})
}

func (l *Lock) store(s bridge.Slot, d []byte) error {
	t := l.info.Traits
	if s < t.FirstSlot || s > t.LastSlot || slices.Contains(t.MasterSlots, s) {
		return bridge.ErrNoSuchSlot
	}
	if len(d) < t.PINMin || len(d) > t.PINMax {
		return bridge.ErrCodeLength
	}
	if l.how.Duplicates {
		for o, c := range l.codes {
			if bytes.Equal(c, d) && (o != s || l.how.Rewrite) {
				return bridge.ErrDuplicate
			}
		}
	}
	if _, has := l.codes[s]; !has && l.how.Capacity > 0 && len(l.codes) >= l.how.Capacity {
		return bridge.ErrMemoryFull
	}
	if !l.how.Forgets {
		l.codes[s] = bytes.Clone(d)
		delete(l.follows, s) // an unrestricted user, as it is written
	}
	return nil
}

// ClearPIN implements bridge.Lock.
func (l *Lock) ClearPIN(ctx context.Context, s bridge.Slot) error {
	return l.do(ctx, fmt.Sprintf("clear %d", s), true, func() error {
		if !l.how.Keeps {
			delete(l.codes, s)
			delete(l.follows, s)
		}
		return nil
	})
}

// ReadSlot implements bridge.Lock.
func (l *Lock) ReadSlot(ctx context.Context, s bridge.Slot) (c bridge.Credential, err error) {
	err = l.do(ctx, fmt.Sprintf("read %d", s), true, func() error {
		d, ok := l.codes[s]
		switch {
		case l.how.NoRead:
			return bridge.ErrUnsupported
		case !ok:
			c.State = bridge.SlotEmpty
		case l.how.Hides:
			c.State = bridge.SlotUnreadable
		default:
			c.State = bridge.SlotKnown
			c.PIN, _ = bridge.NewPIN(d)
		}
		return nil
	})
	return c, err
}

// Reset implements bridge.Lock: it can clear its codes.
func (l *Lock) Reset(ctx context.Context, way bridge.ResetWay) error {
	if way != bridge.ResetClearCodes {
		return bridge.ErrNeedsHands
	}
	return l.do(ctx, "clear all", true, func() error {
		if !l.how.Keeps {
			clear(l.codes)
			clear(l.follows)
		}
		return nil
	})
}

// Bolt is where the bolt really is.
func (l *Lock) Bolt() bridge.Bolt {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bolt
}

// Turn moves the bolt by the thumb turn.
func (l *Lock) Turn(to bridge.Bolt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.move(to, bridge.Cause{Source: bridge.SourceManual}, false)
}

// Enter types a code at the keypad, and tells whether it opened.
func (l *Lock) Enter(digits string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s, c := range l.codes {
		if string(c) == digits && !l.lets(s) {
			l.emit(bridge.Cause{Source: bridge.SourceKeypad, Slot: &s}, bridge.EntryRefused{Action: bridge.ActUnlock, Why: "outside its schedule"})
			return false
		}
		if string(c) == digits {
			l.move(bridge.Unlocked, bridge.Cause{Source: bridge.SourceKeypad, Slot: &s}, false)
			return true
		}
	}
	l.emit(bridge.Cause{Source: bridge.SourceKeypad}, bridge.EntryRefused{Action: bridge.ActUnlock, Why: "wrong code"})
	return false
}

// EnterLate types a code at a keypad that tells whose code it was only after the movement was reported.
func (l *Lock) EnterLate(digits string, after time.Duration) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for s, c := range l.codes {
		if string(c) == digits {
			l.move(bridge.Unlocked, bridge.Cause{}, false)
			l.mu.Unlock()
			time.Sleep(after)
			l.mu.Lock()
			l.emit(bridge.Cause{Source: bridge.SourceKeypad, Slot: &s}, bridge.BoltRead{Bolt: bridge.Unlocked})
			return true
		}
	}
	return false
}

// Holds gives the digits in a slot, empty if there are none.
func (l *Lock) Holds(s bridge.Slot) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.codes[s])
}

// Codes is how many codes it holds.
func (l *Lock) Codes() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.codes)
}

// Program sets a code at the keypad (empty digits: removes it), and reports it if told.
func (l *Lock) Program(s bridge.Slot, digits string, told bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change := bridge.ProgPINAdded
	delete(l.follows, s)
	if digits == "" {
		delete(l.codes, s)
		change = bridge.ProgPINDeleted
	} else {
		l.codes[s] = []byte(digits)
	}
	if told {
		l.emit(bridge.Cause{Source: bridge.SourceKeypad}, bridge.LockProgrammed{Change: change, Slot: &s})
	}
}

// Say emits an event of this lock.
func (l *Lock) Say(body bridge.Body) { l.emit(bridge.Cause{}, body) }
