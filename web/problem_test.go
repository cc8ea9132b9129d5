package web

import (
	"errors"
	"fmt"
	"testing"

	"github.com/latchkeyd/latchkey/bridge"
)

func TestParticularsAreWordsForPeople(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{fmt.Errorf("bridge: unlock Front: doorlock: unlock: %w", bridge.ErrRejected), "unlock Front: " + bridge.ErrRejected.Error()},
		{fmt.Errorf("bridge: open the network: doorlock: admit: %w: znp: admit 00:00:00:00:00:00:00:00: %w", bridge.ErrDown, bridge.ErrDown), "open the network: " + bridge.ErrDown.Error()},
		{fmt.Errorf("doorlock: %w", bridge.ErrNonsense), bridge.ErrNonsense.Error()},
		{fmt.Errorf("bridge: lock %q: %w", "nowhere", bridge.ErrNoSuchLock), `lock "nowhere": ` + bridge.ErrNoSuchLock.Error()},
		{fmt.Errorf("bridge: somebody has it: %w", bridge.ErrConflict), "somebody has it"},
		{fmt.Errorf("the state is sealed: store: a master key is 32 bytes: %w", bridge.ErrStore), "the state is sealed: a master key is 32 bytes: " + bridge.ErrStore.Error()},
		{bridge.ErrAsleep, bridge.ErrAsleep.Error()},
		{fmt.Errorf("bridge: %w", errors.Join(bridge.ErrAsleep)), bridge.ErrAsleep.Error()},
	} {
		kind := c.err
		for _, k := range kinds {
			if errors.Is(c.err, k.err) {
				kind = k.err
				break
			}
		}
		if got := particulars(c.err, kind); got != c.want {
			t.Errorf("%v\nis told as %q\nwant %q", c.err, got, c.want)
		}
	}
}
