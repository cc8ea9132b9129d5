package lockfw

import (
	"slices"
	"testing"
)

// TestNodesThatAreNoLocks: they join and answer as any node does, have no Door Lock cluster, and no hand moves a bolt of theirs by radio.
func TestNodesThatAreNoLocks(t *testing.T) {
	for _, kind := range []string{"lamp", "button"} {
		ready(t, kind, nil, func(t *testing.T, h *Home, c *client, l *Lock) {
			interview(t, c, l)
			to := put16(put16(nil, uint16(l.NWK())), uint16(l.NWK()))
			c.call(subZDO, 0x04, append(to, l.f.Endpoint)...)
			r := &reader{b: c.await(areq|subZDO, 0x84, nil)[12:]}
			if in := r.list16(); slices.Contains(in, cLock) || !slices.Contains(in, cBasic) || r.short {
				t.Errorf("%s: clusters %04x", kind, in)
			}
			if rsp, body := c.command(l, cLock, 0x01); rsp != 0x0B || body[1] != zclUnsupCommand {
				t.Errorf("%s takes an unlock: %02x %x", kind, rsp, body)
			}
			c.send(l, cOnOff, []byte{0x11, 0x77, 0x02})
			if st, v := c.read(l, cOnOff, 0); kind == "lamp" && (st != 0 || v[0] != 1) {
				t.Errorf("the lamp is not on: %02x %x", st, v)
			}
			if moves := l.History(); len(moves) > 0 {
				t.Errorf("%s has a bolt: %v", kind, moves)
			}
		})
	}
	if slices.ContainsFunc(Families(), func(f Family) bool { return f.Name == "lamp" }) {
		t.Error("a lamp is listed among the families of locks")
	}
}
