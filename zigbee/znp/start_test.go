package znp

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// wakeOn runs the waking of a dongle whose far end is served by far, and returns the error.
func wakeOn(t *testing.T, modem func(net.Conn) Port, far func(net.Conn)) (err error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		near, end := net.Pipe()
		var wg sync.WaitGroup
		wg.Go(func() { far(end) })
		port := Port(near)
		if modem != nil {
			port = modem(near)
		}
		c := New(Config{Port: "emulated"})
		l := newLink(port, &c.stats, func(mt.Frame) {})
		s := newSession(c, l)
		wg.Go(func() { s.end(l.run()) })
		err = s.wake(t.Context())
		l.close(context.Canceled)
		_ = end.Close()
		wg.Wait()
	})
	return err
}

// hear calls f with what was read, in pieces as they come, until the line closes.
func hear(c net.Conn, f func([]byte)) {
	buf := make([]byte, 512)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		f(buf[:n])
	}
}

func pong() []byte {
	b, _ := mt.Append(nil, &mt.PingRsp{Capabilities: 0x0659})
	return b
}

var pingFrame = []byte{0xFE, 0x00, 0x21, 0x01, 0x20}

// lines is a port with modem lines.
type lines struct {
	net.Conn
	set func(dtr, rts bool)
}

func (l lines) SetModemLines(dtr, rts bool) error { l.set(dtr, rts); return nil }

func TestWake(t *testing.T) {
	t.Run("answers", func(t *testing.T) {
		err := wakeOn(t, nil, func(c net.Conn) { hear(c, func([]byte) { _, _ = c.Write(pong()) }) })
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("in its bootloader", func(t *testing.T) {
		err := wakeOn(t, nil, func(c net.Conn) {
			app := false
			hear(c, func(b []byte) {
				app = app || len(b) == 1 && b[0] == skipBootloader
				if app && string(b) == string(pingFrame) {
					_, _ = c.Write(pong())
				}
			})
		})
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("held by its modem lines", func(t *testing.T) {
		var mu sync.Mutex
		var seen []string
		err := wakeOn(t, func(c net.Conn) Port {
			return lines{c, func(dtr, rts bool) {
				mu.Lock()
				defer mu.Unlock()
				seen = append(seen, map[bool]string{false: "0", true: "1"}[rts])
				if dtr {
					t.Error("DTR set")
				}
			}}
		}, func(c net.Conn) {
			hear(c, func(b []byte) {
				mu.Lock()
				awake := len(seen) == 3
				mu.Unlock()
				if awake && string(b) == string(pingFrame) {
					_, _ = c.Write(pong())
				}
			})
		})
		if err != nil || strings.Join(seen, "") != "010" {
			t.Errorf("%v, RTS %v", err, seen)
		}
	})
	for _, tc := range []struct {
		name  string
		far   func(c net.Conn, b []byte)
		says  string
		fatal bool
	}{
		{"silent", func(net.Conn, []byte) {}, "Nothing at emulated answers", false},
		{"echoes", func(c net.Conn, b []byte) { _, _ = c.Write(b) }, "Nothing at emulated answers", false},
		{"noise", func(c net.Conn, b []byte) { // among which the start of an Ember's answer
			_, _ = c.Write(append([]byte{0x1A, 0xC1, 0x02}, make([]byte, 600)...))
		}, "Nothing at emulated answers", false},
		{"a chatty Ember", func(c net.Conn, b []byte) {
			if b[0] == 0x1A {
				_, _ = c.Write([]byte{0xC1, 0x02, 0x0B, 0x0A, 0x52, 0x7E})
				return
			}
			_, _ = c.Write(make([]byte, 2000))
		}, "Silicon Labs", true},
		{"Ember", func(c net.Conn, b []byte) {
			if strings.HasPrefix(string(b), "\x1a\xc0\x38\xbc\x7e") {
				_, _ = c.Write([]byte{0x1A, 0xC1, 0x02, 0x0B, 0x0A, 0x52, 0x7E})
			}
		}, "Silicon Labs", true},
		{"ConBee", func(c net.Conn, b []byte) {
			if b[0] == 0xC0 {
				_, _ = c.Write([]byte{0xC0, 0x0D, 0x01, 0x00, 0x09, 0x00, 0x00, 0x07, 0x80, 0x26, 0x3C, 0xFF, 0xC0})
			}
		}, "ConBee", true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := wakeOn(t, nil, func(c net.Conn) { hear(c, func(b []byte) { tc.far(c, b) }) })
			var f *Fault
			if !errors.As(err, &f) || f.Fatal != tc.fatal || !strings.Contains(f.Sentence, tc.says) {
				t.Errorf("%v", err)
			}
		})
	}
}

// TestSilentRetries: a port on which nothing answers is tried again, less and less often, and does not end Run.
func TestSilentRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var wg sync.WaitGroup
		var mu sync.Mutex
		dials := 0
		c := New(Config{Port: "emulated", Dial: func(context.Context) (Port, error) {
			near, far := net.Pipe()
			wg.Go(func() { hear(far, func([]byte) {}) })
			mu.Lock()
			dials++
			mu.Unlock()
			return near, nil
		}})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := c.Run(ctx, &deaf{}); err != nil {
			t.Error(err)
		}
		wg.Wait()
		if dials < 30 || dials > 60 {
			t.Errorf("%d attempts in 10 minutes", dials)
		}
		if d := c.Dongle(); d.Up || !strings.Contains(d.Fault, "answers") {
			t.Errorf("%+v", d)
		}
	})
}

// TestSettle: what some firmware does not have, or does not answer, does not keep a dongle from working.
func TestSettle(t *testing.T) {
	powers := 0
	atWork(t, func(d *fakeDongle, f mt.Frame) {
		switch f.Command {
		case mt.ZDOActiveEPReq:
			d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
			d.send(&mt.EndpointsRsp{Cmd: mt.ZDOActiveEPRsp})
		case mt.AFRegister:
			d.send(&mt.StatusRsp{Cmd: f.Command.Reply(), Status: statusDuplicate})
		case mt.SysStackTune, mt.AppCnfSetJoinUsesInstall:
			d.send(&mt.RPCErrorRsp{Code: mt.RPCBadCommand, Request: f.Command})
		case mt.SysSetTxPower:
			powers++
			d.send(&mt.SetTxPowerRsp{Level: 9})
		case mt.UtilLEDControl:
		case mt.SysPing:
			d.send(&mt.PingRsp{})
		default:
			d.send(&mt.StatusRsp{Cmd: f.Command.Reply()})
		}
	}, func(t *testing.T, s *session, d *fakeDongle) {
		s.c.cfg.TxPower = 9
		err := s.settle(t.Context())
		// The memory of this dongle cannot be read, which comes after all that matters here.
		if err == nil || d.count(mt.ZDOMgmtPermitJoinReq) != 1 || powers != 1 {
			t.Errorf("%v, %d times closed, %d times tuned", err, d.count(mt.ZDOMgmtPermitJoinReq), powers)
		}
		if n := s.c.Stats().Errors.Timeout; n != 0 {
			t.Errorf("%d time-outs counted for a light that never answers", n)
		}
	})
}
