package hap

import (
	"context"
	"net"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/brutella/hap/accessory"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

// bubble is a server without sockets, for synctest.
type bubble struct {
	t testing.TB
	s *Server
	g *gadget
	h *Host
	p *controller.Pairing
}

func newBubble(t testing.TB, cfg Config) *bubble {
	t.Helper()
	cfg.Advertiser = Off
	cfg.Address = "127.0.0.1"
	b := &bubble{t: t, g: newGadget(1, "Gadget"), h: NewHost(cfg)}
	s, err := b.h.Open(ServerConfig{Key: "one", Name: "Gadget", Store: Memory(), Accessories: []*accessory.A{b.g.a}})
	if err != nil {
		t.Fatal(err)
	}
	s.ln.Close()
	b.s = s
	id := controller.NewIdentity()
	s.pairings.Store(&pairingSet{id.ID: {ID: id.ID, LTPK: id.LTPK(), Admin: true}})
	b.p = &controller.Pairing{Controller: id, AccessoryID: s.ID(), AccessoryLTPK: s.secret[32:]}
	t.Cleanup(s.stop)
	return b
}

// raw gives an unverified connection.
func (b *bubble) raw() net.Conn {
	near, far := net.Pipe()
	b.s.join(far)
	return near
}

func (b *bubble) connect() *controller.Conn {
	b.t.Helper()
	c := controller.NewConn(b.raw())
	if err := c.Verify(context.Background(), b.p); err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { c.Close() })
	return c
}

func (b *bubble) subscribe(c *controller.Conn, ids ...controller.ID) {
	b.t.Helper()
	if err := c.Subscribe(context.Background(), ids...); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bubble) next(c *controller.Conn) []controller.Result {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	e, err := c.NextEvent(ctx)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func (b *bubble) silent(c *controller.Conn, d time.Duration) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	if e, err := c.NextEvent(ctx); err == nil {
		b.t.Errorf("an event too many: %v", e)
	}
}

func TestFirstEventAtOnceThenCoalesced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		c := b.connect()
		b.subscribe(c, b.g.id(b.g.state), b.g.id(b.g.level))
		start := time.Now()
		for i := range 8 { // eight changes in 0.4 s are two events
			if err := b.s.Set(b.g.state, (i+2)%4); err != nil {
				t.Fatal(err)
			}
			if err := b.s.Set(b.g.level, float64(i)); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if i == 0 {
				if e := b.next(c); len(e) == 0 || time.Since(start) != 0 {
					t.Errorf("first event %v after %v", e, time.Since(start))
				}
			}
			time.Sleep(50 * time.Millisecond)
		}
		e := b.next(c)
		if d := time.Since(start); d != time.Second {
			t.Errorf("second event after %v", d)
		}
		if len(e) != 2 {
			t.Fatalf("second event %v", e)
		}
		for _, x := range e {
			want := map[controller.ID]any{b.g.id(b.g.state): 1.0, b.g.id(b.g.level): 7.0}[x.ID]
			if x.Value != want {
				t.Errorf("%v = %v, want the value at sending, %v", x.ID, x.Value, want)
			}
		}
		b.silent(c, 10*time.Second)
		start = time.Now()
		b.s.Set(b.g.state, 2)
		b.next(c)
		if d := time.Since(start); d != 0 {
			t.Errorf("after a pause the event took %v", d)
		}
	})
}

func TestSwitchEventsDoNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		c := b.connect()
		b.subscribe(c, b.g.id(b.g.press), b.g.id(b.g.state))
		start := time.Now()
		b.s.Set(b.g.state, 0)
		b.next(c)
		b.s.Set(b.g.state, 2)
		for range 3 { // the same value again is another press
			b.s.Set(b.g.press, 0)
			synctest.Wait()
			b.next(c)
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("presses took %v", d)
		}
	})
}

func TestSenderAndUnchangedAreNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		x, y := b.connect(), b.connect()
		on := b.g.id(b.g.on)
		b.subscribe(x, on)
		b.subscribe(y, on)
		if _, err := x.Put(context.Background(), controller.Write{ID: on, Value: true}); err != nil {
			t.Fatal(err)
		}
		if e := b.next(y); len(e) != 1 || e[0].Value != 1.0 {
			t.Errorf("%v", e)
		}
		b.silent(x, 5*time.Second)
		b.s.Set(b.g.on, true)
		b.silent(y, 5*time.Second)
		off := false
		if _, err := y.Put(context.Background(), controller.Write{ID: on, Events: &off}); err != nil {
			t.Fatal(err)
		}
		b.s.Set(b.g.on, false)
		b.next(x)
		b.silent(y, 5*time.Second)
	})
}

func TestNoEventWhileARequestHasHalfArrived(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		c := b.connect()
		on := b.g.id(b.g.on)
		b.subscribe(c, on)
		req := []byte("GET /characteristics?id=" + b.g.ref(b.g.on) + " HTTP/1.1\r\n\r\n")
		if err := c.Send(req[:10]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		b.s.Set(b.g.on, true)
		b.silent(c, 5*time.Second)
		if err := c.Send(req[10:]); err != nil {
			t.Fatal(err)
		}
		b.next(c)
	})
}

func TestNoEventInsideASlowAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		c, other := b.connect(), b.connect()
		on, level := b.g.id(b.g.on), b.g.id(b.g.level)
		b.subscribe(c, level)
		b.s.OnWrite(b.g.on, func(ctx context.Context, _ Request, _ any) (any, Status) {
			time.Sleep(3 * time.Second)
			return nil, StatusOK
		})
		start := time.Now()
		done := make(chan error, 1)
		go func() { _, err := c.Put(context.Background(), controller.Write{ID: on, Value: true}); done <- err }()
		synctest.Wait()
		b.s.Set(b.g.level, 50.0)
		if _, err := other.Get(context.Background(), on); err != nil || time.Since(start) != 0 {
			t.Errorf("another connection waited %v: %v", time.Since(start), err)
		}
		b.silent(c, 2*time.Second)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		b.next(c)
		if d := time.Since(start); d != 3*time.Second {
			t.Errorf("event after %v", d)
		}
	})
}

func TestHandlerThatOverrunsIsAnsweredInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		c := b.connect()
		ctx := context.Background()
		on, level := b.g.id(b.g.on), b.g.id(b.g.level)
		var deadline atomic.Int64
		start := time.Now()
		b.s.OnWrite(b.g.on, func(ctx context.Context, _ Request, _ any) (any, Status) {
			d, _ := ctx.Deadline()
			deadline.Store(int64(d.Sub(start)))
			time.Sleep(30 * time.Second)
			return nil, StatusOK
		})
		rs, err := c.Put(ctx, controller.Write{ID: on, Value: true}, controller.Write{ID: level, Value: 1.0})
		if err != nil || len(rs) != 2 || rs[0].Status != int(StatusTimedOut) || rs[1].Status != 0 {
			t.Errorf("%v, %v", rs, err)
		}
		if d := time.Since(start); d != 9*time.Second || deadline.Load() != int64(d) {
			t.Errorf("answered after %v, deadline %v", d, time.Duration(deadline.Load()))
		}
		if _, err := c.Get(ctx, level); err != nil {
			t.Errorf("the connection goes on: %v", err)
		}
		time.Sleep(time.Minute)
		if b.s.Get(b.g.on) != false {
			t.Error("the late answer had an effect")
		}
	})
}

func TestHandlersThatHangAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		c := b.connect()
		release := make(chan struct{})
		b.s.OnWrite(b.g.on, func(context.Context, Request, any) (any, Status) { <-release; return nil, StatusOK })
		last := 0
		for range maxRunning + 1 {
			rs, err := c.Put(context.Background(), controller.Write{ID: b.g.id(b.g.on), Value: true})
			if err != nil {
				t.Fatal(err)
			}
			last = rs[0].Status
		}
		if last != int(StatusBusy) {
			t.Errorf("status %d", last)
		}
		close(release)
	})
}

func TestSlowSubscriberHarmsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		good := b.connect()
		b.subscribe(good, b.g.id(b.g.level))
		near := &stalling{Conn: b.raw(), resume: make(chan struct{})}
		slow := controller.NewConn(near)
		if err := slow.Verify(context.Background(), b.p); err != nil {
			t.Fatal(err)
		}
		b.subscribe(slow, b.g.id(b.g.level))
		near.stall.Store(true) // one more read, then nothing: a pipe has no buffer
		start := time.Now()
		for i := range 30 {
			if err := b.s.Set(b.g.level, float64(i+21)); err != nil {
				t.Fatal(err)
			}
			if d := time.Since(start); d != time.Duration(i)*time.Second {
				t.Fatalf("Set blocked: %v", d)
			}
			synctest.Wait()
			time.Sleep(time.Second)
		}
		for range 30 {
			b.next(good)
		}
		if n := b.s.Stats().Connections; n != 1 {
			t.Errorf("%d connections: the slow subscriber was not dropped", n)
		}
		close(near.resume)
		slow.Close()
	})
}

// stalling stops reading when told to.
type stalling struct {
	net.Conn
	stall  atomic.Bool
	resume chan struct{}
}

func (s *stalling) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	if s.stall.Load() {
		<-s.resume
	}
	return n, err
}
