package bridge_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

func pin(t testing.TB, s string) bridge.PIN {
	t.Helper()
	p, err := bridge.NewPIN([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// add takes in somebody with a code on all locks.
func (h *house) add(name, digits string, edit ...func(*bridge.User)) bridge.UserID {
	h.t.Helper()
	u := bridge.User{Name: name, AllLocks: true, PIN: pin(h.t, digits)}
	for _, f := range edit {
		f(&u)
	}
	id, err := h.AddUser(h.t.Context(), api("test"), u)
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// code is the state of somebody's code on a lock.
func (h *house) code(lock bridge.LockID, id bridge.UserID) bridge.Code {
	h.t.Helper()
	codes, err := h.Codes(lock)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, c := range codes {
		if c.User == id {
			return c
		}
	}
	return bridge.Code{}
}

func TestCodeIsWrittenAndReadBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		l.Asked()
		before := h.CodeCounter(front)
		ada := h.add("Ada", "4711")
		c, err := h.WaitSync(ctxFor(t, time.Minute), front, ada)
		if err != nil || c.State != bridge.CodeInSync || c.Slot != 1 || c.Name != "Ada" || c.Length != 4 {
			t.Fatalf("%+v %v", c, err)
		}
		if l.Holds(1) != "4711" {
			t.Error("not on the lock")
		}
		if a := l.Asked(); !slices.Equal(a, []string{"read 1", "write 1", "read 1"}) {
			t.Error(a)
		}
		if h.CodeCounter(front) == before {
			t.Error("the counter stands still")
		}
		if !l.Enter("4711") {
			t.Error("does not open")
		}
		settle(time.Second)
		if v := h.lock(front); v.LastAction.Name != "Ada" || v.LastAction.User != ada || v.CodesUsed != 1 || v.CodesUnsync != 0 {
			t.Errorf("%+v", v.LastAction)
		}
		err = h.ChangeUser(t.Context(), api("test"), ada, func(u *bridge.User) error { u.PIN = pin(t, "123456"); return nil })
		if err != nil {
			t.Fatal(err)
		}
		if c, err := h.WaitSync(ctxFor(t, time.Minute), front, ada); err != nil || c.State != bridge.CodeInSync || l.Holds(1) != "123456" {
			t.Error(c, err, l.Holds(1))
		}
		if err := h.ChangeUser(t.Context(), api("test"), ada, func(u *bridge.User) error { u.Name = "Ada L."; return nil }); err != nil {
			t.Fatal(err)
		}
		if p, err := h.Reveal(front, ada); err != nil || !p.Equal(pin(t, "123456")) {
			t.Error("renaming changed the digits:", err)
		}
		if err := h.RemoveUser(t.Context(), api("test"), ada); err != nil {
			t.Fatal(err)
		}
		settle(time.Second)
		if l.Codes() != 0 || len(h.Users()) != 0 {
			t.Error("still there")
		}
		if codes, err := h.Codes(front); err != nil || len(codes) != 0 {
			t.Error(codes, err)
		}
		if _, err := h.User(ada); !errors.Is(err, bridge.ErrNoSuchUser) {
			t.Error(err)
		}
		l.Asked()
		settle(24 * time.Hour)
		for _, a := range l.Asked() {
			if strings.HasPrefix(a, "write") || strings.HasPrefix(a, "clear") {
				t.Error("busy for nothing:", a)
			}
		}
		var states []string
		for _, m := range events[bridge.CodeMoved](h) {
			states = append(states, string(m.State))
		}
		if !slices.Equal(states, []string{"pending", "in sync", "pending", "in sync", "pending", ""}) {
			t.Errorf("%q", states)
		}
		if again := h.add("Ada", "4711"); again <= ada {
			t.Error("an id was given again")
		}
	})
}

func TestCodeStates(t *testing.T) {
	for name, tc := range map[string]struct {
		how    func(*bridgetest.Behaviour)
		traits func(*bridge.Traits)
		before func(h *house, l *bridgetest.Lock)
		pin    string
		refuse error // by AddUser
		state  bridge.CodeState
		reason string
		slot   bridge.Slot
		most   int // writes in a day
	}{
		"good":            {state: bridge.CodeInSync, slot: 1, most: 1},
		"hides its codes": {how: func(b *bridgetest.Behaviour) { b.Hides = true }, state: bridge.CodeUnverifiable, slot: 1, most: 1},
		"cannot read": {how: func(b *bridgetest.Behaviour) { b.NoRead = true }, traits: func(t *bridge.Traits) { t.ReadBack = bridge.ReadBackUnknown },
			state: bridge.CodeUnverifiable, slot: 1, most: 1},
		"reads nothing, as its profile says": {how: func(b *bridgetest.Behaviour) { b.NoRead = true }, traits: func(t *bridge.Traits) { t.ReadBack = bridge.ReadBackNone },
			state: bridge.CodeUnverifiable, slot: 1, most: 1},
		"says yes, keeps nothing": {how: func(b *bridgetest.Behaviour) { b.Forgets = true }, state: bridge.CodeFailed, reason: "did not store", slot: 1, most: 5},
		"refuses":                 {how: func(b *bridgetest.Behaviour) { b.Refuse = bridge.ErrRejected }, state: bridge.CodeFailed, reason: "refused", slot: 1, most: 5},
		"duplicate unknown to us": {how: func(b *bridgetest.Behaviour) { b.Duplicates, b.Hides = true, true },
			before: func(_ *house, l *bridgetest.Lock) { l.Program(7, "4711", false) }, state: bridge.CodeFailed, reason: "already holds", slot: 1, most: 1},
		"refuses the same code in the same slot": {how: func(b *bridgetest.Behaviour) { b.Duplicates, b.Rewrite = true, true },
			before: func(_ *house, l *bridgetest.Lock) { l.Program(1, "4711", false) }, state: bridge.CodeInSync, slot: 1, most: 1},
		"full":           {how: func(b *bridgetest.Behaviour) { b.Capacity = 1 }, before: func(_ *house, l *bridgetest.Lock) { l.Program(9, "9999", false) }, state: bridge.CodeFailed, reason: "full", slot: 1, most: 1},
		"first slot 3":   {traits: func(t *bridge.Traits) { t.FirstSlot, t.LastSlot, t.MasterSlots = 3, 20, []bridge.Slot{0, 1, 2} }, state: bridge.CodeInSync, slot: 3, most: 1},
		"master inside":  {traits: func(t *bridge.Traits) { t.FirstSlot, t.LastSlot, t.MasterSlots = 1, 20, []bridge.Slot{1} }, state: bridge.CodeInSync, slot: 2, most: 1},
		"too long":       {pin: "123456789", refuse: bridge.ErrCodeLength},
		"too short":      {pin: "123", refuse: bridge.ErrCodeLength},
		"one length":     {traits: func(t *bridge.Traits) { t.PINMin, t.PINMax = 4, 4 }, pin: "12345", refuse: bridge.ErrCodeLength},
		"common length":  {traits: func(t *bridge.Traits) { t.SameLength = true }, before: func(h *house, _ *bridgetest.Lock) { h.add("Bob", "1234") }, pin: "12345", refuse: bridge.ErrCodeLength},
		"somebody's":     {before: func(h *house, _ *bridgetest.Lock) { h.add("Bob", "4711") }, refuse: bridge.ErrDuplicate},
		"name taken":     {before: func(h *house, _ *bridgetest.Lock) { h.add("ada", "4712") }, refuse: bridge.ErrConflict},
		"slots say full": {traits: func(t *bridge.Traits) { t.Slots, t.LastSlot = 1, 1 }, before: func(h *house, _ *bridgetest.Lock) { h.add("Bob", "4712") }, state: bridge.CodeFailed, reason: "full", slot: bridge.NoSlot},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := bridgetest.NewLock(front)
				if tc.traits != nil {
					l.SetInfo(func(i *bridge.Info) { tc.traits(&i.Traits) })
				}
				h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
				settle(5 * time.Minute)
				if tc.before != nil {
					tc.before(h, l)
				}
				settle(time.Minute)
				if tc.how != nil {
					l.Behave(tc.how)
				}
				l.Asked()
				digits := tc.pin
				if digits == "" {
					digits = "4711"
				}
				ada, err := h.AddUser(t.Context(), api("test"), bridge.User{Name: "Ada", AllLocks: true, PIN: pin(t, digits)})
				if tc.refuse != nil {
					if !errors.Is(err, tc.refuse) || strings.Contains(err.Error(), digits) {
						t.Error(err)
					}
					if settle(time.Hour); len(l.Asked()) > 0 {
						t.Error("the lock was bothered")
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				c, err := h.WaitSync(ctxFor(t, 24*time.Hour), front, ada)
				if err != nil || c.State != tc.state || c.Slot != tc.slot || !strings.Contains(c.Reason, tc.reason) || (c.State == bridge.CodeFailed) && c.Reason == "" {
					t.Errorf("%+v %v", c, err)
				}
				settle(24 * time.Hour)
				if got := h.code(front, ada); got.State != tc.state {
					t.Errorf("a day later: %+v", got)
				}
				writes, clears := 0, 0
				for _, a := range l.Asked() {
					if strings.HasPrefix(a, "write") {
						writes++
					}
					if strings.HasPrefix(a, "clear") {
						clears++
					}
				}
				if writes > tc.most || clears > 0 {
					t.Errorf("%d writes, %d removals", writes, clears)
				}
				if v := h.lock(front); (v.CodesUnsync > 0) != (tc.state == bridge.CodeFailed) {
					t.Errorf("%d out of sync", v.CodesUnsync)
				}
				if l.AtOnce() > 1 {
					t.Error("two requests at once")
				}
			})
		})
	}
}

func TestUsersAreChecked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		none := bridgetest.NewLock(back).SetInfo(func(i *bridge.Info) { i.Traits.Slots = 0 })
		h := run(t, bridge.Config{}, bridgetest.NewDriver(bridgetest.NewLock(front), none), bridgetest.NewStore())
		ada := h.add("Ada", "4711")
		for name, tc := range map[string]struct {
			u   bridge.User
			err error
		}{
			"no name":             {bridge.User{}, bridge.ErrConflict},
			"unknown lock":        {bridge.User{Name: "X", Locks: []bridge.LockID{"00:00:00:00:00:00:00:01"}}, bridge.ErrNoSuchLock},
			"lock without codes":  {bridge.User{Name: "X", Locks: []bridge.LockID{back}}, bridge.ErrUnsupported},
			"code of unknown":     {bridge.User{Name: "X", PINs: map[bridge.LockID]bridge.PIN{"x": pin(t, "1234")}}, bridge.ErrNoSuchLock},
			"schedule":            {bridge.User{Name: "X", Schedule: bridge.Schedule{Uses: -1}}, bridge.ErrConflict},
			"code on one lock":    {bridge.User{Name: "X", Locks: []bridge.LockID{front}, PINs: map[bridge.LockID]bridge.PIN{front: pin(t, "4711")}}, bridge.ErrDuplicate},
			"too long on one":     {bridge.User{Name: "X", PIN: pin(t, "9876"), PINs: map[bridge.LockID]bridge.PIN{front: pin(t, "987654321")}}, bridge.ErrCodeLength},
			"duplicate elsewhere": {bridge.User{Name: "X", PIN: pin(t, "4711"), Locks: []bridge.LockID{}}, nil},
		} {
			if tc.u.Name != "" {
				tc.u.Name = name
			}
			if _, err := h.AddUser(t.Context(), api("t"), tc.u); !errors.Is(err, tc.err) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if err := h.ChangeUser(t.Context(), api("t"), 99, func(*bridge.User) error { return nil }); !errors.Is(err, bridge.ErrNoSuchUser) {
			t.Error(err)
		}
		own := errors.New("own")
		if err := h.ChangeUser(t.Context(), api("t"), ada, func(u *bridge.User) error {
			if !u.PIN.IsZero() {
				t.Error("digits were given out")
			}
			u.Name = "Never"
			return own
		}); !errors.Is(err, own) {
			t.Error(err)
		}
		if u, err := h.User(ada); err != nil || u.Name != "Ada" || !u.PIN.IsZero() {
			t.Error(u, err)
		}
		if err := h.SetCode(t.Context(), api("t"), back, ada, pin(t, "1234")); !errors.Is(err, bridge.ErrUnsupported) {
			t.Error(err)
		}
		if err := h.SetCode(t.Context(), api("t"), front, ada, bridge.PIN{}); !errors.Is(err, bridge.ErrCodeLength) {
			t.Error(err)
		}
		if _, err := h.WaitSync(t.Context(), front, 77); !errors.Is(err, bridge.ErrNoSuchUser) {
			t.Error(err)
		}
		// What could not be saved did not happen.
		h.store.Fail(errors.New("disk full"))
		if _, err := h.AddUser(t.Context(), api("t"), bridge.User{Name: "Y"}); !errors.Is(err, bridge.ErrStore) {
			t.Error(err)
		}
		if err := h.RemoveUser(t.Context(), api("t"), ada); !errors.Is(err, bridge.ErrStore) || len(h.Users()) != 2 {
			t.Error(err, h.Users())
		}
		if _, err := h.Actuate(ctxFor(t, 10*time.Second), front, bridge.Action{Kind: bridge.ActUnlock}); err != nil {
			t.Error("a full disk keeps the door shut:", err)
		}
		h.store.Fail(nil)
	})
}

func TestCodeOfOneLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, m := bridgetest.NewLock(front), bridgetest.NewLock(back)
		m.SetInfo(func(i *bridge.Info) { i.Traits.PINMin = 6 })
		l.Program(1, "0815", false) // before the first scan, which otherwise may or may not see it
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l, m), bridgetest.NewStore())
		settle(5 * time.Minute)
		ada := h.add("Ada", "4711")
		settle(time.Minute)
		if c := h.code(back, ada); c.State != bridge.CodeFailed || c.Slot != bridge.NoSlot || !strings.Contains(c.Reason, "6 to 8 digits") {
			t.Errorf("%+v", c)
		}
		if err := h.SetCode(t.Context(), api("t"), back, ada, pin(t, "123456")); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if c := h.code(back, ada); c.State != bridge.CodeInSync || c.Slot != 2 { // the slot that she has on the other lock
			t.Errorf("%+v", c)
		}
		if l.Holds(1) != "0815" || l.Holds(2) != "4711" || m.Holds(2) != "123456" {
			t.Errorf("%q %q %q", l.Holds(1), l.Holds(2), m.Holds(2))
		}
		if err := h.ClearCode(t.Context(), api("t"), back, ada); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if m.Codes() != 0 || l.Holds(2) != "4711" || h.code(back, ada).User != 0 {
			t.Error("cleared on the wrong lock, or not at all")
		}
		if u, _ := h.User(ada); u.AllLocks || !slices.Equal(u.Locks, []bridge.LockID{front}) {
			t.Errorf("%+v", u)
		}
	})
}

func TestCodesWaitForASleepingLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = true })
		ada := h.add("Ada", "4711")
		settle(3 * time.Hour)
		if c := h.code(front, ada); c.State != bridge.CodePending || !strings.Contains(c.Reason, "asleep") {
			t.Errorf("%+v", c)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		l.Say(bridge.Heard{LQI: 80})
		settle(2 * time.Minute)
		if c := h.code(front, ada); c.State != bridge.CodeInSync {
			t.Errorf("%+v", c)
		}
		// Lost requests and lost answers end well, and cost little.
		l.Behave(func(b *bridgetest.Behaviour) { b.LoseAnswer, b.LoseRequest = 2, 2 })
		l.Asked()
		bob := h.add("Bob", "4712")
		settle(time.Hour)
		if c := h.code(front, bob); c.State != bridge.CodeInSync || l.Holds(2) != "4712" {
			t.Errorf("%+v", c)
		}
		if a := l.Asked(); len(a) > 10 {
			t.Error(len(a), a)
		}
	})
}

func TestRemovalsComeFirstAndAreNeverGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		ada, bob := h.add("Ada", "4711"), h.add("Bob", "4712")
		settle(time.Minute)
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = true })
		for i := range 5 {
			h.add(fmt.Sprint("guest ", i), fmt.Sprint(1000+i))
		}
		if err := h.RemoveUser(t.Context(), api("t"), bob); err != nil {
			t.Fatal(err)
		}
		if err := h.ClearCode(t.Context(), api("t"), front, ada); err != nil {
			t.Fatal(err)
		}
		settle(time.Hour)
		h = h.restart(bridge.Config{})
		l.Asked()
		l.Behave(func(b *bridgetest.Behaviour) { b.Asleep = false })
		l.Say(bridge.Heard{LQI: 80})
		settle(5 * time.Minute)
		var order []string
		for _, a := range l.Asked() {
			if !strings.HasPrefix(a, "re") { // read, refresh
				order = append(order, a)
			}
		}
		if len(order) != 7 || order[0] != "clear 1" || order[1] != "clear 2" {
			t.Error(order)
		}
		// A lock that does not let go of a code is asked again, for days.
		l.Behave(func(b *bridgetest.Behaviour) { b.Keeps = true })
		eve := h.code(front, 3)
		if err := h.RemoveUser(t.Context(), api("t"), eve.User); err != nil {
			t.Fatal(err)
		}
		settle(48 * time.Hour)
		asked := 0
		for _, a := range l.Asked() {
			if strings.HasPrefix(a, "clear") {
				asked++
			}
		}
		if asked < 50 || asked > 120 {
			t.Errorf("asked %d times in two days", asked)
		}
		if c := h.code(front, eve.User); c.State != bridge.CodeFailed || !strings.Contains(c.Reason, "still shows it") {
			t.Errorf("%+v", c)
		}
		l.Behave(func(b *bridgetest.Behaviour) { b.Keeps = false })
		settle(time.Hour)
		if l.Holds(eve.Slot) != "" || h.code(front, eve.User).User != 0 {
			t.Error("still there")
		}
	})
}

func TestRemotePIN(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front).SetInfo(func(i *bridge.Info) { i.Traits.PINForRemote = true })
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		h.add("Ada", "4711")
		settle(time.Minute)
		for range 2 {
			if _, err := h.Actuate(ctxFor(t, 10*time.Second), front, bridge.Action{Kind: bridge.ActUnlock}); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestOldCodeGoesEvenIfTheNewOneCannotBeWritten: somebody who changes a code wants the old one gone, whatever becomes of the new one.
func TestOldCodeGoesEvenIfTheNewOneCannotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := bridgetest.NewLock(front).Behave(func(b *bridgetest.Behaviour) { b.Duplicates = true })
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		ada := h.add("Ada", "4711")
		settle(time.Minute)
		l.Program(7, "0815", false) // by hand, and the lock keeps it to itself
		if err := h.ChangeUser(t.Context(), api("t"), ada, func(u *bridge.User) error { u.PIN = pin(t, "0815"); return nil }); err != nil {
			t.Fatal(err)
		}
		settle(time.Hour)
		if c := h.code(front, ada); c.State != bridge.CodeFailed || !strings.Contains(c.Reason, "already holds") || l.Holds(1) != "" || l.Holds(7) != "0815" {
			t.Errorf("%+v %q %q", c, l.Holds(1), l.Holds(7))
		}
		if err := h.ChangeUser(t.Context(), api("t"), ada, func(u *bridge.User) error { u.PIN = pin(t, "2222"); return nil }); err != nil {
			t.Fatal(err)
		}
		settle(time.Minute)
		if c := h.code(front, ada); c.State != bridge.CodeInSync || l.Holds(1) != "2222" {
			t.Errorf("%+v %q", c, l.Holds(1))
		}
	})
}
