package doorlock

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// A lock whose record cannot be read is still known by its address, and is interviewed anew.
func TestUnreadableRecord(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		before := l.Info()
		w.stop()
		if err := w.store.Put(fl.id, nil); err != nil {
			t.Fatal(err)
		}
		w.begin()
		time.Sleep(30 * time.Second)
		synctest.Wait()
		again, err := w.d.find(bridge.LockID(fl.id.String()))
		if err != nil {
			t.Fatal(err)
		}
		if i := again.Info(); !i.Ready || i.Family != before.Family || i.Traits.Slots != before.Traits.Slots {
			t.Errorf("%+v", i)
		}
		if err := again.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActUnlock}); err != nil {
			t.Error(err)
		}
		if b := w.store.m[fl.id]; len(b) == 0 {
			t.Error("the record is not written anew")
		}
	})
}
