package hap

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

// No bounds: an unauthenticated body of 600 MB.
func TestHugeBodyIsRefusedUnread(t *testing.T) {
	r := newRig(t, Config{})
	r.implant(true)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, target := range []string{"/pair-setup", "/pair-verify", "/pairings"} {
		nc, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nContent-Length: 629145600\r\n\r\n", target)
		go io.CopyN(nc, zeros{}, 600<<20)
		line, err := bufio.NewReader(nc).ReadString('\n')
		if !strings.Contains(line, "413") {
			t.Errorf("%s: %q, %v", target, line, err)
		}
	}
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
		t.Errorf("%d octets allocated", grown)
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

func TestBadHTTPIsRefused(t *testing.T) {
	r := newRig(t, Config{})
	for _, req := range []string{
		"GET\r\n\r\n", "GET / HTTP/2\r\n\r\n", "GET / HTTP/1.1\nHost: x\n\n\r\n\r\n", "get / HTTP/1.1\r\n\r\n",
		"GET x HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nA : b\r\n\r\n", "GET / HTTP/1.1\r\n folded\r\n\r\n",
		"POST /pair-setup HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "POST /pair-setup HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"POST /pair-setup HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "POST /pair-setup HTTP/1.1\r\nContent-Length: \r\n\r\n",
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "GET / HTTP/1.1\r\nX: \x00\r\n\r\n",
	} {
		if got := rawAnswer(t, r.addr, req); !strings.HasPrefix(got, "HTTP/1.1 400 ") {
			t.Errorf("%q: %q", req, got)
		}
	}
	if got := rawAnswer(t, r.addr, "GET /"+strings.Repeat("x", 9000)+" HTTP/1.1\r\n\r\n"); !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("long header: %q", got)
	}
}

func rawAnswer(t *testing.T, addr, req string) string {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	nc.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(nc, req)
	b, err := io.ReadAll(nc)
	if err != nil && len(b) == 0 {
		t.Errorf("%.40q: %v", req, err)
	}
	return string(b)
}

// 64 idle connections shut a paired controller out.
func TestIdleConnectionsShutNobodyOut(t *testing.T) {
	r := newRig(t, Config{})
	p := r.implant(true)
	for range 200 {
		nc, err := net.Dial("tcp", r.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
	}
	c := r.connect(p)
	if _, err := c.Get(testContext(t), r.g.id(r.g.on)); err != nil {
		t.Error(err)
	}
	eventually(t, "the idle ones are few", func() bool { return r.s.Stats().Connections <= 97 })
}

func TestFloodOfConnectionsLeavesThePairedPhoneServed(t *testing.T) {
	r := newRig(t, Config{})
	p := r.implant(true)
	session := r.connect(p)
	ctx := testContext(t)
	total := 3000
	if testing.Short() {
		total = 300
	}
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for w := range 4 {
		wg.Go(func() {
			for i := 0; i < total/4; i++ {
				select {
				case <-stop:
					return
				default:
				}
				nc, err := net.Dial("tcp", r.addr)
				if err != nil {
					continue
				}
				if (i+w)%2 == 0 {
					io.WriteString(nc, "POST /pair-setup HTTP/1.1\r\nContent-Le")
				}
				defer nc.Close()
			}
		})
	}
	served := 0
	for range 20 {
		if _, err := session.Get(ctx, r.g.id(r.g.on)); err != nil {
			t.Fatalf("the paired phone's session: %v", err)
		}
		if c, err := p.Connect(ctx); err == nil {
			served++
			c.Close()
		} else {
			t.Logf("connect: %v", err)
		}
	}
	wg.Wait()
	if served < 15 {
		t.Errorf("only %d of 20 new sessions in the flood", served)
	}
	c := r.connect(p)
	if _, err := c.Get(ctx, r.g.id(r.g.on)); err != nil {
		t.Error(err)
	}
}

func TestSessionsAreBoundedFairly(t *testing.T) {
	r := newRig(t, Config{Limits: Limits{Sessions: 4}})
	ctx := testContext(t)
	p, q := r.implant(true), r.implant(true)
	quiet := r.connect(p)
	var greedy []*controller.Conn
	for range 8 {
		greedy = append(greedy, r.connect(q))
	}
	if _, err := quiet.Get(ctx, r.g.id(r.g.on)); err != nil {
		t.Errorf("the modest controller was shut out: %v", err)
	}
	<-greedy[0].Done()
	if _, err := greedy[7].Get(ctx, r.g.id(r.g.on)); err != nil {
		t.Errorf("the newest session: %v", err)
	}
	eventually(t, "4 sessions", func() bool { return r.s.Stats().Sessions == 4 })
}

// No time-outs: half a request is held for ever.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		ended := func(nc net.Conn) time.Duration {
			start := time.Now()
			io.Copy(io.Discard, nc)
			return time.Since(start)
		}
		half := b.raw()
		io.WriteString(half, "POST /pair-setup HT")
		if d := ended(half); d != 10*time.Second {
			t.Errorf("half a request was held %v", d)
		}
		drip := b.raw()
		go func() {
			for _, c := range []byte("POST /pair-setup HTTP/1.1\r\nContent-Length: 1000\r\n\r\n") {
				if _, err := drip.Write([]byte{c}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		}()
		if d := ended(drip); d != 10*time.Second {
			t.Errorf("a request in drops was held %v", d)
		}
		if d := ended(b.raw()); d != time.Minute {
			t.Errorf("a silent connection was held %v", d)
		}
		c := b.connect()
		time.Sleep(24 * time.Hour)
		if _, err := c.Get(context.Background(), b.g.id(b.g.on)); err != nil {
			t.Errorf("a silent session after a day: %v", err)
		}
		if err := c.Send([]byte("GET /acc")); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		<-c.Done()
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("half a request on a session was held %v", d)
		}
	})
}

func TestForgedFramesEndTheSession(t *testing.T) {
	r := newRig(t, Config{})
	p := r.implant(true)
	for _, junk := range [][]byte{{1, 4, 0}, append([]byte{5, 0}, make([]byte, 21)...), []byte("GET /accessories HTTP/1.1\r\n\r\n")} {
		c := r.connect(p)
		if err := c.SendClear(junk); err != nil {
			t.Fatal(err)
		}
		<-c.Done()
	}
}

// from is a connection that comes from an address.
type from struct {
	net.Conn
	ip net.IP
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: f.ip, Port: 40000} }

// A flood from many addresses: whoever has none of the places is let in at once, as long as there are idle ones to give up theirs. Waiting for each newcomer's
// grace let a phone wait behind thousands.
func TestManyAddressesHoldNobodyUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, Config{})
		join := func(ip net.IP) {
			near, far := net.Pipe()
			go io.Copy(io.Discard, near)
			b.s.join(from{far, ip})
		}
		for i := range 200 {
			join(net.IPv4(10, 0, 1, byte(i)))
			time.Sleep(time.Millisecond)
		}
		start := time.Now()
		for i := range 100 {
			join(net.IPv4(10, 0, 0, 1))
			join(net.IPv4(10, 0, 2, byte(i)))
		}
		phone := b.connect()
		if d := time.Since(start); d > 200*time.Millisecond {
			t.Errorf("200 others and a phone were let in after %v", d)
		}
		if _, err := phone.Get(context.Background(), b.g.id(b.g.on)); err != nil {
			t.Error(err)
		}
		synctest.Wait() // until those that were hung up on are gone
		if n := b.s.Stats().Connections; n > 129 {
			t.Errorf("%d connections", n)
		}
	})
}
