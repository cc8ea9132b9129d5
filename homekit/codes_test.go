package homekit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

func one(op codeOp, it codeItem) codeRequest { return codeRequest{Op: op, Items: []codeItem{it}} }

func byID(id uint64) codeItem                   { return codeItem{ID: id, HasID: true} }
func digits(s string) codeItem                  { return codeItem{Code: codeDigits(s)} }
func change(id uint64, s string) codeItem       { return codeItem{ID: id, HasID: true, Code: codeDigits(s)} }
func (p *phone) code1(r codeRequest) codeAnswer { return p.codeN(r, 1)[0] }
func (p *phone) list() []codeAnswer             { _, as := p.codes(codeRequest{Op: opList}); return as }
func (p *phone) add(s string) codeAnswer        { return p.code1(one(opAdd, digits(s))) }
func (p *phone) remove(id uint64) codeAnswer    { return p.code1(one(opRemove, byID(id))) }

func (p *phone) codeN(r codeRequest, n int) []codeAnswer {
	p.t.Helper()
	op, as := p.codes(r)
	if op != r.Op {
		p.t.Fatalf("operation %d answered as %d", r.Op, op)
	}
	if len(as) != n {
		p.t.Fatalf("operation %d: %d answers, want %d", r.Op, len(as), n)
	}
	return as
}

func expect(t testing.TB, a codeAnswer, st codeStatus) {
	t.Helper()
	if a.Status != st {
		t.Fatalf("status %d, want %d", a.Status, st)
	}
}

func TestCodeLifeInHome(t *testing.T) {
	r := start(t, newFake(1), nil)
	c := connect(t, r.pair("Lock 0"), 1)
	if as := c.list(); len(as) != 0 {
		t.Fatalf("a new lock lists %d codes", len(as))
	}
	a := c.add("2468")
	if expect(t, a, codeOK); !a.HasID || a.ID == 0 || a.ID > 255 || string(a.Code) != "2468" {
		t.Fatalf("added as %d, has %v, right digits %v", a.ID, a.HasID, string(a.Code) == "2468")
	}
	us := r.f.Users()
	if len(us) != 1 || us[0].Name != "Home code 1" || us[0].Origin != bridge.OriginHomeKit || len(us[0].Locks) != 1 {
		t.Fatalf("users %+v", us)
	}
	if got := c.code1(one(opRead, byID(a.ID))); got.Status != codeOK || string(got.Code) != "2468" || got.Flags != 0 {
		t.Errorf("read: status %d, flags %d, right digits %v", got.Status, got.Flags, string(got.Code) == "2468")
	}
	b := c.add("135790")
	if expect(t, b, codeOK); b.ID == a.ID {
		t.Fatal("two codes of one number")
	}
	if got := c.code1(one(opUpdate, change(a.ID, "8642"))); got.Status != codeOK || got.ID != a.ID || string(got.Code) != "8642" {
		t.Errorf("update: %+v", got)
	}
	as := c.list()
	if len(as) != 2 || string(as[0].Code) != "8642" || string(as[1].Code) != "135790" {
		t.Fatalf("list %+v", as)
	}
	if got := c.remove(a.ID); got.Status != codeOK || got.ID != a.ID {
		t.Errorf("remove: %+v", got)
	}
	expect(t, c.code1(one(opRead, byID(a.ID))), codeNotExists)
	if as := c.list(); len(as) != 1 || as[0].ID != b.ID {
		t.Errorf("list %+v", as)
	}
	if got := c.get(iidCodeControl); got.Value != "" && got.Value != nil {
		t.Errorf("the control point can be read: %v", got)
	}
}

func TestCodeErrors(t *testing.T) {
	f := newFake(1)
	f.foreign[lockID(0)] = 1
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	first := c.add("1111")
	second := c.add("2222")
	expect(t, second, codeOK)
	tests := []struct {
		name string
		req  codeRequest
		want codeStatus
	}{
		{"duplicate", one(opAdd, digits("1111")), codeDuplicate},
		{"too short", one(opAdd, digits("123")), codeTooShort},
		{"empty", one(opAdd, digits("")), codeTooShort},
		{"too long", one(opAdd, digits("123456789")), codeTooLong},
		{"letters", one(opAdd, digits("12a4")), codeBadCharacter},
		{"umlauts", one(opAdd, digits("12ä4")), codeBadCharacter},
		{"add without a code", one(opAdd, codeItem{}), codeInvalidRequest},
		{"read without a number", one(opRead, codeItem{}), codeInvalidRequest},
		{"read what is not there", one(opRead, byID(77)), codeNotExists},
		{"update what is not there", one(opUpdate, change(77, "5555")), codeNotExists},
		{"update to a duplicate", one(opUpdate, change(first.ID, "2222")), codeDuplicate},
		{"update too short", one(opUpdate, change(first.ID, "1")), codeTooShort},
		{"update without a code", one(opUpdate, byID(first.ID)), codeInvalidRequest},
		{"remove what is not there", one(opRemove, byID(77)), codeNotExists},
		{"remove without a number", one(opRemove, codeItem{}), codeInvalidRequest},
		{"unknown operation", one(9, byID(1)), codeInvalidRequest},
		{"no item", codeRequest{Op: opRemove}, codeInvalidRequest},
	}
	for _, tt := range tests {
		_, as := c.codes(tt.req)
		if len(as) != 1 || as[0].Status != tt.want {
			t.Errorf("%s: %+v, want status %d", tt.name, as, tt.want)
		}
	}
	expect(t, c.code1(one(opUpdate, change(first.ID, "1111"))), codeOK) // what it was
	expect(t, c.add("3333"), codeOK)
	expect(t, c.add("4444"), codeOK)
	expect(t, c.add("5555"), codeTooMany) // five slots, one of them not ours
	f.foreign[lockID(0)] = 0
	f.addErr = fmt.Errorf("fake: %w", bridge.ErrStore)
	expect(t, c.add("5555"), codeUnknownError)
	f.addErr = bridge.ErrDuplicate
	expect(t, c.add("5555"), codeDuplicate)
}

func TestCodeMalformedMessage(t *testing.T) {
	r := start(t, newFake(1), nil)
	c := connect(t, r.pair("Lock 0"), 1)
	for _, v := range []any{"", "AQ==", "AQEB/w==", "AgYCBDEyMzQ="} {
		rs, err := c.Put(ctxFor(t), controller.Write{ID: c.id(iidCodeControl), Value: v, Response: true})
		if err != nil || len(rs) != 1 || rs[0].Status != int(hap.StatusInvalidValue) {
			t.Errorf("%v: %+v, %v", v, rs, err)
		}
	}
}

func TestCodeBatch(t *testing.T) {
	f := newFake(1)
	f.locks[lockID(0)].Info.Traits.Slots = 30
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	as := c.codeN(codeRequest{Op: opAdd, Items: []codeItem{digits("1111"), digits("22"), digits("1111"), digits("3333")}}, 4)
	for i, want := range []codeStatus{codeOK, codeTooShort, codeDuplicate, codeOK} {
		if as[i].Status != want {
			t.Errorf("item %d: status %d, want %d", i, as[i].Status, want)
		}
	}
	got := c.codeN(codeRequest{Op: opRead, Items: []codeItem{byID(as[3].ID), byID(99), byID(as[0].ID)}}, 3)
	if string(got[0].Code) != "3333" || got[1].Status != codeNotExists || string(got[2].Code) != "1111" {
		t.Errorf("read %+v", got)
	}
	many := codeRequest{Op: opRead}
	for range bulkFloor + 2 {
		many.Items = append(many.Items, byID(as[0].ID))
	}
	got = c.codeN(many, bulkFloor+2)
	if got[bulkFloor-1].Status != codeOK || got[bulkFloor].Status != codeTooManyBulk || got[bulkFloor+1].Status != codeTooManyBulk {
		t.Errorf("bulk: %d, %d, %d", got[bulkFloor-1].Status, got[bulkFloor].Status, got[bulkFloor+1].Status)
	}
	gone := c.codeN(codeRequest{Op: opRemove, Items: []codeItem{byID(as[0].ID), byID(as[0].ID), byID(as[3].ID)}}, 3)
	if gone[0].Status != codeOK || gone[1].Status != codeNotExists || gone[2].Status != codeOK {
		t.Errorf("removed %+v", gone)
	}
}

// Apple Home edits a code by removing it and adding another: the person behind it stays the same.
func TestCodeEditKeepsThePerson(t *testing.T) {
	f := newFake(2)
	r := start(t, f, nil)
	p := r.pair("Lock 0")
	c := connect(t, p, 1)
	anna, err := f.AddUser(ctxFor(t), bridge.Cause{Source: bridge.SourceAPI}, bridge.User{Name: "Anna", PIN: pin(t, "4711"), Locks: []bridge.LockID{lockID(0), lockID(1)}})
	if err != nil {
		t.Fatal(err)
	}
	as := c.list()
	if len(as) != 1 {
		t.Fatalf("a code made elsewhere is not listed: %+v", as)
	}
	expect(t, c.remove(as[0].ID), codeOK)
	expect(t, c.add("4712"), codeOK)
	u, err := f.User(anna)
	if err != nil || len(u.Locks) != 2 || len(f.Users()) != 1 {
		t.Fatalf("Anna is now %+v, %v; users %d", u, err, len(f.Users()))
	}
	// With one lock only, the user goes and comes, and the name stays.
	a := c.add("9000")
	if err := rename(f, "Home code 1", "Cleaner"); err != nil {
		t.Fatal(err)
	}
	expect(t, c.remove(a.ID), codeOK)
	expect(t, c.add("9001"), codeOK)
	if names := names(f); names != "Anna, Cleaner" {
		t.Errorf("users: %s", names)
	}
	// Later, or by another controller, it is another person.
	as = c.list()
	expect(t, c.remove(as[len(as)-1].ID), codeOK)
	l := r.lock(lockID(0))
	l.codes.mu.Lock()
	l.codes.removed.at = time.Now().Add(-time.Minute)
	l.codes.mu.Unlock()
	expect(t, c.add("9002"), codeOK)
	if names := names(f); names != "Anna, Home code 1" {
		t.Errorf("users: %s", names)
	}
	// Two removed at once: no telling which of them is meant.
	expect(t, c.add("9003"), codeOK)
	as = c.list()
	c.codeN(codeRequest{Op: opRemove, Items: []codeItem{byID(as[1].ID), byID(as[2].ID)}}, 2)
	expect(t, c.add("9004"), codeOK)
	if names := names(f); names != "Anna, Home code 1" {
		t.Errorf("users: %s", names)
	}
	// Three are no fewer than two.
	expect(t, c.add("9005"), codeOK)
	expect(t, c.add("9006"), codeOK)
	if err := rename(f, "Home code 3", "Cleo"); err != nil {
		t.Fatal(err)
	}
	as = c.list()
	c.codeN(codeRequest{Op: opRemove, Items: []codeItem{byID(as[1].ID), byID(as[2].ID), byID(as[3].ID)}}, 3)
	expect(t, c.add("9007"), codeOK)
	if names := names(f); names != "Anna, Home code 1" {
		t.Errorf("users: %s", names)
	}
}

func rename(f *fakeBridge, from, to string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, u := range f.users {
		if u.Name == from {
			u.Name = to
			f.users[id] = u
			return nil
		}
	}
	return errors.New("no such user")
}

func names(f *fakeBridge) string {
	var ns []string
	for _, u := range f.Users() {
		ns = append(ns, u.Name)
	}
	return strings.Join(ns, ", ")
}

// One guest with several locks is added to each of them: that is one person.
func TestCodeOnSeveralLocksIsOnePerson(t *testing.T) {
	f := newFake(2)
	r := start(t, f, nil)
	a, b := connect(t, r.pair("Lock 0"), 1), connect(t, r.pair("Lock 1"), 1)
	expect(t, a.add("3141"), codeOK)
	x := b.add("3141")
	expect(t, x, codeOK)
	us := f.Users()
	if len(us) != 1 || len(us[0].Locks) != 2 {
		t.Fatalf("users %+v", us)
	}
	expect(t, b.remove(x.ID), codeOK)
	if us := f.Users(); len(us) != 1 || len(us[0].Locks) != 1 || us[0].Locks[0] != lockID(0) {
		t.Fatalf("users %+v", us)
	}
	if as := a.list(); len(as) != 1 {
		t.Errorf("the first lock lists %d", len(as))
	}
}

func TestCodesAreTheAdministrators(t *testing.T) {
	r := start(t, newFake(1), nil)
	p := r.pair("Lock 0")
	admin := connect(t, p, 1)
	expect(t, admin.add("2718"), codeOK)
	guest := *p
	guest.Controller = controller.NewIdentity()
	if err := admin.AddPairing(ctxFor(t), guest.Controller.ID, guest.Controller.LTPK(), false); err != nil {
		t.Fatal(err)
	}
	c := connect(t, &guest, 1)
	for _, op := range []codeOp{opList, opRead} {
		req := appendCodeRequest(nil, one(op, byID(1)))
		rs, err := c.Put(ctxFor(t), controller.Write{ID: c.id(iidCodeControl), Value: req, Response: true})
		if err != nil || len(rs) != 1 || rs[0].Status != int(hap.StatusInsufficientPrivileges) || rs[0].Value != nil {
			t.Errorf("operation %d: %+v, %v", op, rs, err)
		}
	}
	if s := c.put(iidTargetState, 0); s != 0 {
		t.Errorf("a guest may not unlock: %d", s)
	}
}

func TestCodeLimits(t *testing.T) {
	f := newFake(1)
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	if got := c.get(iidCodeLimits).Value; got != "AQEBAgEEAwEIBAEF" { // digits, 4 to 8, 5 codes
		t.Errorf("limits %v", got)
	}
	expect(t, c.add("123456"), codeOK)
	f.edit(lockID(0), bridge.LockReady{}, func(v *bridge.LockView) { v.Info.Traits.SameLength = true })
	r.eventually("one length", func() bool { return c.get(iidCodeLimits).Value == "AQEBAgEGAwEGBAEF" })
	expect(t, c.add("1234"), codeTooShort)
	expect(t, c.add("1234567"), codeTooLong)
	expect(t, c.add("654321"), codeOK)
}

func TestCodeState(t *testing.T) {
	api := bridge.Cause{Source: bridge.SourceAPI}
	for _, count := range []bool{false, true} {
		f := newFake(1)
		r := start(t, f, func(c *Config) { c.CountCodes = count })
		c := connect(t, r.pair("Lock 0"), 1)
		c.subscribe(iidConfigState)
		expect(t, c.add("1001"), codeOK)
		if got := c.get(iidConfigState).Value; got != 0.0 {
			t.Errorf("count %v: %v after a change of its own", count, got)
		}
		if _, err := f.AddUser(ctxFor(t), api, bridge.User{Name: "Bea", PIN: pin(t, "1002"), Locks: []bridge.LockID{lockID(0)}}); err != nil {
			t.Fatal(err)
		}
		if count {
			if ev := c.event(); ev[iidConfigState] != 1.0 {
				t.Errorf("told %v", ev)
			}
		} else if got := c.get(iidConfigState).Value; got != 0.0 {
			t.Errorf("constant state is %v", got)
		}
	}
}

func TestRestrictedCodeIsFlagged(t *testing.T) {
	f := newFake(1)
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	_, err := f.AddUser(ctxFor(t), bridge.Cause{}, bridge.User{Name: "Once", PIN: pin(t, "1002"), Locks: []bridge.LockID{lockID(0)}, Schedule: bridge.Schedule{Uses: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if as := c.list(); len(as) != 1 || as[0].Flags != flagRestricted {
		t.Errorf("list %+v", as)
	}
}

func TestCodeIDs(t *testing.T) {
	var c codeIDs
	for u := range bridge.UserID(255) {
		if id, fresh := c.give(u + 1); id != uint64(u)+1 || !fresh {
			t.Fatalf("user %d got %d, %v", u+1, id, fresh)
		}
	}
	if id, fresh := c.give(7); id != 7 || fresh {
		t.Errorf("the same user got %d, %v", id, fresh)
	}
	if id, _ := c.give(1000); id != 256 {
		t.Errorf("with all octets taken: %d", id)
	}
	c.keep(map[bridge.UserID]bool{1: true, 1000: true})
	if id, _ := c.give(2000); id != 2 {
		t.Errorf("freed number: %d", id)
	}
}

// No digit of a code is to be found in what is logged, whatever goes wrong.
func TestCodesAreNeverLogged(t *testing.T) {
	const canary = "73519042"
	f := newFake(1)
	r := start(t, f, nil)
	c := connect(t, r.pair("Lock 0"), 1)
	expect(t, c.add(canary), codeOK)
	expect(t, c.add(canary), codeDuplicate)
	expect(t, c.add(canary+"7"), codeTooLong)
	as := c.list()
	c.code1(one(opUpdate, change(as[0].ID, canary)))
	f.addErr = fmt.Errorf("fake: %w", bridge.ErrStore)
	expect(t, c.add("84"+canary[:6]), codeUnknownError)
	expect(t, c.remove(as[0].ID), codeOK)
	l := r.lock(lockID(0))
	state := fmt.Sprintf("%+v %#v", l.codes.removed, l.codes.removed)
	stored, _, err := r.cfg.KV.Get(registryKey)
	if err != nil {
		t.Fatal(err)
	}
	database := c.database().text()
	for name, s := range map[string]string{"log": r.log.String(), "state": state, "registry": string(stored), "database": database} {
		if strings.Contains(s, canary[:6]) {
			t.Errorf("the %s holds a code", name)
		}
	}
	if v, ok := l.server.Get(l.m.codeControl).([]byte); ok && len(v) > 0 {
		t.Error("the control point keeps what was written")
	}
	if !strings.Contains(r.log.String(), "access code was not changed") {
		t.Error("the failure was not logged: the scan proves nothing")
	}
}
