package hap

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/brutella/hap/accessory"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

// Each benchmark has controllers of its own in the same process; their work
// is in the figures.

func BenchmarkPairVerify(b *testing.B) {
	r := newRig(b, Config{})
	p := r.implant(true)
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		c, err := p.Connect(ctx)
		if err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
}

func BenchmarkPairSetup(b *testing.B) {
	r := newRig(b, Config{})
	ctx := context.Background()
	for b.Loop() {
		if _, err := controller.Pair(ctx, r.addr, r.s.SetupCode()); err != nil {
			b.Fatal(err)
		}
		if err := r.s.Unpair(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	r := newRig(b, Config{})
	c := r.connect(r.implant(true))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(ctx, r.g.id(r.g.on)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPut(b *testing.B) {
	r := newRig(b, Config{})
	c := r.connect(r.implant(true))
	r.s.OnWrite(r.g.on, func(context.Context, Request, any) (any, Status) { return nil, StatusOK })
	ctx := context.Background()
	v := false
	b.ReportAllocs()
	for b.Loop() {
		v = !v
		if _, err := c.Put(ctx, controller.Write{ID: r.g.id(r.g.on), Value: v}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkAccessories(b *testing.B) {
	r := newRig(b, Config{})
	c := r.connect(r.implant(true))
	ctx := context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Accessories(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkEvent is from Set to a controller's having the event.
func BenchmarkEvent(b *testing.B) {
	r := newRig(b, Config{Limits: Limits{EventGap: 1}})
	c := r.connect(r.implant(true))
	ctx := context.Background()
	if err := c.Subscribe(ctx, r.g.id(r.g.state)); err != nil {
		b.Fatal(err)
	}
	n := 1
	for b.Loop() {
		n = (n + 1) % 4
		if err := r.s.Set(r.g.state, n); err != nil {
			b.Fatal(err)
		}
		if _, err := c.NextEvent(ctx); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTwentyConnections is GETs by 20 connections that have events.
func BenchmarkTwentyConnections(b *testing.B) {
	r := newRig(b, Config{})
	p := r.implant(true)
	ctx := context.Background()
	conns := make(chan *controller.Conn, 20)
	for range cap(conns) {
		c := r.connect(p)
		if err := c.Subscribe(ctx, r.g.id(r.g.state)); err != nil {
			b.Fatal(err)
		}
		conns <- c
	}
	var n int
	var mu sync.Mutex
	b.SetParallelism(10)
	b.RunParallel(func(pb *testing.PB) {
		c := <-conns
		defer func() { conns <- c }()
		for pb.Next() {
			if _, err := c.Get(ctx, r.g.id(r.g.state)); err != nil {
				b.Error(err)
				return
			}
			mu.Lock()
			n++
			set := n%100 == 0
			mu.Unlock()
			if set {
				r.s.Set(r.g.state, n/100%4)
			}
		}
	})
}

// BenchmarkHandleGet is the server's part alone: parse, read, encode.
func BenchmarkHandleGet(b *testing.B) {
	r := newRig(b, Config{})
	db := r.s.db.Load()
	req := []byte("GET /characteristics?id=" + r.g.ref(r.g.on) + "," + r.g.ref(r.g.state) + " HTTP/1.1\r\nHost: x\r\n\r\n")
	k := &controllerKey{ID: "x", Admin: true}
	c := &conn{s: r.s}
	var out []byte
	b.ReportAllocs()
	for b.Loop() {
		var p parser
		if ok, err := p.next(req, 8192, 65536); !ok || err != nil {
			b.Fatal(err)
		}
		q, _ := parseQuery(p.req.query)
		out = out[:0]
		readings := make([]reading, len(q.ids))
		for i, want := range q.ids {
			readings[i] = reading{id: want, a: db.attrs[want]}
		}
		c.fetch(k, readings)
		for i := range readings {
			out = c.appendReading(out, &readings[i], &q, false)
		}
	}
}

// BenchmarkOpenFifty is the start of 50 servers that were open before.
func BenchmarkOpenFifty(b *testing.B) {
	kv := Memory()
	open := func() {
		h := NewHost(Config{Advertiser: Off, Address: "127.0.0.1"})
		for i := range 50 {
			if _, err := h.Open(ServerConfig{Key: fmt.Sprint("k", i), Name: "x", Store: kv, Accessories: []*accessory.A{newGadget(1, "x").a}}); err != nil {
				b.Fatal(err)
			}
		}
		for i := range 50 {
			h.Close(fmt.Sprint("k", i))
		}
	}
	open()
	for b.Loop() {
		open()
	}
}
