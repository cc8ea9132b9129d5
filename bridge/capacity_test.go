package bridge_test

import (
	"testing"

	"github.com/latchkeyd/latchkey/bridge"
)

func TestCapacity(t *testing.T) {
	for _, tt := range []struct {
		traits bridge.Traits
		want   int
	}{
		{bridge.Traits{}, 0},
		{bridge.Traits{Slots: 30}, 30},
		{bridge.Traits{Slots: 250, FirstSlot: 1, LastSlot: 249, MasterSlots: []bridge.Slot{0}}, 249},
		{bridge.Traits{Slots: 4, FirstSlot: 1, LastSlot: 1}, 1},
		{bridge.Traits{Slots: 30, FirstSlot: 0, LastSlot: 29, MasterSlots: []bridge.Slot{0}}, 29},
	} {
		if got := tt.traits.Capacity(); got != tt.want {
			t.Errorf("%+v: %d, want %d", tt.traits, got, tt.want)
		}
	}
}
