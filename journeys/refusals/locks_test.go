package refusals

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/web"
)

// TestLyingLocks: what a lock answers is checked, and what cannot be true is told as that. The code is kept, and set as soon as the lock speaks sense.
func TestLyingLocks(t *testing.T) {
	const keptSaysNothing = "makes no sense"
	for _, tt := range []struct {
		name   string
		adjust func(*lockfw.Behaviour)
		state  bridge.CodeState // of the new code while the lock is so
		says   string
	}{
		{"says yes and stores nothing", func(b *lockfw.Behaviour) { b.SetPINLies = true }, bridge.CodePending, "the lock said yes, but did not store the code"},
		{"refuses without a reason", func(b *lockfw.Behaviour) { b.SetPINFails = 1 }, bridge.CodePending, "the lock refused: general failure"},
		{"says that it is full", func(b *lockfw.Behaviour) { b.SetPINFails = 2 }, bridge.CodeFailed, "the lock's code memory is full"},
		{"calls it a duplicate", func(b *lockfw.Behaviour) { b.SetPINFails = 3 }, bridge.CodeFailed, "the lock already holds this code"},
		{"answers a status that does not exist", func(b *lockfw.Behaviour) { b.SetPINFails = 0xC8 }, bridge.CodePending, "the lock refused: set code status 0xc8"},
		{"shows another slot than asked", func(b *lockfw.Behaviour) { b.GetPIN = "slot" }, bridge.CodePending, keptSaysNothing + ": it speaks of another slot"},
		{"answers too short", func(b *lockfw.Behaviour) { b.GetPIN = "short" }, bridge.CodePending, keptSaysNothing + ": it cannot be read"},
		{"claims more than it sends", func(b *lockfw.Behaviour) { b.GetPIN = "overlong" }, bridge.CodePending, keptSaysNothing + ": it cannot be read"},
		{"shows a code that is no digits", func(b *lockfw.Behaviour) { b.GetPIN = "letters" }, bridge.CodeUnverifiable, "does not show its codes"},
		// The digits prove that the code is there, whatever else is said.
		{"shows a user status that does not exist", func(b *lockfw.Behaviour) { b.GetPIN = "status" }, bridge.CodeInSync, ""},
		{"answers setting with nothing", func(b *lockfw.Behaviour) { b.SetPINEmpty = true }, bridge.CodeInSync, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := open(t, yale, nil, "Ann")
			before := h.lock.Behaviour()
			h.lock.Adjust(tt.adjust)
			status, _, b := h.api("POST", "/api/v1/users", "application/json", `{"name":"Bob","pin":"`+people["Bob"]+`","all_locks":true}`)
			if status != 201 {
				t.Fatalf("%d %s", status, b)
			}
			var bob web.Code
			h.wait("the lock to have answered", func() bool {
				bob = h.codeOf("Bob")
				return bob.State == tt.state && strings.Contains(bob.Reason, tt.says)
			})
			if _, out, errs := h.cli("", "codes", "list", "LOCK"); !strings.Contains(out, tt.says) || strings.Contains(out+errs, people["Bob"]) {
				t.Errorf("the list: %s%s", out, errs)
			}
			want, wait := map[bridge.CodeState]int{bridge.CodePending: 5, bridge.CodeFailed: 4}[tt.state], "100ms"
			if want != 5 {
				wait = "20s"
			}
			code, out, errs := h.cli(people["Bob"]+"\n", "codes", "set", "LOCK", "Bob", "--wait", wait)
			if code != want || code != 0 && !strings.Contains(errs, "the code is kept") {
				t.Errorf("exit %d: %s%s", code, out, errs)
			}
			t.Logf("%-40s %s: %s || exit %d: %s", tt.name, bob.State, bob.Reason, code, strings.TrimSpace(errs))
			if c := h.codeOf("Ann"); c.State != bridge.CodeInSync {
				t.Errorf("Ann's: %+v", c)
			}
			h.moves(tt.name)
			h.lock.Adjust(func(b *lockfw.Behaviour) { *b = before })
			if code, out, errs := h.cli(people["Bob"]+"\n", "codes", "set", "LOCK", "Bob", "--wait", "20s"); code != 0 {
				t.Errorf("put right: exit %d: %s%s", code, out, errs)
			}
			h.unharmed(tt.name)
			h.silent(people["Ann"], people["Bob"])
		})
	}
}

// TestLockThatKeepsWhatItShouldForget: it says that a code is removed and keeps it, which is found by reading it back, told, and tried again.
func TestLockThatKeepsWhatItShouldForget(t *testing.T) {
	t.Parallel()
	h := open(t, yale, nil)
	h.lock.Adjust(func(b *lockfw.Behaviour) { b.ClearPINLies = true })
	if code, out, errs := h.cli("", "users", "rm", "Bob"); code != 0 {
		t.Fatal(code, out, errs)
	}
	var bob web.Code
	h.wait("the lie to be found", func() bool {
		bob = h.codeOf("Bob")
		return bob.State == bridge.CodeFailed
	})
	if !strings.Contains(bob.Reason, "said that the code is removed, but still shows it") {
		t.Errorf("%+v", bob)
	}
	t.Logf("%s: %s", bob.State, bob.Reason)
	h.moves("a code that stays")
	h.lock.Adjust(func(b *lockfw.Behaviour) { b.ClearPINLies = false })
	if code, out, errs := h.cli("", "codes", "reconcile", "LOCK"); code != 0 {
		t.Fatal(code, out, errs)
	}
	h.wait("the code to go", func() bool { return len(h.stands()) == 1 && h.codeOf("Bob").State == "" })
	h.unharmed("a code that stayed", "Ann")
}

// codeOf is a person's code on the lock, as the API shows it.
func (h *home) codeOf(name string) web.Code {
	h.t.Helper()
	status, _, b := h.api("GET", "/api/v1/locks/LOCK/codes", "", "")
	var codes []web.Code
	if err := json.Unmarshal(b, &codes); err != nil || status != 200 {
		h.t.Fatalf("%d %s: %v", status, b, err)
	}
	h.secretless("the list of codes", b, people["Ann"], people["Bob"])
	for _, c := range codes {
		if c.Name == name {
			return c
		}
	}
	return web.Code{}
}

// TestFullLock: the lock with room for one code refuses a second one, whoever asks.
func TestFullLock(t *testing.T) {
	t.Parallel()
	h := open(t, sihas, nil, "Dee")
	status, _, b := h.api("POST", "/api/v1/users", "application/json", `{"name":"Bob","all_locks":false}`)
	if status != 201 {
		t.Fatalf("%d %s", status, b)
	}
	a := setting("a full lock", "9175", 409, "memory-full", "is full; remove one first", 4, statusTooMany)
	a.path, a.args = "/api/v1/locks/LOCK/codes/Bob", []string{"codes", "set", "LOCK", "Bob"}
	h.askOnly(a)
	if err := h.Bridge().RemoveUser(t.Context(), bridge.Cause{}, 2); err != nil {
		t.Fatal(err)
	}
	h.unharmed(a.name, "Dee")
}
