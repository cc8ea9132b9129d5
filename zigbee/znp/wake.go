package znp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Times of waking.
const (
	firstPing = 250 * time.Millisecond
	laterPing = time.Second
	bootWait  = time.Second
	lineWait  = 150 * time.Millisecond
	probeWait = 500 * time.Millisecond
)

// skipBootloader tells the serial bootloader of these processors to start the application.
const skipBootloader = 0xEF

// errUnanswered marks a line that closed before anything on it answered as a dongle.
var errUnanswered = errors.New("closed without an answer")

// overheard is the start of what came over the line while nothing answered.
type overheard struct {
	mu  sync.Mutex
	b   []byte
	web bool // a web server's answer was in it
}

func (o *overheard) add(b []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b = append(o.b, b[:min(len(b), 1024-len(o.b))]...)
	o.web = o.web || bytes.Contains(o.b, []byte("HTTP/1."))
}

func (o *overheard) isWeb() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.web
}

// forget makes room for what comes now.
func (o *overheard) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.b = o.b[:0]
}

// answers says whether what came since is that stranger's answer.
func (o *overheard) answers(p stranger) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if bytes.Contains(o.b, p.probe) { // a line that echoes is no device
		return false
	}
	_, rest, found := bytes.Cut(o.b, p.answer)
	return found && bytes.IndexByte(rest[:min(len(rest), p.within)], p.end) >= 0
}

// wake makes sure that a network processor answers. It may sit in its bootloader; and what sits there may be something else altogether.
func (s *session) wake(ctx context.Context) error {
	var heard overheard
	tap := heard.add
	s.link.tap.Store(&tap)
	defer s.link.tap.Store(nil)
	err := s.rouse(ctx, &heard)
	cause := s.link.cause()
	if err == nil || ctx.Err() != nil || fatal(err) {
		return err
	}
	port := s.c.cfg.Port
	switch {
	case heard.isWeb():
		return &Fault{Err: errors.Join(errUnanswered, err), Sentence: fmt.Sprintf("What answers at %s is a web server, not a Zigbee dongle. Set the dongle's port to where its serial line is served; on network dongles that is often port 6638.", port)}
	case cause != nil && strings.HasPrefix(port, "tcp://"):
		return &Fault{Err: errors.Join(errUnanswered, cause), Sentence: fmt.Sprintf("What is at %s hangs up before a Zigbee dongle has answered. Check that the dongle is plugged in there, that no other program holds its line, and that address and port number are right.", port)}
	}
	return err
}

// rouse makes a network processor answer, and says what else is there.
func (s *session) rouse(ctx context.Context, heard *overheard) error {
	if s.ping(ctx, firstPing) {
		return nil
	}
	if err := s.link.raw(ctx, []byte{skipBootloader}); err != nil {
		return err
	}
	if err := s.pause(ctx, bootWait); err != nil {
		return err
	}
	if s.ping(ctx, firstPing) {
		return nil
	}
	if m, ok := s.link.port.(modemLines); ok {
		for _, rts := range []bool{false, true, false} {
			if err := m.SetModemLines(false, rts); err != nil {
				return fmt.Errorf("znp: setting the modem lines: %w", err)
			}
			if err := s.pause(ctx, lineWait); err != nil {
				return err
			}
		}
	}
	for range 3 {
		if s.ping(ctx, laterPing) {
			return nil
		}
	}
	if err := s.cause(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, p := range strangers {
		heard.forget()
		if err := s.link.raw(ctx, p.probe); err != nil {
			return err
		}
		if err := s.pause(ctx, probeWait); err != nil {
			return err
		}
		if heard.answers(p) {
			return &Fault{Fatal: true, Sentence: fmt.Sprintf("The device at %s is %s, which cannot be driven. Use a dongle with a CC2652 or CC1352 and Z-Stack 3.x.0 firmware.", s.c.cfg.Port, p.name)}
		}
	}
	if strings.HasPrefix(s.c.cfg.Port, "tcp://") { // the end of a line has a web server answer, which wake hears
		if err := s.link.raw(ctx, []byte("\r\n\r\n")); err != nil {
			return err
		}
		if err := s.pause(ctx, probeWait); err != nil {
			return err
		}
	}
	return &Fault{Err: errNoReply, Sentence: fmt.Sprintf("Nothing at %s answers as a Zigbee dongle with Z-Stack firmware. Check that this is the dongle's port, unplug it and plug it in again; if that does not help, flash it with Z-Stack 3.x.0 coordinator firmware.", s.c.cfg.Port)}
}

// stranger is a coordinator of another maker, with a harmless request in its own protocol, the start of the answer, and the byte that ends it, so soon
// afterwards: noise does not look like that.
type stranger struct {
	name          string
	probe, answer []byte
	end           byte
	within        int
}

var strangers = []stranger{
	// ASH reset frame; the answer is a RSTACK frame of version 2, with a code and a check sequence (Silicon Labs UG101).
	{"a Silicon Labs (Ember, EZSP) coordinator", []byte{0x1A, 0xC0, 0x38, 0xBC, 0x7E}, []byte{0xC1, 0x02}, 0x7E, 6},
	// The request for the firmware's version in a SLIP frame (dresden elektronik, deCONZ serial protocol).
	{"a dresden elektronik ConBee or RaspBee", []byte{0xC0, 0x0D, 0x01, 0x00, 0x09, 0x00, 0x00, 0x00, 0x00, 0x00, 0xE9, 0xFF, 0xC0}, []byte{0xC0, 0x0D, 0x01, 0x00}, 0xC0, 16},
}

func (s *session) ping(ctx context.Context, timeout time.Duration) bool {
	return s.link.callWithin(ctx, ctx, &mt.Empty{Cmd: mt.SysPing}, &mt.PingRsp{}, timeout, true, nil) == nil
}
