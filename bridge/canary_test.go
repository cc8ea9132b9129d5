package bridge_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// canaries are digits that stand nowhere by chance.
var canaries = []string{"83527194", "83527195", "83527196", "8352719600"}

// leaks names the places where canaries are found.
func leaks(places map[string]string) (out []string) {
	for place, text := range places {
		for _, c := range canaries {
			if strings.Contains(text, c) {
				out = append(out, place+": "+c)
			}
		}
	}
	return out
}

func TestCanary(t *testing.T) {
	if got := leaks(map[string]string{"planted": "the code is 83527194."}); len(got) != 1 {
		t.Fatal("the scan does not see a planted one")
	}
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		l := bridgetest.NewLock(front)
		h := run(t, bridge.Config{Logger: logger}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(5 * time.Minute)
		var said []string
		note := func(v any, err error) {
			said = append(said, fmt.Sprintf("%v %+v %#v %q %d %x", v, v, v, v, v, v))
			if err != nil {
				said = append(said, err.Error())
			}
			if j, err := json.Marshal(v); err == nil {
				said = append(said, string(j))
			}
		}
		p, q := pin(t, canaries[0]), pin(t, canaries[1])
		id, err := h.AddUser(t.Context(), api("t"), bridge.User{Name: "Ada", AllLocks: true, PIN: p})
		note(id, err)
		note(h.AddUser(t.Context(), api("t"), bridge.User{Name: "Bob", AllLocks: true, PIN: p}))
		note(nil, h.SetCode(t.Context(), api("t"), front, id, q))
		note(nil, h.SetCode(t.Context(), api("t"), front, id, pin(t, canaries[3])))
		settle(time.Minute)
		l.Program(5, canaries[2], true)
		settle(time.Minute)
		note(h.Adopt(t.Context(), api("t"), front, 5, "Eve"))
		for _, how := range []bridgetest.Behaviour{{Forgets: true}, {Hides: true}, {Asleep: true}, {LoseAnswer: 3}, {Refuse: bridge.ErrRejected}, {}} {
			l.Behave(func(b *bridgetest.Behaviour) { *b = how })
			note(nil, h.SetCode(t.Context(), api("t"), front, id, p))
			settle(time.Hour)
			note(nil, h.SetCode(t.Context(), api("t"), front, id, q))
			settle(time.Hour)
			note(h.Codes(front))
		}
		l.Enter(canaries[1])
		l.Enter(canaries[3])
		note(h.Reveal(front, id))
		note(h.Users(), nil)
		note(h.User(id))
		note(h.Snapshot(), nil)
		note(nil, h.RemoveUser(t.Context(), api("t"), id))
		settle(time.Minute)
		evs, err := h.History(0, 1<<20)
		note(evs, err)
		note(bridge.SavedSlot{Wanted: p, Seen: q}, nil)
		note(bridge.User{PIN: p, PINs: map[bridge.LockID]bridge.PIN{front: q}}, nil)
		if got := leaks(map[string]string{"log": log.String(), "said": strings.Join(said, "\n")}); len(got) > 0 {
			t.Error(got)
		}
		if len(evs) < 20 || len(said) < 50 {
			t.Error("nothing was looked at")
		}
	})
}
