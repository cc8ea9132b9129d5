package bridge_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// TestManyCodesCostLittleMoreThanTheLock: 250 codes on a lock that takes half a second for each request take the lock's own time and a tenth.
// The time is the bubble's, so that the machine's speed does not matter.
func TestManyCodesCostLittleMoreThanTheLock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const codes, each = 250, 500 * time.Millisecond
		l := bridgetest.NewLock(front).SetInfo(func(i *bridge.Info) { i.Traits.Slots, i.Traits.LastSlot = codes, codes })
		h := run(t, bridge.Config{}, bridgetest.NewDriver(l), bridgetest.NewStore())
		settle(10 * time.Minute)
		l.Behave(func(b *bridgetest.Behaviour) { b.Delay = each })
		l.Asked()
		began := time.Now()
		for i := range codes {
			h.add(fmt.Sprint("user ", i), fmt.Sprint(100000+i))
		}
		for l.Codes() < codes || h.lock(front).CodesUnsync > 0 {
			settle(time.Second)
			if time.Since(began) > time.Hour {
				t.Fatalf("%d codes after an hour", l.Codes())
			}
		}
		took, own := time.Since(began), time.Duration(len(l.Asked()))*each
		if own != 3*codes*each { // it is read whether the slot is free, written and read back
			t.Errorf("%v of requests for %d codes", own, codes)
		}
		if took > own*11/10 {
			t.Errorf("%v for %v of the lock's own time", took, own)
		}
	})
}
