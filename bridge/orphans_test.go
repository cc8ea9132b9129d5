package bridge_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// unreadable is a store of which some records cannot be read.
type unreadable struct {
	*bridgetest.Store
	users []bridge.UserID
	slots []bridge.SlotKey
	locks bool
	reset bool
}

func (s unreadable) Load() (bridge.Saved, error) {
	saved, err := s.Store.Load()
	saved.Users = slices.DeleteFunc(saved.Users, func(u bridge.User) bool { return slices.Contains(s.users, u.ID) })
	saved.Slots = slices.DeleteFunc(saved.Slots, func(x bridge.SavedSlot) bool { return slices.Contains(s.slots, x.SlotKey) })
	saved.Lost = s.slots
	if s.locks {
		saved.Locks = nil
	}
	if s.reset {
		saved.Resets, saved.LostResets = nil, []bridge.LockID{front}
	}
	return saved, err
}

// TestUnreadableRecordsCostNoCode: whichever record of a home cannot be read, the codes stay on the lock, and each has somebody.
func TestUnreadableRecordsCostNoCode(t *testing.T) {
	for _, tt := range []struct {
		name string
		lose func(s *unreadable, ada, bob bridge.UserID)
		want map[string]string // who has which code afterwards
	}{
		{"a person", func(s *unreadable, ada, _ bridge.UserID) { s.users = []bridge.UserID{ada} }, map[string]string{"Person 2": "in sync", "Bob": "in sync"}},
		{"both people", func(s *unreadable, ada, bob bridge.UserID) { s.users = []bridge.UserID{ada, bob} }, map[string]string{"Person 2": "in sync", "Person 3": "in sync"}},
		{"the lock", func(s *unreadable, _, _ bridge.UserID) { s.locks = true }, map[string]string{"Ada": "in sync", "Bob": "in sync"}},
		{"the first slot", func(s *unreadable, _, _ bridge.UserID) { s.slots = []bridge.SlotKey{{Lock: front, Slot: 2}} }, map[string]string{"Ada": "in sync", "Bob": "in sync"}},
		{"both slots", func(s *unreadable, _, _ bridge.UserID) {
			s.slots = []bridge.SlotKey{{Lock: front, Slot: 2}, {Lock: front, Slot: 3}}
		}, map[string]string{"Ada": "in sync", "Bob": "in sync"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l, st := bridgetest.NewLock(front), bridgetest.NewStore()
				h := run(t, bridge.Config{}, bridgetest.NewDriver(l), st)
				first := h.add("Zoe", "1111")
				ada, bob := h.add("Ada", "4711"), h.add("Bob", "0815")
				settle(10 * time.Minute)
				if err := h.RemoveUser(t.Context(), api("t"), first); err != nil {
					t.Fatal(err)
				}
				settle(10 * time.Minute)
				h.stop()
				bad := unreadable{Store: st}
				tt.lose(&bad, ada, bob)
				b, err := bridge.New(bridge.Config{}, bridgetest.NewDriver(l), &bad)
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithCancel(t.Context())
				done := make(chan error, 1)
				go func() { done <- b.Run(ctx) }()
				settle(30 * time.Minute)
				defer func() {
					cancel()
					if err := <-done; err != nil {
						t.Error(err)
					}
				}()
				if !l.Enter("4711") || !l.Enter("0815") || l.Enter("1111") {
					t.Error("a code is lost")
				}
				codes, err := b.Codes(front)
				if err != nil {
					t.Fatal(err)
				}
				got := map[string]string{}
				for _, c := range codes {
					got[c.Name] = string(c.State)
				}
				if !maps.Equal(got, tt.want) {
					t.Errorf("%+v", codes)
				}
				saved, err := st.Load()
				if err != nil || len(saved.Users) != 2 || len(saved.Slots) != 2 || len(saved.Locks) != 1 {
					t.Errorf("saved: %+v %v", saved, err)
				}
			})
		})
	}
}

// TestUnreadableReset: whether a lock was being reset, and who asked, is not known. If its codes are in place it goes on; if not, none is written before a
// person says so.
func TestUnreadableReset(t *testing.T) {
	for _, erased := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			l, st := bridgetest.NewLock(front), bridgetest.NewStore()
			h := run(t, bridge.Config{}, bridgetest.NewDriver(l), st)
			ada := h.add("Ada", "4711")
			settle(10 * time.Minute)
			h.stop()
			if erased {
				if err := l.Reset(t.Context(), bridge.ResetClearCodes); err != nil {
					t.Fatal(err)
				}
			}
			b, err := bridge.New(bridge.Config{}, bridgetest.NewDriver(l), &unreadable{Store: st, reset: true})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error, 1)
			go func() { done <- b.Run(ctx) }()
			defer func() {
				cancel()
				if err := <-done; err != nil {
					t.Error(err)
				}
			}()
			settle(30 * time.Minute)
			v, err := b.Find(string(front))
			if err != nil {
				t.Fatal(err)
			}
			if v.Tampered != erased || l.Codes() == 0 != erased {
				t.Errorf("erased %v: tampered %v, stage %q, %d codes on the lock", erased, v.Tampered, v.ResetStage, l.Codes())
			}
			if codes, err := b.Codes(front); err != nil || len(codes) != 1 || codes[0].User != ada {
				t.Errorf("%+v %v", codes, err)
			}
		})
	}
}
