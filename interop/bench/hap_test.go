package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

// HomeKit characteristic types (HAP R2 chapter 9).
const (
	typeCurrent = "1D"
	typeTarget  = "1E"
)

var peers = []string{"latchkey", "brutella", "hap-nodejs"}

// BenchmarkHAP drives every server with the same controller over loopback: pair-verify, GET, PUT, and 20 connections that read while the lock moves every
// 5 ms under their subscriptions. "errors" counts answers that could not be understood: a broken frame, a body that is not JSON, a connection lost.
func BenchmarkHAP(b *testing.B) {
	for _, row := range []struct {
		name string
		run  func(*testing.B, *rig)
	}{
		{"PairVerify", benchVerify}, {"GET", benchGet}, {"PUT", benchPut}, {"Events20", benchEvents},
	} {
		b.Run(row.name, func(b *testing.B) {
			for _, name := range peers {
				b.Run(name, func(b *testing.B) { row.run(b, newRig(b, name)) })
			}
		})
	}
}

// rig is a paired peer.
type rig struct {
	pairing         *controller.Pairing
	current, target controller.ID
}

var rigs sync.Map // by peer; a peer serves all rows

func newRig(b *testing.B, name string) *rig {
	b.Helper()
	if r, ok := rigs.Load(name); ok {
		return r.(*rig)
	}
	p := startPeer(b, name)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pairing, err := controller.Pair(ctx, p.addr, p.code)
	if err != nil {
		b.Fatalf("%s: pair: %v", name, err)
	}
	r := &rig{pairing: pairing}
	c, err := pairing.Connect(ctx)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	body, err := c.Accessories(ctx)
	if err != nil {
		b.Fatal(err)
	}
	var db struct {
		Accessories []struct {
			AID      uint64 `json:"aid"`
			Services []struct {
				Characteristics []struct {
					IID  uint64 `json:"iid"`
					Type string `json:"type"`
				} `json:"characteristics"`
			} `json:"services"`
		} `json:"accessories"`
	}
	if err := json.Unmarshal(body, &db); err != nil {
		b.Fatal(err)
	}
	for _, a := range db.Accessories {
		for _, s := range a.Services {
			for _, ch := range s.Characteristics {
				switch ch.Type {
				case typeCurrent, longType(typeCurrent):
					r.current = controller.ID{AID: a.AID, IID: ch.IID}
				case typeTarget, longType(typeTarget):
					r.target = controller.ID{AID: a.AID, IID: ch.IID}
				}
			}
		}
	}
	if r.target.IID == 0 {
		b.Fatalf("%s: no lock in %s", name, body)
	}
	rigs.Store(name, r)
	return r
}

func longType(short string) string {
	return fmt.Sprintf("%08s-0000-1000-8000-0026BB765291", short)
}

func (r *rig) connect(b *testing.B) *controller.Conn {
	b.Helper()
	// A peer may fail a verification now and then; that is counted where verification is measured. One that serves no more gives a closed
	// connection, on which every request fails and is counted.
	for range 3 {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		c, err := r.pairing.Connect(ctx)
		cancel()
		if err == nil {
			return c
		}
	}
	b.Log("no connection could be had")
	return controller.NewConn(closedConn{})
}

// spread reports the median and the 99th percentile in milliseconds, and how many requests failed.
func spread(b *testing.B, took []time.Duration, errors int64) {
	b.Helper()
	if len(took) == 0 {
		b.ReportMetric(float64(errors), "errors")
		return
	}
	slices.Sort(took)
	ms := func(q float64) float64 { return took[int(q*float64(len(took)-1))].Seconds() * 1e3 }
	b.ReportMetric(ms(0.5), "p50-ms")
	b.ReportMetric(ms(0.99), "p99-ms")
	b.ReportMetric(float64(errors), "errors")
	b.ReportMetric(0, "ns/op")
}

// each times b.N calls of f; a failed call is counted, and mend gives a fresh connection.
func each(b *testing.B, f func(context.Context) error, mend func()) {
	ctx := context.Background()
	took := make([]time.Duration, 0, b.N)
	var errors int64
	b.ResetTimer()
	for range b.N {
		cctx, cancel := context.WithTimeout(ctx, 5*time.Second)
		start := time.Now()
		err := f(cctx)
		d := time.Since(start)
		cancel()
		if err != nil {
			errors++
			if mend != nil {
				b.StopTimer()
				mend()
				b.StartTimer()
			}
			continue
		}
		took = append(took, d)
	}
	b.StopTimer()
	spread(b, took, errors)
}

func benchVerify(b *testing.B, r *rig) {
	each(b, func(ctx context.Context) error {
		c, err := r.pairing.Connect(ctx)
		if err != nil {
			return err
		}
		return c.Close()
	}, nil)
}

func benchGet(b *testing.B, r *rig) {
	c := r.connect(b)
	defer func() { c.Close() }()
	each(b, func(ctx context.Context) error {
		got, err := c.Get(ctx, r.current, r.target)
		if err == nil && (len(got) != 2 || got[0].Status != 0) {
			err = fmt.Errorf("answer %v", got)
		}
		return err
	}, func() { c.Close(); c = r.connect(b) })
}

func benchPut(b *testing.B, r *rig) {
	c := r.connect(b)
	defer func() { c.Close() }()
	n := 0
	each(b, func(ctx context.Context) error {
		n++
		bad, err := c.Put(ctx, controller.Write{ID: r.target, Value: n % 2})
		if err == nil && len(bad) > 0 && bad[0].Status != 0 {
			err = fmt.Errorf("status %d", bad[0].Status)
		}
		return err
	}, func() { c.Close(); c = r.connect(b) })
}

// eventsBound is the longest that one row of benchEvents may take.
const eventsBound = 30 * time.Second

// benchEvents has 20 subscribed connections read as fast as they can while another moves the lock every 5 ms; an operation is one read on one of them.
func benchEvents(b *testing.B, r *rig) {
	const readers = 20
	// A server that stands still ends its own row after the bound; what it had not answered by then counts as failed.
	ctx, cancel := context.WithTimeout(context.Background(), eventsBound)
	defer cancel()
	var left, failed, events atomic.Int64
	left.Store(int64(b.N))
	took := make([][]time.Duration, readers)
	var wg, listening sync.WaitGroup
	conns := make([]*controller.Conn, readers)
	subscribe := func(i int) {
		conns[i] = r.connect(b)
		sctx, done := context.WithTimeout(ctx, time.Second)
		defer done()
		if err := conns[i].Subscribe(sctx, r.current); err != nil {
			failed.Add(1)
		}
		c := conns[i]
		listening.Go(func() {
			for {
				if _, err := c.NextEvent(ctx); err != nil {
					return
				}
				events.Add(1)
			}
		})
	}
	for i := range readers {
		subscribe(i)
	}
	mover := r.connect(b)
	stop := make(chan struct{})
	moving := make(chan struct{})
	go func() {
		defer close(moving)
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-tick.C:
				cctx, done := context.WithTimeout(ctx, time.Second)
				if _, err := mover.Put(cctx, controller.Write{ID: r.target, Value: n % 2}); err != nil && ctx.Err() == nil {
					failed.Add(1)
					mover.Close()
					mover = r.connect(b)
				}
				done()
			}
		}
	}()
	b.ResetTimer()
	begin := time.Now()
	for i := range readers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if ctx.Err() != nil {
					failed.Add(1)
					continue
				}
				cctx, done := context.WithTimeout(ctx, time.Second)
				start := time.Now()
				got, err := conns[i].Get(cctx, r.current)
				done()
				if err != nil || len(got) != 1 {
					failed.Add(1)
					conns[i].Close()
					if ctx.Err() == nil {
						subscribe(i)
					}
					continue
				}
				took[i] = append(took[i], time.Since(start))
			}
		})
	}
	wg.Wait()
	spent := time.Since(begin)
	b.StopTimer()
	close(stop)
	<-moving
	mover.Close()
	for _, c := range conns {
		c.Close()
	}
	cancel()
	listening.Wait()
	spread(b, slices.Concat(took...), failed.Load())
	b.ReportMetric(float64(b.N-int(failed.Load()))/spent.Seconds(), "GET/s")
	b.ReportMetric(float64(events.Load())/spent.Seconds(), "events/s")
}

// closedConn stands for a connection that could not be had: every use of it fails.
type closedConn struct{ net.Conn }

func (closedConn) Read([]byte) (int, error)         { return 0, net.ErrClosed }
func (closedConn) Write([]byte) (int, error)        { return 0, net.ErrClosed }
func (closedConn) Close() error                     { return nil }
func (closedConn) SetDeadline(time.Time) error      { return nil }
func (closedConn) SetReadDeadline(time.Time) error  { return nil }
func (closedConn) SetWriteDeadline(time.Time) error { return nil }
