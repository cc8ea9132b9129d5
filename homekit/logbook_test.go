package homekit

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// reads counts what of the journal is gone through.
type reads struct {
	*fakeBridge
	entries int
}

func (r *reads) History(after uint64, limit int) ([]bridge.Event, error) {
	evs, err := r.fakeBridge.History(after, limit)
	r.entries += len(evs)
	return evs, err
}

// names are whom the log of a lock names.
func (r *reads) names(t *testing.T, g *logbook, id bridge.LockID, after uint64) (out []string) {
	t.Helper()
	b, err := g.read(r, id, after, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	items, err := tlv8.Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, it := range items {
		if it.Type == logAccessor {
			out = append(out, string(bytes.Clone(it.Value)))
		}
	}
	return out
}

func TestLogbook(t *testing.T) {
	f := newFake(2)
	r := &reads{fakeBridge: f}
	var g logbook
	who := 0
	move := func(n int) {
		for range n {
			who++
			f.move(lockID(0), bridge.Unlocked, keypad(2, strconv.Itoa(who)))
		}
	}
	latest := func(when string, want int) {
		t.Helper()
		got := r.names(t, &g, lockID(0), 0)
		if len(got) != want || want > 0 && (got[want-1] != strconv.Itoa(who) || got[0] != strconv.Itoa(who-want+1)) {
			t.Errorf("%s: %d entries, %v; want the latest %d up to %d", when, len(got), got, want, who)
		}
	}
	latest("nothing happened", 0)
	move(3)
	latest("three", 3)
	before := r.entries
	latest("again", 3)
	if got := r.names(t, &g, lockID(1), 0); len(got) != 0 {
		t.Errorf("the other lock: %v", got)
	}
	if r.entries != before {
		t.Errorf("%d entries of the journal were gone through again", r.entries-before)
	}
	move(logEntries)
	latest("more than are shown", logEntries)
	move(3 * lookBack)
	latest("long unread", logEntries)
	if got := r.names(t, &g, lockID(0), f.Snapshot().Seq-2); len(got) != 2 {
		t.Errorf("after clearing: %v", got)
	}
}
