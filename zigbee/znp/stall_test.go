package znp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// TestStalledLine: a line that takes nothing for a while gets no frame whose last moment has passed meanwhile, whether it waits behind another one or is
// itself being written; nor one whose sender's time is over. The far end then reads everything that there is.
func TestStalledLine(t *testing.T) {
	for _, tc := range []struct {
		name     string
		behind   bool          // another frame is being written
		takes    int64         // bytes that the line takes before it stalls
		stall    time.Duration // from then on
		notAfter time.Duration
		within   time.Duration // the sender's time
		want     error
		alive    bool // the link goes on
	}{
		{"behind another frame", true, 0, 1500 * time.Millisecond, time.Second, 10 * time.Second, zigbee.ErrBusy, true},
		{"itself", false, 0, 1500 * time.Millisecond, time.Second, 10 * time.Second, zigbee.ErrBusy, true},
		{"itself, half written", false, 5, 1500 * time.Millisecond, time.Second, 10 * time.Second, zigbee.ErrDown, false},
		{"itself, its sender gone", false, 0, 1500 * time.Millisecond, 0, time.Second, context.DeadlineExceeded, true},
		{"behind another frame, its sender gone", true, 0, 1500 * time.Millisecond, 0, time.Second, context.DeadlineExceeded, true},
		{"for longer than any frame waits", false, 0, time.Minute, 5 * time.Second, 10 * time.Second, zigbee.ErrDown, false},
		{"only for a moment", true, 0, 500 * time.Millisecond, time.Second, 10 * time.Second, nil, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				c := New(Config{})
				var s *session
				l := newLink(near, &c.stats, func(f mt.Frame) { s.indication(f) })
				s = newSession(c, l)
				s.slots = make(chan struct{}, 1)
				s.slots <- struct{}{}
				c.up(s, zigbee.Dongle{Up: true})
				c.nodes.set(lockID, 0x3F1A)
				var wg sync.WaitGroup
				wg.Go(func() { s.end(l.run()) })

				payload := []byte("unlock")
				var read bytes.Buffer
				wg.Go(func() {
					_, _ = io.CopyN(&read, far, tc.takes)
					time.Sleep(tc.stall)
					var p mt.Parser
					buf := make([]byte, 512)
					for {
						n, err := far.Read(buf)
						read.Write(buf[:n])
						p.Feed(time.Time{}, buf[:n], func(f mt.Frame) {
							var rsp mt.Message = &mt.StatusRsp{Cmd: f.Command.Reply()}
							var m mt.DataRequest
							if f.Command == mt.SysPing {
								rsp = &mt.PingRsp{}
							}
							b, _ := mt.Append(nil, rsp)
							if f.Command == mt.AFDataRequest && m.ParsePayload(f.Payload) == nil {
								b, _ = mt.Append(b, &mt.DataConfirm{Endpoint: 1, Transaction: m.Transaction})
							}
							_, _ = far.Write(b)
						})
						if err != nil {
							return
						}
					}
				})
				if tc.behind {
					wg.Go(func() { _ = l.call(t.Context(), ping, nil) })
					synctest.Wait()
				}
				ctx, cancel := context.WithTimeout(t.Context(), tc.within)
				defer cancel()
				f := zigbee.Frame{Device: lockID, DstEndpoint: 1, Cluster: 0x0101, Payload: payload}
				if tc.notAfter > 0 {
					f.NotAfter = time.Now().Add(tc.notAfter)
				}
				at := time.Now()
				err := c.Send(ctx, f)
				if !errors.Is(err, tc.want) || tc.want == nil && err != nil {
					t.Errorf("%v, want %v", err, tc.want)
				}
				if took := time.Since(at); took > max(tc.notAfter, writeTimeout) {
					t.Errorf("told after %v", took)
				}
				time.Sleep(10 * time.Second)
				if alive := l.cause() == nil; alive != tc.alive {
					t.Errorf("the link goes on: %v, %v", alive, l.cause())
				}
				if tc.alive {
					if err := l.call(t.Context(), ping, &mt.PingRsp{}); err != nil {
						t.Errorf("afterwards: %v", err)
					}
				}
				time.Sleep(time.Minute)
				l.close(context.Canceled)
				_ = far.Close()
				wg.Wait()
				if got := bytes.Contains(read.Bytes(), payload); got != (tc.want == nil) {
					t.Errorf("the frame was written: %v", got)
				}
			})
		})
	}
}

// TestStalledNetwork: what a kernel has taken for a dongle behind TCP, and not carried, does not arrive after its last moment, however late the network
// comes back.
func TestStalledNetwork(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	port, err := Open(t.Context(), "tcp://"+ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer port.Close()
	far, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer far.Close()
	// A network that carries nothing: the far end's window is full.
	_ = far.(*net.TCPConn).SetReadBuffer(1)
	_ = port.(tcpPort).SetWriteBuffer(1 << 20)
	for full := false; !full; {
		_ = port.SetWriteDeadline(time.Now().Add(time.Second))
		if _, err := port.Write(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		before := port.(tcpPort).Unsent()
		time.Sleep(10 * time.Millisecond)
		full = before > 4096 && port.(tcpPort).Unsent() == before
	}
	c := New(Config{})
	var s *session
	l := newLink(port, &c.stats, func(f mt.Frame) { s.indication(f) })
	s = newSession(c, l)
	s.slots = make(chan struct{}, 1)
	s.slots <- struct{}{}
	c.up(s, zigbee.Dongle{Up: true})
	c.nodes.set(lockID, 0x3F1A)
	var wg sync.WaitGroup
	defer func() {
		l.close(context.Canceled)
		wg.Wait()
	}()
	wg.Go(func() { s.end(l.run()) })
	payload := []byte("unlock")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	err = c.Send(ctx, zigbee.Frame{Device: lockID, DstEndpoint: 1, Cluster: 0x0101, Payload: payload, NotAfter: time.Now().Add(100 * time.Millisecond)})
	if !errors.Is(err, zigbee.ErrDown) {
		t.Errorf("%v, want %v", err, zigbee.ErrDown)
	}
	_ = far.SetReadDeadline(time.Now().Add(5 * time.Second))
	got, err := io.ReadAll(far)
	if bytes.Contains(got, payload) || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes arrived, the frame among them: %v; %v", len(got), bytes.Contains(got, payload), err)
	}
}
