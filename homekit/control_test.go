package homekit

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

func TestParseLockControl(t *testing.T) {
	at := time.Unix(1764000000, 0)
	stamp := binary.LittleEndian.AppendUint32(nil, uint32(at.Unix()))
	c, err := parseLockControl(tlv8.Append(nil, controlReadLogs, nil))
	if err != nil || c.ReadFrom == nil || !c.ReadFrom.IsZero() {
		t.Errorf("all logs: %+v, %v", c, err)
	}
	c, err = parseLockControl(tlv8.Append(nil, controlReadLogs, stamp))
	if err != nil || c.ReadFrom == nil || !c.ReadFrom.Equal(at) {
		t.Errorf("logs from: %+v, %v", c, err)
	}
	c, err = parseLockControl(tlv8.Append(tlv8.Append(nil, controlClearLogs, nil), controlSetTime, stamp))
	if err != nil || !c.Clear || c.SetTime == nil || !c.SetTime.Equal(at) {
		t.Errorf("clear and set: %+v, %v", c, err)
	}
	for _, in := range []string{"", "00", "0005", "0300", "07010a", "0009010101010101010101", "0008ffffffffffffffff", "0305"} {
		if c, err := parseLockControl(unhex(t, in)); err == nil {
			t.Errorf("%q was taken as %+v", in, c)
		}
	}
}

func FuzzLockControl(f *testing.F) {
	for _, s := range []string{"0000", "0200", "0304002e2469", "000200010200"} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		c, err := parseLockControl(in)
		if err == nil && c == (lockControl{}) {
			t.Error("nothing was understood, and taken")
		}
		if c.SetTime != nil && (c.SetTime.Unix() < 0 || c.SetTime.Year() > 4200) {
			t.Errorf("time %v", c.SetTime)
		}
	})
}

func (p *phone) control(b []byte) int {
	p.t.Helper()
	return p.put(iidControlPoint, base64.StdEncoding.EncodeToString(b))
}

// logs reads Logs as "who action" lines.
func (p *phone) logs() string {
	p.t.Helper()
	s, _ := p.get(iidLogs).Value.(string)
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		p.t.Fatal(err)
	}
	items, err := tlv8.Parse(b)
	if err != nil {
		p.t.Fatal(err)
	}
	var out strings.Builder
	for _, it := range items {
		switch it.Type {
		case logAccessor:
			out.Write(it.Value)
		case logAction:
			bits := binary.LittleEndian.Uint16(it.Value)
			n := 0
			for bits > 1 {
				bits >>= 1
				n++
			}
			out.WriteString(" " + string(rune('0'+n)))
		case logSeparator:
			out.WriteString("; ")
		}
	}
	return out.String()
}

func TestLogs(t *testing.T) {
	f := newFake(2)
	r := start(t, f, nil)
	p := r.pair("Lock 0")
	c := connect(t, p, 1)
	if got := c.logs(); got != "" {
		t.Errorf("a new lock's log: %q", got)
	}
	f.move(lockID(0), bridge.Unlocked, keypad(2, "Anna"))
	f.move(lockID(1), bridge.Unlocked, keypad(2, "Bert"))
	f.move(lockID(0), bridge.Partial, bridge.Cause{})
	f.move(lockID(0), bridge.Locked, bridge.Cause{Source: bridge.SourceManual})
	if got := c.logs(); got != "Anna 5; manual 0" {
		t.Errorf("log %q", got)
	}
	future := binary.LittleEndian.AppendUint64(nil, uint64(time.Now().Add(time.Hour).Unix()))
	if s := c.control(tlv8.Append(nil, controlReadLogs, future)); s != 0 {
		t.Fatalf("readLogs: %d", s)
	}
	if got := c.logs(); got != "" {
		t.Errorf("log from the future: %q", got)
	}
	if s := c.control(tlv8.Append(nil, controlReadLogs, nil)); s != 0 || c.logs() == "" {
		t.Errorf("all logs: %d, %q", s, c.logs())
	}
	if s := c.control(tlv8.Append(nil, controlClearLogs, nil)); s != 0 || c.logs() != "" {
		t.Errorf("cleared: %d, %q", s, c.logs())
	}
	f.move(lockID(0), bridge.Unlocked, bridge.Cause{Source: bridge.SourceKey})
	if got := c.logs(); got != "key 3" {
		t.Errorf("log %q after clearing", got)
	}
	if s := c.control(tlv8.Append(nil, controlSetTime, future)); s != 0 || !strings.Contains(r.log.String(), "clock differs") {
		t.Errorf("setCurrentTime: %d", s)
	}
	if s := c.control([]byte{9, 0}); s != int(hap.StatusInvalidValue) {
		t.Errorf("unknown request: %d", s)
	}
	if n := len(f.events); n == 0 || f.noted("bolt_moved") != 5 {
		t.Error("clearing touched the journal")
	}
	// Only an administrator clears.
	guest := *p
	guest.Controller = controller.NewIdentity()
	if err := c.AddPairing(ctxFor(t), guest.Controller.ID, guest.Controller.LTPK(), false); err != nil {
		t.Fatal(err)
	}
	if s := connect(t, &guest, 1).control(tlv8.Append(nil, controlClearLogs, nil)); s != int(hap.StatusInsufficientPrivileges) {
		t.Errorf("a guest cleared the log: %d", s)
	}
}

func resets(f *fakeBridge) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.resets...)
}

func TestResetSwitches(t *testing.T) {
	f := newFake(1)
	r := start(t, f, func(c *Config) { c.ResetSwitches = true })
	p := r.pair("Lock 0")
	c := connect(t, p, 1)
	on := func(p *phone, iid uint64) int { return p.put(iid, true) }

	if s := on(c, iidSecondOn); s == 0 {
		t.Error("the second switch alone was taken")
	}
	// A scene that switches everything on is no reset.
	rs, err := c.Put(ctxFor(t), write(c, iidFirstOn, true), write(c, iidSecondOn, true))
	if err != nil || len(rs) != 2 || rs[0].Status != 0 || rs[1].Status == 0 {
		t.Errorf("both at once: %+v, %v", rs, err)
	}
	// Too late: the first switch has gone back by itself.
	r.eventually("the switch back", func() bool { return c.get(iidFirstOn).Value == false || c.get(iidFirstOn).Value == 0.0 })
	if s := on(c, iidSecondOn); s == 0 {
		t.Error("too late, and taken")
	}
	// Another administrator's second press is not the same person's.
	other := *p
	other.Controller = controller.NewIdentity()
	if err := c.AddPairing(ctxFor(t), other.Controller.ID, other.Controller.LTPK(), true); err != nil {
		t.Fatal(err)
	}
	o := connect(t, &other, 1)
	if s := on(c, iidFirstOn); s != 0 {
		t.Fatalf("first press: %d", s)
	}
	time.Sleep(quick.pressAfter)
	if s := on(o, iidSecondOn); s == 0 {
		t.Error("another administrator confirmed")
	}
	if got := resets(f); len(got) != 0 {
		t.Fatalf("resets %v", got)
	}
	if s := on(c, iidSecondOn); s != 0 {
		t.Errorf("second press: %d", s)
	}
	if got := resets(f); len(got) != 1 || got[0] != string(lockID(0))+" by "+p.Controller.ID {
		t.Errorf("resets %v", got)
	}
	l := r.lock(lockID(0))
	r.eventually("both switches back", func() bool { return l.server.Get(l.m.resetOne) == false && l.server.Get(l.m.resetTwo) == false })
	if s := on(c, iidSecondOn); s == 0 {
		t.Error("a second reset without a plan")
	}
	// Taken back.
	on(c, iidFirstOn)
	c.put(iidFirstOn, false)
	time.Sleep(quick.pressAfter)
	if s := on(c, iidSecondOn); s == 0 || len(resets(f)) != 1 {
		t.Error("a plan that was taken back was confirmed")
	}
}

func TestResetSwitchesAreTheAdministrators(t *testing.T) {
	f := newFake(1)
	r := start(t, f, func(c *Config) { c.ResetSwitches = true })
	p := r.pair("Lock 0")
	admin := connect(t, p, 1)
	guest := *p
	guest.Controller = controller.NewIdentity()
	if err := admin.AddPairing(ctxFor(t), guest.Controller.ID, guest.Controller.LTPK(), false); err != nil {
		t.Fatal(err)
	}
	c := connect(t, &guest, 1)
	for _, iid := range []uint64{iidFirstOn, iidSecondOn} {
		if s := c.put(iid, true); s != int(hap.StatusInsufficientPrivileges) {
			t.Errorf("switch %d: %d", iid, s)
		}
	}
}
