package canary

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// joins lets every lock into the house, gives each a name, pairs a phone with the first, and sets the password.
func (w *world) joins() {
	w.t.Helper()
	master := w.next(8)
	if err := w.yale.SetMaster("", master); err != nil {
		w.t.Fatal(err)
	}
	w.token = strings.TrimSpace(strings.SplitN(w.cli(0, "", "token", "create", "tester", "--scope", "admin"), "\n", 2)[0])
	w.api(200, "POST", "/api/v1/join", `{"for":"2m"}`)
	for _, l := range w.house.Locks {
		l.PressJoin()
	}
	for i, l := range w.house.Locks {
		v, err := w.home.Known(w.ctx, l)
		if err != nil {
			w.t.Fatal(err)
		}
		w.api(200, "PATCH", "/api/v1/locks/"+string(v.ID), fmt.Sprintf(`{"name":"Door %d"}`, i+1))
	}
	w.paired = w.pair(w.yale)
	w.phone = w.connect(w.paired)
}

// people are added, changed, scheduled and removed by each way in.
func (w *world) people() {
	w.t.Helper()
	w.cli(0, w.next(8)+"\n", "users", "add", "Anna", "--all-locks")
	w.api(201, "POST", "/api/v1/users", fmt.Sprintf(`{"name":"Bert","pin":%q,"locks":["Door 1","Door 3"]}`, w.next(8)))
	home := w.phone.one(opAdd, code{digits: w.next(8)}, codeOK)
	w.reveals("HomeKit access codes: Add", home.digits, w.given()[len(w.given())-1])
	w.synced("Anna", w.house.Locks...)

	w.cli(0, w.next(8)+"\n", "users", "change", "Anna", "--pin", "--json")
	w.cli(0, w.next(8)+"\n", "codes", "set", "Door 2", "Anna", "--wait", "20s")
	w.api(200, "PATCH", "/api/v1/users/Bert", fmt.Sprintf(`{"pin":%q,"schedule":{"weekly":[{"days":["mon","sun"],"start":"00:00","end":"23:59"}]}}`, w.next(8)))
	w.api(200, "PATCH", "/api/v1/users/Bert", `{"schedule":{"until":"2099-01-01T00:00:00Z"}}`)
	w.api(200, "PUT", "/api/v1/locks/Door%203/codes/Bert", fmt.Sprintf(`{"pin":%q,"wait":"20s"}`, w.next(10)))
	pin := w.next(8)
	w.reveals("HomeKit access codes: Update", w.phone.one(opUpdate, code{id: home.id, digits: pin}, codeOK).digits, pin)
	w.reveals("HomeKit access codes: Read", w.phone.one(opRead, code{id: home.id}, codeOK).digits, pin)
	list := w.phone.codes(opList)
	w.reveals("HomeKit access codes: List", fmt.Sprint(list), pin)
	w.phone.one(opRemove, code{id: home.id}, codeOK)
	home = w.phone.one(opAdd, code{digits: w.next(8)}, codeOK) // as Apple Home edits
	w.cli(0, w.next(8)+"\n", "users", "add", "Once", "--lock", "Door 1", "--uses", "1")
	w.cli(0, w.next(8)+"\n", "users", "add", "Later", "--lock", "Door 1", "--from", "2099-01-01")
	w.cli(0, w.next(8)+"\n", "users", "add", "Gone", "--lock", "Door 3")
	w.synced("Gone", w.idlock)
	w.cli(0, "", "codes", "rm", "Door 3", "Gone")
	w.cli(0, "", "users", "rm", "Gone")
	w.synced("Anna", w.house.Locks...)
	w.synced("Bert", w.yale, w.idlock)
	w.synced("Once", w.yale)

	password := w.next(10)
	w.cli(0, password+"\n", "password", "set")
	w.reveals("latchkey users reveal", w.run(0, password+"\n", "users", "reveal", "Anna"), w.code("Anna", w.yale))
	_, b := w.ask(200, "POST", "/api/v1/users/Anna/reveal", fmt.Sprintf(`{"password":%q}`, password))
	w.reveals("POST /api/v1/users/{user}/reveal", string(b), w.code("Anna", w.yale))
	w.cli(1, w.next(10)+"\n", "users", "reveal", "Anna")
	w.api(403, "POST", "/api/v1/users/Anna/reveal", fmt.Sprintf(`{"password":%q}`, w.next(10)))
}

// code gives the digits of a person's code as the lock itself holds them.
func (w *world) code(name string, l *lockfw.Lock) string {
	w.t.Helper()
	codes, err := w.home.Bridge().Codes(house.ID(l))
	if err != nil {
		w.t.Fatal(err)
	}
	for _, c := range codes {
		for _, in := range l.Codes() {
			if c.Name == name && in.Slot == int(c.Slot) {
				return in.PIN.Reveal()
			}
		}
	}
	w.t.Fatalf("%s has no code on %s", name, l.Name())
	return ""
}

// typed has codes typed at every keypad: right ones, which must be told with the person's name, and wrong ones.
func (w *world) typed() {
	w.t.Helper()
	for _, l := range w.house.Locks {
		_ = l.Keypad(w.next(8))
		w.enters("Anna", l)
		_ = l.Keypad(w.next(8))
	}
	once := w.code("Once", w.yale)
	w.enters("Once", w.yale)
	w.eventually("the code that was used up to go", func() bool {
		return !slices.ContainsFunc(w.yale.Codes(), func(c lockfw.Code) bool { return c.PIN.Reveal() == once })
	})
}

func (w *world) enters(name string, l *lockfw.Lock) {
	w.t.Helper()
	l.TurnThumb(true)
	w.eventually("the bolt to be thrown", func() bool {
		v, err := w.home.Bridge().Find(string(house.ID(l)))
		return err == nil && v.Bolt == bridge.Locked
	})
	after := w.home.Bridge().Snapshot().Seq
	if err := l.Keypad(w.code(name, l)); err != nil {
		w.t.Fatalf("%s at %s: %v", name, l.Name(), err)
	}
	if _, err := w.home.Await(w.ctx, after, func(e bridge.Event) bool {
		m, ok := e.Body.(bridge.BoltMoved)
		return ok && e.Lock == house.ID(l) && m.To == bridge.Unlocked && (e.Cause.Name == name || l.Behaviour().NoEvents)
	}); err != nil {
		w.t.Fatalf("%s at %s: %v", name, l.Name(), err)
	}
	l.TurnThumb(true)
}

// found are codes that somebody made at a keypad; two are adopted.
func (w *world) found() {
	w.t.Helper()
	for _, f := range []struct {
		lock   *lockfw.Lock
		master string
		slots  []int
	}{{w.yale, w.given()[0], []int{9, 10}}, {w.idlock, "", []int{9, 10}}, {w.kwikset, w.kwikset.Family().Defaults.Master, []int{free(w.kwikset)}}} {
		for _, s := range f.slots {
			if err := f.lock.AddUser(f.master, s, w.next(8)); err != nil {
				w.t.Fatal(err)
			}
		}
		w.eventually("codes that are not ours", func() bool {
			codes, err := w.home.Bridge().Codes(house.ID(f.lock))
			return err == nil && !slices.ContainsFunc(f.slots, func(s int) bool {
				return !slices.ContainsFunc(codes, func(c bridge.Code) bool { return c.State == bridge.CodeNotOurs && int(c.Slot) == s })
			})
		})
	}
	w.cli(0, "", "codes", "adopt", "Door 1", "9", "Found One")
	w.api(201, "POST", "/api/v1/locks/Door%203/adopt", `{"slot":9,"name":"Found Two"}`)
	w.api(202, "POST", "/api/v1/locks/Door%201/reconcile", "")
}

// free is the first slot of a lock that nobody has.
func free(l *lockfw.Lock) int {
	n := l.Family().First
	for slices.ContainsFunc(l.Codes(), func(c lockfw.Code) bool { return c.Slot == n }) {
		n++
	}
	return n
}

// refusals: what cannot be, and what people get wrong.
func (w *world) refusals() {
	w.t.Helper()
	dup := w.code("Anna", w.yale)
	w.cli(4, dup+"\n", "codes", "set", "Door 1", "Bert")
	w.api(409, "POST", "/api/v1/users", fmt.Sprintf(`{"name":"Twin","pin":%q,"all_locks":true}`, dup))
	w.phone.one(opAdd, code{digits: dup}, codeDuplicate)
	w.cli(4, w.next(9)+"\n", "codes", "set", "Door 1", "Bert")
	w.api(422, "POST", "/api/v1/users", fmt.Sprintf(`{"name":"Long","pin":%q,"locks":["Door 1"]}`, w.next(12)))
	w.phone.one(opAdd, code{digits: w.next(9)}, codeTooLong)
	w.phone.one(opAdd, code{digits: w.next(7) + "x"}, codeBadCharacter)
	w.phone.one(opUpdate, code{id: 99, digits: w.next(8)}, codeNotExists)
	w.cli(1, w.next(8)+"x\n", "codes", "set", "Door 1", "Bert")
	w.cli(2, w.next(8)+"\\\"\n", "codes", "set", "Door 1", "Nobody")

	for _, f := range []struct {
		name, door string
		lock       *lockfw.Lock
		how        func(*lockfw.Behaviour)
	}{
		{"Full", "Door 3", w.idlock, func(b *lockfw.Behaviour) { b.SetPINFails = 2 }},
		{"Failing", "Door 6", w.kwikset, func(b *lockfw.Behaviour) { b.SetPINFails = 1 }},
		{"Lying", "Door 1", w.yale, func(b *lockfw.Behaviour) { b.SetPINLies = true }},
	} {
		f.lock.Adjust(f.how)
		w.cli(0, w.next(8)+"\n", "users", "add", f.name, "--lock", f.door)
		w.eventually("a code that failed, of "+f.name, func() bool {
			codes, err := w.home.Bridge().Codes(house.ID(f.lock))
			return err == nil && slices.ContainsFunc(codes, func(c bridge.Code) bool { return c.Name == f.name && c.Reason != "" })
		})
		w.both("codes", "list", f.door)
		f.lock.Adjust(func(b *lockfw.Behaviour) { b.SetPINFails, b.SetPINLies = 0, false })
		w.cli(0, "", "users", "rm", f.name)
	}
	taken := w.next(8) // known to the lock alone, which hides it
	if err := w.hidden.AddUser("", 20, taken); err != nil {
		w.t.Fatal(err)
	}
	w.cli(4, taken+"\n", "codes", "set", "Door 7", "Anna", "--wait", "20s")
	w.cli(0, w.next(8)+"\n", "codes", "set", "Door 7", "Anna", "--wait", "20s")

	w.dana.Off(true)
	w.cli(5, w.next(8)+"\n", "codes", "set", "Door 2", "Anna", "--wait", "200ms")
	w.api(202, "PUT", "/api/v1/locks/Door%202/codes/Anna", fmt.Sprintf(`{"pin":%q,"wait":"100ms"}`, w.next(8)))
	w.dana.Off(false)
	w.synced("Anna", w.dana)
	w.mistakes()
}

// mistakes put PINs where none belongs.
func (w *world) mistakes() {
	w.t.Helper()
	for body, want := range map[string]int{
		`{"name":"X","pin":%s}`: 400, `{"name":"X","pin":[%s]}`: 400, `{"%s":"X"}`: 400, `{"name":%s}`: 400, `{"name":"X","pin":"%s`: 400, `%s`: 400, `{"name":"X","pin":"%s"} "more"`: 400,
		`{"name":"X","locks":["Door 1"],"pin":"x%s"}`: 422, `{"name":"X","schedule":{"uses":%s}}`: 422, `{"name":"X","schedule":{"until":"%s"}}`: 400, `{"name":"X","locks":["%s"]}`: 404,
	} {
		w.api(want, "POST", "/api/v1/users", fmt.Sprintf(body, w.next(8)))
	}
	w.api(400, "POST", "/api/v1/locks/Door%201/adopt", fmt.Sprintf(`{"slot":%s,"name":"X"}`, w.next(8)))
	w.api(404, "GET", "/api/v1/users/"+w.next(8), "")
	w.api(404, "GET", "/api/v1/locks/"+w.next(8)+"/codes", "")
	w.api(404, "PUT", "/api/v1/locks/Door%201/codes/"+w.next(8), `{"pin":"12345678"}`)
	w.api(404, "GET", "/api/v1/"+w.next(8), "")
	w.api(400, "POST", "/api/v1/locks/Door%201/actuate", fmt.Sprintf(`{"action":%q}`, w.next(8)))
	w.api(409, "POST", "/api/v1/locks/Door%201/reset/ack", fmt.Sprintf(`{"step":"master","answer":{"answer":%q}}`, w.next(8)))

	w.cli(2, "", "users", "add", "Anna", w.next(8), "--all-locks")
	w.cli(2, "", "users", "change", "Anna", "--pin="+w.next(8))
	w.cli(2, "", "users", "add", "Anna", "--code="+w.next(8))
	w.cli(2, "", "codes", "set", "Door 1", "Anna", w.next(8))
	w.cli(2, "", "codes", "adopt", "Door 1", w.next(8), "Anna")
	w.cli(2, "", "users", "change", "Anna", "--uses", w.next(8)+w.next(12))
	w.cli(2, "", "users", "change", "Anna", "--until", w.next(8))
	w.cli(2, "", "users", "change", "Anna", "--weekly", w.next(8))
	w.cli(2, "", "unlock", "Door 1", w.next(8))
	bad := filepath.Join(w.t.TempDir(), "bad.yaml")
	text := fmt.Sprintf("locks: {%q: {pin: %q, name: [%s]}}\ncodes: {Anna: %s}\nusers: [{name: Anna, pin: %q}]\n", w.yale.ID(), w.next(8), w.next(8), w.next(8), w.next(8))
	if err := os.WriteFile(bad, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.cli(1, "", "check", bad)
	w.cli(1, "", "check", "--json", bad)

	p := w.phone
	for _, wr := range []controller.Write{{ID: p.ids.Target, Value: w.next(8)}, {ID: p.ids.Current, Value: w.next(8)}, {ID: p.ids.LastAction, Value: w.next(8)}, {ID: p.ids.Codes, Value: w.next(8), Response: true},
		{ID: p.ids.Codes, Value: base64.StdEncoding.EncodeToString(append([]byte{9, 1, 1, 2, 20, 2, 40}, w.next(8)...)), Response: true}} {
		p.heard(p.asks.Put(w.ctx, wr))
		p.heard(p.asks.PutTimed(w.ctx, time.Second, wr))
	}
	w.babble(w.home.HTTPAddr())
	if a, err := w.home.Accessory(w.ctx, w.yale); err != nil {
		w.t.Fatal(err)
	} else {
		w.babble(fmt.Sprintf("127.0.0.1:%d", a.Port))
	}
	guest := controller.NewIdentity()
	if err := p.asks.AddPairing(w.ctx, guest.ID, guest.LTPK(), false); err != nil {
		w.t.Fatal(err)
	}
	as := w.guest(guest)
	defer as.Close()
	p.heard(as.Put(w.ctx, controller.Write{ID: p.ids.Codes, Value: base64.StdEncoding.EncodeToString(codesMessage(opList, nil)), Response: true}))
	p.heard(as.Put(w.ctx, controller.Write{ID: p.ids.Codes, Value: base64.StdEncoding.EncodeToString(codesMessage(opAdd, []code{{digits: w.next(8)}})), Response: true}))
}

// babble sends what is no request to a listener, and captures what it says to that.
func (w *world) babble(addr string) {
	w.t.Helper()
	for _, text := range []string{"%s\r\n\r\n", "GET /%s HTTP/1.1\r\nHost: x\r\n\r\n", "POST /pair-setup HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n%s", "PUT /api/v1/password HTTP/1.1\r\n%s\r\n\r\n",
		"GET / HTTP/%s\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n"} {
		c, err := new(net.Dialer).DialContext(w.ctx, "tcp", addr)
		if err != nil {
			w.t.Fatal(err)
		}
		if _, err := fmt.Fprintf(c, text, w.next(8)); err != nil {
			w.t.Fatal(err)
		}
		if err := c.SetReadDeadline(time.Now().Add(2 * time.Second)); err != nil {
			w.t.Fatal(err)
		}
		b := make([]byte, 4096)
		n, _ := c.Read(b) // or the end of the connection
		w.add(inAPI, b[:n])
		_ = c.Close()
	}
}

// strange: locks send events of another family's kind, which hold the code where theirs hold something else.
func (w *world) strange() {
	w.t.Helper()
	for _, l := range []*lockfw.Lock{w.nimly, w.bcd} {
		was := l.Behaviour().Events
		l.Adjust(func(b *lockfw.Behaviour) { b.Events = "zcl" })
		_ = l.Keypad(w.next(8))
		if err := errors.Join(l.Keypad(w.code("Anna", l)), l.AddUser("", 500, w.next(8)), l.DeleteUser("", 500)); err != nil {
			w.t.Fatal(err)
		}
		w.eventually("the end of it", func() bool {
			evs, err := w.home.Bridge().History(0, 1<<20)
			return err == nil && slices.ContainsFunc(evs, func(e bridge.Event) bool {
				p, ok := e.Body.(bridge.LockProgrammed)
				return ok && e.Lock == house.ID(l) && p.Change == bridge.ProgPINDeleted
			})
		})
		l.Adjust(func(b *lockfw.Behaviour) { b.Events = was })
	}
}

// remote: a lock that wants a PIN before it obeys by radio.
func (w *world) remote() {
	w.t.Helper()
	w.cli(0, "", "unlock", "Door 2")
	w.cli(0, "", "lock", "Door 2", "--json")
	w.api(200, "POST", "/api/v1/locks/Door%202/actuate", fmt.Sprintf(`{"action":"unlock","pin":%q}`, w.code("Anna", w.dana)))
	w.api(409, "POST", "/api/v1/locks/Door%202/actuate", fmt.Sprintf(`{"action":"lock","pin":%q}`, w.next(8)))
	w.phone.unlock(0)
	w.phone.unlock(1)
}

// dongle crashes, and is pulled while a code is on its way.
func (w *world) dongle() {
	w.t.Helper()
	d := w.house.Air.Dongle()
	d.Crash()
	w.eventually("the fault", func() bool { return !w.home.Radio().Dongle().Up })
	w.cli(-1, w.next(8)+"\n", "codes", "set", "Door 3", "Bert", "--wait", "100ms") // it may be back already
	if err := w.home.Online(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	pin := w.next(8)
	go func() {
		defer close(done)
		w.cli(-1, pin+"\n", "codes", "set", "Door 4", "Anna", "--wait", "1s") // this lock takes long to answer
	}()
	w.eventually("the code to be on its way", func() bool {
		codes, err := w.home.Bridge().Codes(house.ID(w.nimly))
		return err == nil && slices.ContainsFunc(codes, func(c bridge.Code) bool { return c.Name == "Anna" && c.State == bridge.CodePending })
	})
	d.Unplug()
	w.eventually("the fault", func() bool { return !w.home.Bridge().Snapshot().Dongle.Up })
	<-done
	w.both("status")
	w.cli(1, "", "doctor")
	w.cli(3, "", "unlock", "Door 1", "--timeout", "500ms")
	d.Replug()
	if err := w.home.Online(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}

// guest connects as a controller without rights.
func (w *world) guest(id controller.Identity) *controller.Conn {
	w.t.Helper()
	g := *w.paired
	g.Controller = id
	c, err := g.Connect(w.ctx)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}
