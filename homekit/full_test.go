package homekit

import "testing"

// A lock may have fewer slots for people than slots.
func TestCodeOnALockWithOneSlotForPeople(t *testing.T) {
	f := newFake(1)
	tr := &f.locks[lockID(0)].Info.Traits
	tr.Slots, tr.FirstSlot, tr.LastSlot = 4, 1, 1
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	expect(t, c.add("1111"), codeOK)
	expect(t, c.add("2222"), codeTooMany)
}
