package hap

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

// One test for every class of defect that the decision record names and that
// no other test covers.

// Events land inside answers; connections and values race.
func TestEventsNeverLandInsideAnswers(t *testing.T) {
	r := newRig(t, Config{Limits: Limits{EventGap: time.Nanosecond}})
	p := r.implant(true)
	ctx := testContext(t)
	ids := []controller.ID{r.g.id(r.g.level), r.g.id(r.g.state), r.g.id(r.g.on)}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				r.s.Set(r.g.level, float64(i%100))
				r.s.Set(r.g.state, i%4)
			}
		}
	})
	var events atomic.Int64
	var clients sync.WaitGroup
	conns := make([]*controller.Conn, 20)
	for n := range conns {
		conns[n] = r.connect(p)
		c := conns[n]
		clients.Go(func() {
			if err := c.Subscribe(ctx, ids...); err != nil {
				t.Errorf("connection %d: %v", n, err)
				return
			}
			for i := range 60 {
				if rs, err := c.Get(ctx, ids...); err != nil || len(rs) != 3 {
					t.Errorf("connection %d, get %d: %v, %v", n, i, rs, err)
					return
				}
				if _, err := c.Put(ctx, controller.Write{ID: ids[2], Value: i%2 == 0}); err != nil {
					t.Errorf("connection %d, put %d: %v", n, i, err)
					return
				}
			}
			if _, err := c.NextEvent(ctx); err != nil {
				t.Errorf("connection %d: %v", n, err)
			}
			events.Add(1)
		})
	}
	clients.Wait()
	close(stop)
	wg.Wait()
	if events.Load() != int64(len(conns)) {
		t.Errorf("%d of %d connections had events", events.Load(), len(conns))
	}
}

// Maps of connections and subscriptions leak.
func TestConnectionsLeaveNothingBehind(t *testing.T) {
	r := newRig(t, Config{})
	p := r.implant(true)
	ctx := testContext(t)
	for range 20 {
		c, err := p.Connect(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Subscribe(ctx, r.g.id(r.g.on), r.g.id(r.g.level)); err != nil {
			t.Fatal(err)
		}
		c.Close()
		r.dial().Close()
	}
	eventually(t, "all forgotten", func() bool {
		r.h.gateMu.Lock()
		gate := len(r.h.gate)
		r.h.gateMu.Unlock()
		a := r.s.known(r.g.on)
		a.mu.Lock()
		subs := len(a.subs)
		a.mu.Unlock()
		return gate == 0 && subs == 0 && r.s.Stats().Connections == 0
	})
}

// No bounds by default: values of the format's type beyond its range.
func TestFormatsBoundValuesByDefault(t *testing.T) {
	tests := []struct {
		format string
		good   []string
		bad    []string
	}{
		{characteristic.FormatUInt8, []string{"0", "255"}, []string{"-1", "256", "1.5", `"1"`}},
		{characteristic.FormatUInt16, []string{"65535"}, []string{"-1", "65536"}},
		{characteristic.FormatUInt32, []string{"4294967295"}, []string{"-1", "4294967296"}},
		{characteristic.FormatInt32, []string{"-2147483648", "2147483647"}, []string{"-2147483649", "2147483648"}},
		{characteristic.FormatUInt64, []string{"18446744073709551615", "true"}, []string{"-1", "18446744073709551616", "1.5"}},
		{characteristic.FormatFloat, []string{"1e3", "-0.5"}, []string{"1e999", "true", `"1"`}},
		{characteristic.FormatBool, []string{"0", "1", "true", "false"}, []string{"2", `"true"`, "-1", "1.0"}},
		{characteristic.FormatString, []string{`""`, `"a"`}, []string{"1", "true", `"` + fmt.Sprintf("%065d", 0) + `"`}},
		{characteristic.FormatTLV8, []string{`""`, `"AAEC"`}, []string{"1", `"AAE"`}},
	}
	for _, tt := range tests {
		k, err := newConstraints(newC("1", tt.format, nil, "pw"))
		if err != nil {
			t.Fatal(err)
		}
		parse := func(text string) bool {
			s := scanner{b: []byte(text)}
			tok, err := s.value(0)
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			_, ok := k.parse(tok)
			return ok
		}
		for _, v := range tt.good {
			if !parse(v) {
				t.Errorf("%s: %s refused", tt.format, v)
			}
		}
		for _, v := range tt.bad {
			if parse(v) {
				t.Errorf("%s: %s taken", tt.format, v)
			}
		}
	}
}

// c# wraps to 0.
func TestConfigNumberWrapsToOne(t *testing.T) {
	kv := Memory()
	r := newRig(t, Config{}, func(sc *ServerConfig) { sc.Store = kv })
	if n := r.s.config.Load().Number; n != 1 {
		t.Errorf("first c# %d", n)
	}
	if err := r.s.rec.put("config", configRecord{65535, "another database"}); err != nil {
		t.Fatal(err)
	}
	r.stop()
	for range 2 { // the second time nothing changed
		r = newRig(t, Config{}, func(sc *ServerConfig) { sc.Store = kv })
		if n := r.s.config.Load().Number; n != 1 {
			t.Errorf("c# %d after 65535", n)
		}
		r.stop()
	}
}

// Adding a lock needs a new server and drops all connections.
func TestAccessoriesComeAndGoOnLiveConnections(t *testing.T) {
	r := newRig(t, Config{})
	ctx := testContext(t)
	c := r.connect(r.implant(true))
	on := r.g.id(r.g.on)
	if err := c.Subscribe(ctx, on); err != nil {
		t.Fatal(err)
	}
	second := newGadget(2, "Second")
	r.s.OnWrite(second.on, func(context.Context, Request, any) (any, Status) { return nil, StatusOK })
	if err := r.s.Set(second.on, true); err == nil {
		t.Error("Set before the accessory was added")
	}
	if err := r.s.AddAccessory(second.a); err != nil {
		t.Fatal(err)
	}
	if got := r.adv.get("one").TXT[0]; got != "c#=2" {
		t.Errorf("advertised %s", got)
	}
	if err := c.Subscribe(ctx, second.id(second.on)); err != nil {
		t.Fatal(err)
	}
	if err := r.s.Set(second.on, true); err != nil {
		t.Fatal(err)
	}
	if e, err := c.NextEvent(ctx); err != nil || e[0].AID != 2 {
		t.Errorf("%v, %v", e, err)
	}
	if err := r.s.AddAccessory(newGadget(2, "Taken").a); err == nil {
		t.Error("an aid twice")
	}
	if err := r.s.RemoveAccessory(2); err != nil {
		t.Fatal(err)
	}
	if err := r.s.Set(second.on, false); err == nil {
		t.Error("Set after the accessory was removed")
	}
	ask(t, c, 207, "GET", "/characteristics?id="+second.ref(second.on), "")
	if got := r.adv.get("one").TXT[0]; got != "c#=3" {
		t.Errorf("advertised %s", got)
	}
	r.s.Set(r.g.on, true)
	if e, err := c.NextEvent(ctx); err != nil || e[0].ID != on {
		t.Errorf("%v, %v", e, err)
	}
	if err := r.s.RemoveAccessory(1); err == nil {
		t.Error("a server without aid 1")
	}
	if err := r.s.RemoveAccessory(9); err == nil {
		t.Error("removed what is not there")
	}
}

// A request of exactly 1024 octets, or header and body in two frames of one
// segment, hangs.
func TestRequestsInAnySplit(t *testing.T) {
	r := newRig(t, Config{})
	c := r.connect(r.implant(true))
	ctx := testContext(t)
	for _, size := range []int{1023, 1024, 1025, 2048, 3000} {
		body := fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":true}]}`, r.g.on.Id)
		head := "PUT /characteristics HTTP/1.1\r\nContent-Length: " + fmt.Sprint(len(body)) + "\r\nX-Pad: "
		pad := size - len(head) - len(body) - 4
		req := head + fmt.Sprintf("%0*d", pad, 0) + "\r\n\r\n" + body
		if len(req) != size {
			t.Fatalf("made %d", len(req))
		}
		if resp, err := c.Raw(ctx, []byte(req)); err != nil || resp.Code != 204 {
			t.Errorf("%d octets: %+v, %v", size, resp, err)
		}
		at := len(req) - len(body)
		if resp, err := c.Raw(ctx, []byte(req)[:at], []byte(req)[at:]); err != nil || resp.Code != 204 {
			t.Errorf("%d octets in two frames of one segment: %+v, %v", size, resp, err)
		}
	}
	get := []byte("GET /characteristics?id=" + r.g.ref(r.g.on) + " HTTP/1.1\r\n\r\n")
	pieces := make([][]byte, len(get))
	for i := range get {
		pieces[i] = get[i : i+1]
	}
	if resp, err := c.Raw(ctx, pieces...); err != nil || resp.Code != 200 {
		t.Errorf("a frame an octet: %+v, %v", resp, err)
	}
}

func TestPipelinedRequests(t *testing.T) {
	r := newRig(t, Config{})
	c := r.connect(r.implant(true))
	get := "GET /characteristics?id=" + r.g.ref(r.g.on) + " HTTP/1.1\r\n\r\n"
	if err := c.Pipeline(testContext(t), 50, []byte(get)); err != nil {
		t.Error(err)
	}
}

func TestManyServersInOneProcess(t *testing.T) {
	adv := &fakeAdvertiser{}
	h := NewHost(Config{Advertiser: adv, Address: "127.0.0.1"})
	kv := Memory()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.Run(ctx) }()
	ids := make(map[string]bool)
	for i := range 50 {
		s, err := h.Open(ServerConfig{Key: fmt.Sprintf("lock%d", i), Name: fmt.Sprintf("Gadget %d", i), Store: kv,
			Accessories: []*accessory.A{newGadget(1, "x").a}})
		if err != nil {
			t.Fatal(err)
		}
		ids[s.ID()] = true
	}
	if len(ids) != 50 {
		t.Errorf("%d identities", len(ids))
	}
	eventually(t, "50 advertised", func() bool { return h.Stats().Advertised == 50 })
	if err := h.Close("lock7"); err != nil {
		t.Error(err)
	}
	if st := h.Stats(); st.Servers != 49 || st.Advertised != 49 {
		t.Errorf("%+v", st)
	}
	if _, err := h.Open(ServerConfig{Key: "lock8", Name: "x", Store: kv, Accessories: newRigless()}); err == nil {
		t.Error("the same key twice")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if adv.Seen("lock1") {
		t.Error("not withdrawn")
	}
	if _, err := h.Open(ServerConfig{Key: "late", Name: "x", Store: kv, Accessories: newRigless()}); err == nil {
		t.Error("opened after the end")
	}
}
