package canary

import (
	"testing"
	"time"
)

// TestCanary takes PINs through every feature and fault of the whole daemon, and scans all that it left behind. Then it puts a PIN into each of those places,
// and expects the scan to see it.
func TestCanary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	followed := func() {}
	for _, s := range []struct {
		name string
		step func()
	}{
		{"locks join", w.joins}, {"the event stream", func() { followed = w.follow() }}, {"people", w.people}, {"keypads", w.typed}, {"strange events", w.strange}, {"codes found", w.found}, {"refusals", w.refusals},
		{"PIN for remote operation", w.remote}, {"the dongle's faults", w.dongle}, {"resets", w.resets}, {"looking", w.look}, {"backups", w.backups}, {"the daemon starts again", w.restart}, {"the event stream again", func() { followed(); followed = w.follow() }},
		{"looking again", func() { w.look(); w.disk() }},
	} {
		began := time.Now()
		s.step()
		t.Logf("%-26s %v", s.name, time.Since(began).Round(time.Millisecond))
	}
	w.scanned(t, w.expectations(), w.given())
	for what, why := range revealers {
		if !w.revealed[what] {
			t.Errorf("%s (%s) was not seen to show a code: it needs no exception", what, why)
		}
	}
	es := w.expectations()
	w.planted(t, es, w.plant(followed))
}
