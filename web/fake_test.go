package web

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// fakeBridge is a home of two locks that do at once what they are told, unless fail says otherwise.
type fakeBridge struct {
	mu     sync.Mutex
	locks  []bridge.LockView
	users  map[bridge.UserID]bridge.User
	lastID bridge.UserID
	codes  []bridge.Code
	events []bridge.Event
	bell   chan struct{}
	fail   error // of every call that can fail
	block  bool  // Actuate waits for its context
	acted  []bridge.Action
	joins  []bridge.Join
	reset  bridge.ResetStatus
	panic_ bool
}

func newFake() *fakeBridge {
	battery := 80.0
	return &fakeBridge{
		users: map[bridge.UserID]bridge.User{}, bell: make(chan struct{}),
		locks: []bridge.LockView{
			{ID: "00:0d:6f:00:0a:90:69:e7", Name: "Front door", Slug: "front-door", Bolt: bridge.Locked, Target: bridge.Locked, BoltAt: time.Now(), Reachable: true, LastSeen: time.Now(),
				LQI: 200, Battery: &battery, BatteryAt: time.Now(), Door: bridge.DoorClosed, LastTo: bridge.Locked, LastAction: bridge.Cause{Source: bridge.SourceKeypad, User: 1, Name: "Anna"},
				Info: bridge.Info{Manufacturer: "Yale", Model: "YRD226", Family: "yale_assure", Ready: true, Traits: bridge.Traits{Slots: 250, PINMin: 4, PINMax: 8}}},
			{ID: "00:0d:6f:00:0a:90:69:e8", Name: "Back door", Slug: "back-door"},
		},
	}
}

func (f *fakeBridge) emit(b bridge.Body) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.events = append(f.events, bridge.Event{Seq: uint64(len(f.events) + 1), At: time.Now(), Lock: f.locks[0].ID, Body: b})
	close(f.bell)
	f.bell = make(chan struct{})
}

func (f *fakeBridge) Snapshot() bridge.Snapshot {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.panic_ {
		panic("the PIN is 314159")
	}
	return bridge.Snapshot{Seq: uint64(len(f.events)), At: time.Now(), Locks: slices.Clone(f.locks), Dongle: bridge.DongleMoved{Up: true, Product: "Z-Stack 3.x.0", PAN: 0x1a62, Channel: 15}}
}

func (f *fakeBridge) Find(name string) (bridge.LockView, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.locks {
		if string(l.ID) == name || l.Slug == name || strings.EqualFold(l.Name, name) {
			return l, nil
		}
	}
	return bridge.LockView{}, fmt.Errorf("bridge: %q: %w", name, bridge.ErrNoSuchLock)
}

type fakeReader struct {
	f    *fakeBridge
	next int
}

func (f *fakeBridge) Follow(after uint64) bridge.Reader { return &fakeReader{f, int(after)} }
func (r *fakeReader) Close()                            {}
func (r *fakeReader) Next(ctx context.Context) (bridge.Event, error) {
	for {
		r.f.mu.Lock()
		bell := r.f.bell
		if r.next < len(r.f.events) {
			ev := r.f.events[r.next]
			r.next++
			r.f.mu.Unlock()
			return ev, nil
		}
		r.f.mu.Unlock()
		select {
		case <-ctx.Done():
			return bridge.Event{}, ctx.Err()
		case <-bell:
		}
	}
}

func (f *fakeBridge) History(after uint64, limit int) ([]bridge.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if int(after) >= len(f.events) {
		return nil, f.fail
	}
	return slices.Clone(f.events[after:min(int(after)+limit, len(f.events))]), f.fail
}

func (f *fakeBridge) Actuate(ctx context.Context, id bridge.LockID, a bridge.Action) (bridge.Outcome, error) {
	f.mu.Lock()
	a.PIN = a.PIN.Clone()
	f.acted = append(f.acted, a)
	block, fail := f.block, f.fail
	f.mu.Unlock()
	if block {
		<-ctx.Done()
		return bridge.Outcome{Stage: bridge.StageQueued, Result: bridge.ResultAsleep, Bolt: bridge.Locked}, bridge.ErrAsleep
	}
	if fail != nil {
		return bridge.Outcome{Stage: bridge.StageAccepted, Result: bridge.ResultRejected, Bolt: bridge.Locked}, fail
	}
	return bridge.Outcome{Stage: bridge.StageMoved, Result: bridge.ResultOK, Bolt: a.Kind.Wants(), Durations: map[bridge.Stage]time.Duration{bridge.StageMoved: time.Second}}, nil
}

func (f *fakeBridge) Refresh(context.Context, bridge.LockID) error               { return f.fail }
func (f *fakeBridge) Forget(context.Context, bridge.LockID, bool) error          { return f.fail }
func (f *fakeBridge) AckTamper(context.Context, bridge.LockID) error             { return f.fail }
func (f *fakeBridge) Reconcile(context.Context, bridge.LockID) error             { return f.fail }
func (f *fakeBridge) Rename(_ context.Context, id bridge.LockID, n string) error { return f.fail }
func (f *fakeBridge) Join(_ context.Context, j bridge.Join) error {
	f.joins = append(f.joins, j)
	return f.fail
}

func (f *fakeBridge) Users() []bridge.User {
	f.mu.Lock()
	defer f.mu.Unlock()
	var out []bridge.User
	for _, u := range f.users {
		u.PIN = bridge.PIN{}
		out = append(out, u)
	}
	return out
}

func (f *fakeBridge) User(id bridge.UserID) (bridge.User, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	u, ok := f.users[id]
	if !ok {
		return u, fmt.Errorf("bridge: user %d: %w", id, bridge.ErrNoSuchUser)
	}
	u.PIN = bridge.PIN{}
	return u, nil
}

func (f *fakeBridge) AddUser(_ context.Context, c bridge.Cause, u bridge.User) (bridge.UserID, error) {
	if f.fail != nil {
		return 0, f.fail
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lastID++
	u.ID, u.Created, u.PIN = f.lastID, time.Now(), u.PIN.Clone()
	f.users[u.ID] = u
	f.codes = append(f.codes, bridge.Code{Lock: f.locks[0].ID, Slot: bridge.Slot(u.ID), User: u.ID, Name: u.Name, State: bridge.CodePending, Since: time.Now(), Length: u.PIN.Len()})
	return u.ID, nil
}

func (f *fakeBridge) ChangeUser(_ context.Context, _ bridge.Cause, id bridge.UserID, edit func(*bridge.User) error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	u := f.users[id]
	if err := edit(&u); err != nil {
		return err
	}
	f.users[id] = u
	return f.fail
}

func (f *fakeBridge) RemoveUser(_ context.Context, _ bridge.Cause, id bridge.UserID) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.users, id)
	return f.fail
}

func (f *fakeBridge) SetCode(context.Context, bridge.Cause, bridge.LockID, bridge.UserID, bridge.PIN) error {
	return f.fail
}
func (f *fakeBridge) ClearCode(context.Context, bridge.Cause, bridge.LockID, bridge.UserID) error {
	return f.fail
}
func (f *fakeBridge) Codes(bridge.LockID) ([]bridge.Code, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.codes), f.fail
}
func (f *fakeBridge) Adopt(ctx context.Context, c bridge.Cause, _ bridge.LockID, _ bridge.Slot, name string) (bridge.UserID, error) {
	return f.AddUser(ctx, c, bridge.User{Name: name})
}

func (f *fakeBridge) Reveal(_ bridge.LockID, id bridge.UserID) (bridge.PIN, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.users[id].PIN.Clone(), f.fail
}

func (f *fakeBridge) WaitSync(ctx context.Context, lock bridge.LockID, user bridge.UserID) (bridge.Code, error) {
	if f.block {
		<-ctx.Done()
		return bridge.Code{}, ctx.Err()
	}
	return bridge.Code{Lock: lock, Slot: 1, User: user, State: bridge.CodeInSync, Since: time.Now()}, f.fail
}

func (f *fakeBridge) PlanReset(_ context.Context, id bridge.LockID, way bridge.ResetWay) (bridge.ResetPlan, error) {
	return bridge.ResetPlan{Lock: id, Name: "Front door", Way: way, Hash: "abc", Made: time.Now(), Expires: time.Now().Add(bridge.ResetPlanLifetime)}, f.fail
}

func (f *fakeBridge) ConfirmReset(_ context.Context, id bridge.LockID, hash string, _ bridge.Cause) error {
	if hash != "abc" {
		return fmt.Errorf("bridge: %w", bridge.ErrConflict)
	}
	f.reset = bridge.ResetStatus{Lock: id, Name: "Front door", Stage: bridge.ResetConfirmed, Since: time.Now(), Started: time.Now(), Step: &bridge.ResetStep{ID: "hold", Text: "Hold"}}
	return f.fail
}
func (f *fakeBridge) AckReset(context.Context, bridge.LockID, string, map[string]string) error {
	return f.fail
}
func (f *fakeBridge) CancelReset(context.Context, bridge.LockID) error { return f.fail }
func (f *fakeBridge) ResetStatus(id bridge.LockID) (bridge.ResetStatus, error) {
	st := f.reset
	st.Lock = id
	return st, f.fail
}

// memKV keeps records as long as the test.
type memKV struct {
	mu   sync.Mutex
	m    map[string][]byte
	full error // what Put says
}

func (k *memKV) Get(key string) ([]byte, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	v, ok := k.m[key]
	return slices.Clone(v), ok, nil
}

func (k *memKV) Put(key string, v []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.full != nil {
		return k.full
	}
	k.m[key] = slices.Clone(v)
	return nil
}

func (k *memKV) Delete(key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.m, key)
	return nil
}
