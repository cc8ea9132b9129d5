package hap

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
	"github.com/brutella/hap/service"
	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/homekit/hap/mdns"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// gadget is an accessory with one characteristic of every sort.
type gadget struct {
	a                                                     *accessory.A
	on, target, state, level, label, control, secret, big *characteristic.C
	press, blob                                           *characteristic.C
}

func newC(typ, format string, val any, perms ...string) *characteristic.C {
	c := characteristic.New()
	c.Type, c.Format, c.Val, c.Permissions = typ, format, val, perms
	return c
}

func newGadget(aid uint64, name string) *gadget {
	g := &gadget{a: accessory.New(accessory.Info{Name: name, SerialNumber: "1", Manufacturer: "M", Model: "G", Firmware: "1.0"}, accessory.TypeOther)}
	g.a.Id = aid
	g.on = newC("25", characteristic.FormatBool, false, "pr", "pw", "ev")
	g.target = newC("1E", characteristic.FormatUInt8, 1, "pr", "pw", "ev", "tw")
	g.target.MinVal, g.target.MaxVal, g.target.StepVal = 0, 1, 1
	g.state = newC("1D", characteristic.FormatUInt8, 1, "pr", "ev")
	g.state.MinVal, g.state.MaxVal, g.state.ValidVals = 0, 3, []int{0, 1, 2, 3}
	g.level = newC("8", characteristic.FormatFloat, 20.0, "pr", "pw", "ev")
	g.level.MinVal, g.level.MaxVal, g.level.StepVal, g.level.Unit = 0.0, 100.0, 0.5, "percentage"
	g.label = newC("E3", characteristic.FormatString, "läbel", "pr", "pw")
	g.label.MaxLen = 8
	g.control = newC("262", characteristic.FormatTLV8, nil, "pr", "pw", "wr")
	g.secret = newC("19", characteristic.FormatTLV8, nil, "pw")
	g.big = newC("F00", characteristic.FormatUInt64, uint64(7), "pr", "pw")
	g.press = newC(typeSwitchEvent, characteristic.FormatUInt8, nil, "pr", "ev")
	g.blob = newC("F01", characteristic.FormatData, nil, "pr", "pw")
	g.blob.MaxLen = 16
	sv := service.New("45")
	sv.Primary = true
	for _, c := range []*characteristic.C{g.on, g.target, g.state, g.level, g.label, g.control, g.secret, g.big, g.press, g.blob} {
		sv.AddC(c)
	}
	other := service.New("44")
	other.AddC(newC("37", characteristic.FormatString, "1.0", "pr"))
	sv.AddS(other)
	g.a.AddS(sv)
	g.a.AddS(other)
	next := uint64(1)
	for _, s := range g.a.Ss {
		s.Id = next
		next++
		for _, c := range s.Cs {
			c.Id = next
			next++
		}
	}
	return g
}

func (g *gadget) id(c *characteristic.C) controller.ID { return controller.ID{AID: g.a.Id, IID: c.Id} }

func (g *gadget) ref(c *characteristic.C) string {
	return strconv.FormatUint(g.a.Id, 10) + "." + strconv.FormatUint(c.Id, 10)
}

// fakeAdvertiser remembers what it was told.
type fakeAdvertiser struct {
	mu   sync.Mutex
	last map[string]mdns.Service
	n    int
}

func (f *fakeAdvertiser) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (f *fakeAdvertiser) Publish(s mdns.Service) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = make(map[string]mdns.Service)
	}
	f.last[s.Key] = s
	f.n++
}
func (f *fakeAdvertiser) Withdraw(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.last, key)
}
func (f *fakeAdvertiser) Seen(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, ok := f.last[key]
	return ok
}
func (f *fakeAdvertiser) get(key string) mdns.Service {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last[key]
}

// rig is a running host with one server.
type rig struct {
	t    testing.TB
	h    *Host
	s    *Server
	g    *gadget
	kv   KV
	adv  *fakeAdvertiser
	addr string
	stop func()
}

func newRig(t testing.TB, cfg Config, change ...func(*ServerConfig)) *rig {
	t.Helper()
	r := &rig{t: t, g: newGadget(1, "Gadget"), kv: Memory(), adv: &fakeAdvertiser{}}
	if cfg.Advertiser == nil {
		cfg.Advertiser = r.adv
	}
	if cfg.Address == "" {
		cfg.Address = "127.0.0.1"
	}
	r.h = NewHost(cfg)
	sc := ServerConfig{Key: "one", Name: "Gadget", Model: "G", Category: 6, Store: r.kv, Accessories: []*accessory.A{r.g.a}}
	for _, f := range change {
		f(&sc)
	}
	r.kv = sc.Store
	s, err := r.h.Open(sc)
	if err != nil {
		t.Fatal(err)
	}
	r.s = s
	r.addr = net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port()))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.h.Run(ctx) }()
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(r.stop)
	eventually(t, "serving", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.serving
	})
	return r
}

func testContext(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// pair pairs by pair-setup.
func (r *rig) pair() *controller.Pairing {
	r.t.Helper()
	p, err := controller.Pair(testContext(r.t), r.addr, r.s.SetupCode())
	if err != nil {
		r.t.Fatal(err)
	}
	return p
}

// implant pairs without the arithmetic.
func (r *rig) implant(admin bool) *controller.Pairing {
	r.t.Helper()
	id := controller.NewIdentity()
	set := pairingSet{}
	for k, v := range *r.s.pairings.Load() {
		set[k] = v
	}
	set[id.ID] = &controllerKey{ID: id.ID, LTPK: id.LTPK(), Admin: admin}
	if err := r.s.rec.putPairings(set); err != nil {
		r.t.Fatal(err)
	}
	r.s.pairings.Store(&set)
	return &controller.Pairing{Controller: id, AccessoryID: r.s.ID(), AccessoryLTPK: r.s.secret[32:], Address: r.addr}
}

// connect gives a verified connection.
func (r *rig) connect(p *controller.Pairing) *controller.Conn {
	r.t.Helper()
	c, err := p.Connect(testContext(r.t))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// dial gives an unverified connection.
func (r *rig) dial() *controller.Conn {
	r.t.Helper()
	c, err := controller.Dial(testContext(r.t), r.addr)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { c.Close() })
	return c
}

// ask sends a request and wants that code; it returns the body.
func ask(t testing.TB, c *controller.Conn, code int, method, target, body string) string {
	t.Helper()
	typ := typeJSON
	if method == "GET" {
		typ, body = "", ""
	}
	r, err := c.Do(testContext(t), method, target, typ, []byte(body))
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	if r.Code != code {
		t.Errorf("%s %s %s: %d %s, want %d", method, target, body, r.Code, r.Body, code)
	}
	return string(r.Body)
}

func sameJSON(t testing.TB, got, want string) {
	t.Helper()
	var g, w any
	if err := json.Unmarshal([]byte(got), &g); err != nil {
		t.Errorf("%q is no JSON: %v", got, err)
		return
	}
	if err := json.Unmarshal([]byte(want), &w); err != nil {
		t.Fatal(err)
	}
	a, _ := json.Marshal(g)
	b, _ := json.Marshal(w)
	if string(a) != string(b) {
		t.Errorf("got %s\nwant %s", a, b)
	}
}

func wantPairingError(t testing.TB, err error, code byte) {
	t.Helper()
	var pe controller.PairingError
	if !errors.As(err, &pe) || byte(pe) != code {
		t.Errorf("got %v, want pairing error %d", err, code)
	}
}

func wantHTTP(t testing.TB, err error, code int) {
	t.Helper()
	var he *controller.HTTPError
	if !errors.As(err, &he) || he.Code != code {
		t.Errorf("got %v, want HTTP %d", err, code)
	}
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for range 500 {
		if f() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

func newRigless() []*accessory.A { return []*accessory.A{newGadget(1, "x").a} }
