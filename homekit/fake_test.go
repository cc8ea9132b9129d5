package homekit

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// How a fake lock takes a command.
type manner int

const (
	obeys    manner = iota // accepts at once, moves soon after
	asleep                 // is never reached
	silent                 // accepts, and is not seen moving
	refuses                // says no
	jams                   // accepts, then jams
	cannot                 // has no such command
	superior               // is overtaken by a later command
)

// fakeBridge is a bridge with behaviour: it keeps users, codes and a journal, and its locks move.
type fakeBridge struct {
	mu       sync.Mutex
	locks    map[bridge.LockID]*bridge.LockView
	manners  map[bridge.LockID]manner
	users    map[bridge.UserID]bridge.User
	lastUser bridge.UserID
	foreign  map[bridge.LockID]int // codes that are not ours
	counter  map[bridge.LockID]uint64
	events   []bridge.Event
	news     chan struct{} // closed and renewed with each event
	dongle   bridge.DongleMoved
	actions  []bridge.Action
	resets   []string
	addErr   error
	travel   time.Duration // from accepted to moved
}

func newFake(n int) *fakeBridge {
	f := &fakeBridge{
		locks: make(map[bridge.LockID]*bridge.LockView), manners: make(map[bridge.LockID]manner), users: make(map[bridge.UserID]bridge.User),
		foreign: make(map[bridge.LockID]int), counter: make(map[bridge.LockID]uint64), news: make(chan struct{}), dongle: bridge.DongleMoved{Up: true},
		travel: 10 * time.Millisecond,
	}
	for i := range n {
		f.locks[lockID(i)] = fakeLock(i)
	}
	return f
}

func lockID(i int) bridge.LockID { return bridge.LockID(fmt.Sprintf("00:0d:6f:00:0a:90:00:%02x", i)) }

func fakeLock(i int) *bridge.LockView {
	battery := 87.0
	return &bridge.LockView{
		ID: lockID(i), Name: fmt.Sprintf("Lock %d", i), Bolt: bridge.Locked, Target: bridge.Locked, Door: bridge.DoorClosed, Reachable: true, Battery: &battery,
		Info: bridge.Info{ID: lockID(i), Manufacturer: "Yale", Model: "YRD226 TSDB", Firmware: "104.8", Ready: true,
			Traits: bridge.Traits{Slots: 5, FirstSlot: 1, LastSlot: 5, PINMin: 4, PINMax: 8, DoorSensor: true}},
	}
}

func (f *fakeBridge) append(ev bridge.Event) {
	ev.Seq, ev.At = uint64(len(f.events)+1), time.Now()
	f.events = append(f.events, ev)
	close(f.news)
	f.news = make(chan struct{})
}

// ChangeSettings sets the relock time, unless the lock is asleep or refuses.
func (f *fakeBridge) ChangeSettings(_ context.Context, c bridge.Cause, id bridge.LockID, s bridge.Settings) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch f.manners[id] {
	case asleep:
		return bridge.ErrAsleep
	case refuses:
		return bridge.ErrRejected
	}
	f.locks[id].AutoRelock = s.AutoRelock
	f.append(bridge.Event{Lock: id, Cause: c, Body: bridge.SettingsMoved{Settings: s}})
	return nil
}

func (f *fakeBridge) Note(ev bridge.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.append(ev)
}

func (f *fakeBridge) Snapshot() bridge.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := bridge.Snapshot{Seq: uint64(len(f.events)), At: time.Now(), Dongle: f.dongle}
	for _, v := range f.locks {
		s.Locks = append(s.Locks, *v)
	}
	slices.SortFunc(s.Locks, func(a, b bridge.LockView) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return s
}

func (f *fakeBridge) Find(name string) (bridge.LockView, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if v := f.locks[bridge.LockID(name)]; v != nil {
		return *v, nil
	}
	return bridge.LockView{}, bridge.ErrNoSuchLock
}

type fakeReader struct {
	f    *fakeBridge
	next uint64
}

func (f *fakeBridge) Follow(after uint64) bridge.Reader { return &fakeReader{f, after} }

func (r *fakeReader) Next(ctx context.Context) (bridge.Event, error) {
	for {
		r.f.mu.Lock()
		if int(r.next) < len(r.f.events) {
			ev := r.f.events[r.next]
			r.next++
			r.f.mu.Unlock()
			return ev, nil
		}
		news := r.f.news
		r.f.mu.Unlock()
		select {
		case <-news:
		case <-ctx.Done():
			return bridge.Event{}, ctx.Err()
		}
	}
}

func (r *fakeReader) Close() {}

func (f *fakeBridge) History(after uint64, limit int) ([]bridge.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	evs := f.events[min(int(after), len(f.events)):]
	return slices.Clone(evs[:min(limit, len(evs))]), nil
}

// move is the bolt's own report.
func (f *fakeBridge) move(id bridge.LockID, to bridge.Bolt, c bridge.Cause) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.moveLocked(id, to, c)
}

func (f *fakeBridge) moveLocked(id bridge.LockID, to bridge.Bolt, c bridge.Cause) {
	v := f.locks[id]
	from := v.Bolt
	v.Bolt, v.BoltAt = to, time.Now()
	if to == bridge.Locked || to == bridge.Unlocked {
		v.Target, v.LastAction, v.LastTo = to, c, to
	}
	f.append(bridge.Event{Lock: id, Cause: c, Body: bridge.BoltMoved{From: from, To: to}})
}

// edit changes a lock's view and says so in the journal.
func (f *fakeBridge) edit(id bridge.LockID, body bridge.Body, change func(*bridge.LockView)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f.locks[id])
	f.append(bridge.Event{Lock: id, Body: body})
}

func (f *fakeBridge) Actuate(ctx context.Context, id bridge.LockID, a bridge.Action) (bridge.Outcome, error) {
	f.mu.Lock()
	v := f.locks[id]
	if v == nil {
		f.mu.Unlock()
		return bridge.Outcome{}, bridge.ErrNoSuchLock
	}
	f.actions = append(f.actions, a)
	before, how, travel := v.Target, f.manners[id], f.travel
	v.Target = a.Kind.Wants()
	f.mu.Unlock()

	end := func(s bridge.Stage, err error) (bridge.Outcome, error) {
		f.mu.Lock()
		defer f.mu.Unlock()
		if err != nil {
			v.Target = before
		}
		f.append(bridge.Event{Lock: id, Cause: a.Cause, Body: bridge.CommandFinished{Command: a.Kind.String(), Stage: s}})
		return bridge.Outcome{Stage: s, Bolt: v.Bolt}, err
	}
	switch how {
	case asleep:
		<-ctx.Done()
		return end(bridge.StageQueued, fmt.Errorf("fake: %w", bridge.ErrAsleep))
	case refuses:
		return end(bridge.StageDelivered, bridge.ErrRejected)
	case cannot:
		return end(bridge.StageNone, bridge.ErrUnsupported)
	case superior:
		return end(bridge.StageQueued, bridge.ErrSuperseded)
	}
	a.Progress(bridge.StageAccepted)
	if how == silent {
		<-ctx.Done()
		return end(bridge.StageAccepted, bridge.ErrNotSeen)
	}
	select {
	case <-time.After(travel):
	case <-ctx.Done():
		return end(bridge.StageAccepted, bridge.ErrNotSeen)
	}
	if how == jams {
		f.move(id, bridge.Jammed, bridge.Cause{})
		return end(bridge.StageAccepted, bridge.ErrJammed)
	}
	f.move(id, a.Kind.Wants(), a.Cause)
	return end(bridge.StageMoved, nil)
}

func (f *fakeBridge) Users() []bridge.User {
	f.mu.Lock()
	defer f.mu.Unlock()
	var us []bridge.User
	for _, u := range f.users {
		us = append(us, public(u))
	}
	slices.SortFunc(us, func(a, b bridge.User) int { return int(a.ID) - int(b.ID) })
	return us
}

func public(u bridge.User) bridge.User {
	u.PIN, u.PINs, u.Locks = bridge.PIN{}, nil, slices.Clone(u.Locks)
	return u
}

func (f *fakeBridge) User(id bridge.UserID) (bridge.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.users[id]
	if !ok {
		return bridge.User{}, bridge.ErrNoSuchUser
	}
	return public(u), nil
}

func (f *fakeBridge) AddUser(_ context.Context, c bridge.Cause, u bridge.User) (bridge.UserID, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.addErr != nil {
		return 0, f.addErr
	}
	f.lastUser++
	u.ID = f.lastUser
	f.users[u.ID] = u
	f.changed(c, u.Locks...)
	f.append(bridge.Event{Cause: c, Body: bridge.UserChanged{User: u.ID, Name: u.Name, Change: "added"}})
	return u.ID, nil
}

// changed counts changes that were not HomeKit's.
func (f *fakeBridge) changed(c bridge.Cause, locks ...bridge.LockID) {
	if c.Source != bridge.SourceHomeKit {
		for _, id := range locks {
			f.counter[id]++
		}
	}
}

func (f *fakeBridge) RemoveUser(_ context.Context, c bridge.Cause, id bridge.UserID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.users[id]
	if !ok {
		return bridge.ErrNoSuchUser
	}
	delete(f.users, id)
	f.changed(c, u.Locks...)
	f.append(bridge.Event{Cause: c, Body: bridge.UserChanged{User: id, Name: u.Name, Change: "removed"}})
	return nil
}

func (f *fakeBridge) SetCode(_ context.Context, c bridge.Cause, lock bridge.LockID, user bridge.UserID, p bridge.PIN) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.users[user]
	if !ok {
		return bridge.ErrNoSuchUser
	}
	if u.PINs == nil {
		u.PINs = make(map[bridge.LockID]bridge.PIN)
	}
	u.PINs[lock] = p
	if !slices.Contains(u.Locks, lock) {
		u.Locks = append(slices.Clone(u.Locks), lock)
	}
	f.users[user] = u
	f.changed(c, lock)
	f.append(bridge.Event{Lock: lock, Cause: c, Body: bridge.CodeMoved{State: bridge.CodePending}})
	return nil
}

func (f *fakeBridge) ClearCode(_ context.Context, c bridge.Cause, lock bridge.LockID, user bridge.UserID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.users[user]
	if !ok {
		return bridge.ErrNoSuchUser
	}
	u.Locks = slices.DeleteFunc(slices.Clone(u.Locks), func(l bridge.LockID) bool { return l == lock })
	f.users[user] = u
	f.changed(c, lock)
	f.append(bridge.Event{Lock: lock, Cause: c, Body: bridge.CodeMoved{}})
	return nil
}

func (f *fakeBridge) Codes(lock bridge.LockID) ([]bridge.Code, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.locks[lock] == nil {
		return nil, bridge.ErrNoSuchLock
	}
	var cs []bridge.Code
	for _, u := range f.users {
		if slices.Contains(u.Locks, lock) {
			cs = append(cs, bridge.Code{Lock: lock, Slot: bridge.Slot(u.ID), User: u.ID, Name: u.Name, State: bridge.CodePending})
		}
	}
	slices.SortFunc(cs, func(a, b bridge.Code) int { return int(a.Slot) - int(b.Slot) })
	for range f.foreign[lock] {
		cs = append(cs, bridge.Code{Lock: lock, State: bridge.CodeNotOurs})
	}
	return cs, nil
}

func (f *fakeBridge) Reveal(lock bridge.LockID, user bridge.UserID) (bridge.PIN, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.users[user]
	if !ok || !slices.Contains(u.Locks, lock) {
		return bridge.PIN{}, bridge.ErrNoSuchUser
	}
	if p, ok := u.PINs[lock]; ok {
		return p, nil
	}
	return u.PIN, nil
}

func (f *fakeBridge) CodeCounter(lock bridge.LockID) uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counter[lock]
}

func (f *fakeBridge) PlanReset(_ context.Context, id bridge.LockID, _ bridge.ResetWay) (bridge.ResetPlan, error) {
	return bridge.ResetPlan{Lock: id, Hash: "plan of " + string(id)}, nil
}

func (f *fakeBridge) ConfirmReset(_ context.Context, id bridge.LockID, hash string, c bridge.Cause) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if hash != "plan of "+string(id) {
		return bridge.ErrExpired
	}
	f.resets = append(f.resets, string(id)+" by "+c.Actor)
	return nil
}

// noted counts journal entries of one kind.
func (f *fakeBridge) noted(kind string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := 0
	for _, ev := range f.events {
		if ev.Body.Kind() == kind {
			n++
		}
	}
	return n
}

func pin(t testing.TB, digits string) bridge.PIN {
	t.Helper()
	p, err := bridge.NewPIN([]byte(digits))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// percent is a new battery reading: a view that was given out is never changed.
func percent(p float64) *float64 { return &p }
