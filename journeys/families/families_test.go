// Package families takes the people's codes through the real driver to an emulated lock of every family: the right slot, the right bytes, the right words.
package families

import (
	"context"
	"errors"
	"flag"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/journeys/stack"
	"github.com/latchkeyd/latchkey/lockfw"
)

func TestMain(m *testing.M) {
	flag.Parse()
	_ = flag.Set("test.parallel", "16") // these tests wait for emulated locks more than they work
	goleak.VerifyTestMain(m)
}

const speed = 25

// home is one emulated lock with the daemon's inner part.
type home struct {
	*bridge.Bridge
	t    *testing.T
	lock *lockfw.Lock
	id   bridge.LockID
}

func open(t *testing.T, f lockfw.Family) *home {
	t.Helper()
	model := f.Models[0]
	if model == "" {
		model = f.Name
	}
	air := lockfw.New(lockfw.Config{Seed: 11, Speed: speed, Delay: time.Millisecond})
	l, err := air.AddLock(lockfw.LockConfig{Model: strings.Replace(model, "*", "X1", 1)})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := stack.New(stack.Config{Dir: filepath.Join(t.TempDir(), "state"), Dongle: "tcp://" + ln.Addr().String(), Speed: speed})
	if err != nil {
		t.Fatal(err)
	}
	h := &home{Bridge: s.Bridge, t: t, lock: l, id: bridge.LockID(l.ID().String())}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 3)
	go func() { ended <- air.Run(ctx) }()
	go func() { ended <- air.Dongle().ServeListener(ctx, ln) }()
	go func() { ended <- s.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		for range 3 {
			if err := <-ended; err != nil && !errors.Is(err, context.Canceled) && !errors.Is(err, net.ErrClosed) {
				t.Errorf("at the end: %v", err)
			}
		}
	})
	h.wait("the dongle", s.Up)
	if err := h.Join(t.Context(), bridge.Join{Window: time.Minute}); err != nil {
		t.Fatal(err)
	}
	if l.NeedsMaster() {
		if err := l.SetMaster("", "11112222"); err != nil {
			t.Fatal(err)
		}
	}
	l.PressJoin()
	h.wait("the interview", func() bool {
		v, err := h.Find(string(h.id))
		return err == nil && v.Info.Ready
	})
	return h
}

func (h *home) wait(what string, ok func() bool) {
	h.t.Helper()
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(3 * time.Millisecond) {
		if ok() {
			return
		}
	}
	h.t.Fatalf("waited in vain for %s", what)
}

func pin(t *testing.T, digits string) bridge.PIN {
	t.Helper()
	p, err := bridge.NewPIN([]byte(digits))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var asked = bridge.Cause{Source: bridge.SourceAPI}

func (h *home) add(name, digits string) bridge.UserID {
	h.t.Helper()
	id, err := h.AddUser(h.t.Context(), asked, bridge.User{Name: name, PIN: pin(h.t, digits), AllLocks: true})
	if err != nil {
		h.t.Fatal(err)
	}
	return id
}

// stands gives the digits that stand in a slot of the lock itself.
func (h *home) stands(slot bridge.Slot) string {
	for _, c := range h.lock.Codes() {
		if c.Slot == int(slot) && c.Status == 1 {
			return c.PIN.Reveal()
		}
	}
	return ""
}

// settled waits for a person's code and checks its words, its slot and its bytes.
func (h *home) settled(id bridge.UserID, digits string) bridge.Code {
	h.t.Helper()
	ctx, cancel := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer cancel()
	c, err := h.WaitSync(ctx, h.id, id)
	if err != nil {
		h.t.Fatalf("%+v: %v", c, err)
	}
	v, err := h.Find(string(h.id))
	if err != nil {
		h.t.Fatal(err)
	}
	t := v.Info.Traits
	switch {
	case c.State == bridge.CodeInSync && t.ReadBack == bridge.ReadBackFull && c.Reason == "":
	case c.State == bridge.CodeUnverifiable && t.ReadBack != bridge.ReadBackFull && strings.Contains(c.Reason, "does not show its codes"):
	default:
		h.t.Errorf("the code is %q (%q) on a lock with read-back %v", c.State, c.Reason, t.ReadBack)
	}
	if got := h.stands(c.Slot); got != digits {
		h.t.Errorf("slot %d holds %d digits, and not those that were asked for", c.Slot, len(got))
	}
	if c.Slot < t.FirstSlot || c.Slot > t.LastSlot {
		h.t.Errorf("slot %d is none for people: %d to %d", c.Slot, t.FirstSlot, t.LastSlot)
	}
	for _, m := range t.MasterSlots {
		if c.Slot == m {
			h.t.Errorf("slot %d is a master's", m)
		}
	}
	return c
}

func (h *home) gone(slot bridge.Slot, digits string) {
	h.t.Helper()
	h.wait("the code to go", func() bool { return h.stands(slot) != digits })
}

// holding says which families hold codes that are set by radio.
var holding = map[string]bool{
	"yale_assure": true, "yale_assure_noreport": true, "yale_real_living_rawpct": true, "irevo": true, "yale_ymc_ydm60": true, "yale_solis": true, "kwikset": true,
	"schlage": true, "danalock": true, "onesti": true, "idlock": true, "heimgard": true, "sihas": true, "st_generic": true,
}

func TestEveryFamily(t *testing.T) {
	t.Parallel()
	if n := len(lockfw.Families()); n != 23 {
		t.Errorf("%d families", n)
	}
	for _, f := range lockfw.Families() {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			h := open(t, f)
			v, err := h.Find(string(h.id))
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Info.Traits.Slots > 0; got != holding[f.Name] {
				t.Fatalf("holds codes: %v", got)
			}
			if !holding[f.Name] {
				h.holdsNone()
				return
			}
			h.edits()
			h.clearsAll()
		})
	}
}

// holdsNone: a lock without codes says so and shows none.
func (h *home) holdsNone() {
	t := h.t
	id := h.add("Ann", "2846")
	err := h.SetCode(t.Context(), asked, h.id, id, pin(t, "2847"))
	if !errors.Is(err, bridge.ErrUnsupported) || !strings.Contains(err.Error(), "codes cannot be set by radio on this model") {
		t.Errorf("a code: %v", err)
	}
	if codes, err := h.Codes(h.id); err != nil || len(codes) != 0 {
		t.Errorf("%+v, %v", codes, err)
	}
	_, err = h.AddUser(t.Context(), asked, bridge.User{Name: "Bob", PIN: pin(t, "9175"), Locks: []bridge.LockID{h.id}})
	if !errors.Is(err, bridge.ErrUnsupported) {
		t.Errorf("a person for this lock alone: %v", err)
	}
	if p, err := h.PlanReset(t.Context(), h.id, bridge.ResetClearCodes); err == nil {
		t.Errorf("its codes could be cleared: %+v", p)
	}
}

// edits adds, changes, schedules and removes.
func (h *home) edits() {
	t := h.t
	id := h.add("Ann", "2846")
	c := h.settled(id, "2846")
	if err := h.SetCode(t.Context(), asked, h.id, id, pin(t, "9175")); err != nil {
		t.Fatal(err)
	}
	if d := h.settled(id, "9175"); d.Slot != c.Slot {
		t.Errorf("the changed code moved from slot %d to %d", c.Slot, d.Slot)
	}
	change := func(s bridge.Schedule) {
		t.Helper()
		if err := h.ChangeUser(t.Context(), asked, id, func(u *bridge.User) error { u.Schedule = s; return nil }); err != nil {
			t.Fatal(err)
		}
	}
	change(bridge.Schedule{From: time.Now().Add(time.Hour)})
	h.gone(c.Slot, "9175")
	if w, err := h.WaitSync(t.Context(), h.id, id); err != nil || w.State != bridge.CodeScheduled {
		t.Errorf("before its time: %+v, %v", w, err)
	}
	change(bridge.Schedule{Until: time.Now().Add(time.Hour)})
	h.settled(id, "9175")
	if h.lock.Keypad("9175") != nil {
		t.Error("the code does not open")
	}
	if err := h.RemoveUser(t.Context(), asked, id); err != nil {
		t.Fatal(err)
	}
	h.gone(c.Slot, "9175")
	h.wait("the slot to be free", func() bool {
		codes, err := h.Codes(h.id)
		return err == nil && !has(codes, id)
	})
}

func has(codes []bridge.Code, id bridge.UserID) bool {
	for _, c := range codes {
		if c.User == id {
			return true
		}
	}
	return false
}

// clearsAll resets by radio, codes only, and has them restored.
func (h *home) clearsAll() {
	t := h.t
	id := h.add("Bob", "4826")
	h.settled(id, "4826")
	p, err := h.PlanReset(t.Context(), h.id, bridge.ResetClearCodes)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.ConfirmReset(t.Context(), h.id, p.Hash, asked); err != nil {
		t.Fatal(err)
	}
	answered := map[string]bool{}
	var s bridge.ResetStatus
	h.wait("the codes to be restored", func() bool {
		if s, err = h.ResetStatus(h.id); err != nil {
			t.Fatal(err)
		}
		switch s.Stage {
		case bridge.ResetTesting, bridge.ResetDone:
			return true
		case bridge.ResetStuck:
			t.Fatalf("stuck: %s %s", s.Why, s.Next)
		}
		if s.Step == nil || answered[s.Step.ID] {
			return false
		}
		answer := "done"
		switch s.Step.ID {
		case "others":
			answer = "leave out"
		case "batteries":
			h.lock.FitBatteries(100)
			answer = s.Step.Answers[0]
		case "default-tried":
			answer = "refused"
		}
		answered[s.Step.ID] = true
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		if err := h.AckReset(ctx, h.id, s.Step.ID, map[string]string{"answer": answer}); err != nil && !errors.Is(err, bridge.ErrConflict) {
			t.Errorf("answer %q to %q: %v", answer, s.Step.ID, err)
		}
		return false
	})
	h.settled(id, "4826")
}
