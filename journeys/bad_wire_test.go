package journeys

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

func init() {
	vocabulary["wire"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.wireTo(a[0]) }
	vocabulary["inject"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.inject(a) }
}

// wire is the line between the daemon and whatever is at its far end. It can be connected to the house's dongle or to something else, and puts bytes of its own
// between the dongle's frames.
type wire struct {
	ctx     context.Context
	tasks   sync.WaitGroup
	ln      net.Listener
	dongle  string // where the house's dongle is
	foreign *lockfw.Home
	memory  []string // the foreign dongle's, before the daemon saw it
	tty     *lockfw.PTY

	mu    sync.Mutex
	kind  string
	conn  net.Conn // to the daemon
	heard [][]byte // the last frames that came from locks, whole
}

// wireTo connects the far end of the daemon's line, and cuts the line that is: "dongle" is the house's own; "other" has another network, "twin" another key
// and everything else of the locks' network, "blank" none; "http", "noise", "tty" (noise on a serial line), "ezsp", "deconz" are no dongles that can be driven.
// "untouched" says that the daemon left the memory of the foreign dongle as it was; "restored" that it put the locks' network there.
func (p *play) wireTo(kind string) error {
	b := p.bad()
	if b.wire == nil {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return err
		}
		ctx, stop := context.WithCancel(context.Background())
		w := &wire{ctx: ctx, ln: ln, dongle: strings.TrimPrefix(p.house.Port, "tcp://")}
		b.wire = w
		w.tasks.Go(w.accept)
		p.defers(func() {
			_ = p.daemon("stop")
			stop()
			ln.Close()
			w.cut("")
			w.tasks.Wait()
		})
	}
	w := b.wire
	network, _ := p.house.Air.Dongle().Network()
	switch kind {
	case "untouched", "restored":
		now, _ := w.foreign.Dongle().Network()
		if kind == "restored" && (now.PAN != network.PAN || now.ExtendedPAN != network.ExtendedPAN) {
			return fmt.Errorf("the foreign dongle has %+v, not %+v", now, network)
		}
		if after, err := memoryOf(w.foreign); kind == "untouched" && (err != nil || !slices.Equal(after, w.memory)) {
			return errors.Join(err, fmt.Errorf("the foreign dongle's memory was changed:\n%s\n%s", w.memory, after))
		}
		return nil
	case "other", "twin", "blank":
		if kind != "twin" {
			network = zigbee.Network{}
		}
		if err := w.plugForeign(network, kind != "blank"); err != nil {
			return err
		}
	case "tty":
		tty, err := lockfw.OpenPTY()
		if err != nil {
			return err
		}
		w.tty = tty
		p.defers(func() { tty.Close() })
		w.tasks.Go(func() { makeNoise(w.ctx, tty, 1000, 10*time.Millisecond) })
		p.house.Port = tty.Path()
		return nil
	}
	w.cut(kind)
	p.house.Port = "tcp://" + w.ln.Addr().String()
	return nil
}

// cut ends the line that is; the next one goes to something of that kind.
func (w *wire) cut(kind string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.kind = kind
	if w.conn != nil {
		w.conn.Close()
	}
}

func (w *wire) accept() {
	for {
		c, err := w.ln.Accept()
		if err != nil {
			return
		}
		w.mu.Lock()
		kind, old := w.kind, w.conn
		w.conn = c
		w.mu.Unlock()
		if old != nil {
			old.Close()
		}
		w.tasks.Go(func() {
			defer c.Close()
			stop := context.AfterFunc(w.ctx, func() { c.Close() })
			defer stop()
			w.answer(kind, c)
		})
	}
}

// answer is what is at the far end.
func (w *wire) answer(kind string, c net.Conn) {
	switch kind {
	case "dongle":
		w.pump(w.dongle, c)
	case "other", "twin", "blank":
		_ = w.foreign.Dongle().Serve(w.ctx, c)
	case "http":
		srv := httptest.NewServer(http.NotFoundHandler())
		defer srv.Close()
		w.pump(strings.TrimPrefix(srv.URL, "http://"), c)
	case "noise":
		w.tasks.Go(func() { _, _ = io.Copy(io.Discard, c) })
		makeNoise(w.ctx, c, 64<<10, 10*time.Millisecond)
	case "ezsp": // an RSTACK frame answers a reset (Silicon Labs UG101, section 3.2)
		replying(c, []byte{0xC0, 0x38, 0xBC, 0x7E}, []byte{0xC1, 0x02, 0x02, 0x9B, 0x7B, 0x7E})
	case "deconz": // the version of the firmware, in a SLIP frame
		replying(c, []byte{0xC0, 0x0D}, []byte{0xC0, 0x0D, 0x01, 0x00, 0x09, 0x00, 0x00, 0x07, 0x80, 0x26, 0x3C, 0xFF, 0xC0})
	}
}

// replying answers one thing and is silent otherwise.
func replying(c net.Conn, ask, answer []byte) {
	var heard []byte
	buf := make([]byte, 512)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		heard = append(heard, buf[:n]...)
		if i := bytes.Index(heard, ask); i >= 0 {
			heard = heard[i+len(ask):]
			_, _ = c.Write(answer)
		}
	}
}

// noise is that many bytes of anything, the same ones each time.
func noise(seed uint64, n int) []byte {
	b := make([]byte, n)
	r := rand.New(rand.NewPCG(seed, 0))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func makeNoise(ctx context.Context, to io.Writer, n int, every time.Duration) {
	for seed := uint64(1); ; seed++ {
		if _, err := to.Write(noise(seed, n)); err != nil {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(every):
		}
	}
}

// pump carries bytes both ways. What comes from the dongle passes frame by frame.
func (w *wire) pump(address string, c net.Conn) {
	d, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer d.Close()
	w.tasks.Go(func() {
		_, _ = io.Copy(d, c)
		d.Close()
	})
	var parser mt.Parser
	buf := make([]byte, 4096)
	for {
		n, err := d.Read(buf)
		if address == w.dongle {
			parser.Feed(time.Time{}, buf[:n], func(f mt.Frame) { w.pass(c, f) })
		} else {
			_, _ = c.Write(buf[:n])
		}
		if err != nil {
			return
		}
	}
}

func (w *wire) pass(c net.Conn, f mt.Frame) {
	raw, err := mt.AppendFrame(nil, f.Command, f.Payload)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if f.Command == mt.AFIncomingMsg {
		if len(w.heard) == 8 {
			w.heard = w.heard[1:]
		}
		w.heard = append(w.heard, raw)
	}
	_, _ = c.Write(raw)
}

// plugForeign makes another dongle, with a network of its own if formed.
func (w *wire) plugForeign(n zigbee.Network, formed bool) (err error) {
	h := lockfw.New(lockfw.Config{Seed: 99, Speed: 10})
	w.tasks.Go(func() { _ = h.Run(w.ctx) })
	if formed {
		ctx, cancel := context.WithTimeout(w.ctx, patience)
		defer cancel()
		c := znp.New(znp.Config{Port: "foreign", PAN: n.PAN, ExtendedPAN: n.ExtendedPAN, Channel: n.Channel, Dial: func(context.Context) (znp.Port, error) {
			near, far := net.Pipe()
			w.tasks.Go(func() { _ = h.Dongle().Serve(w.ctx, far) })
			return near, nil
		}})
		ended := make(chan struct{})
		go func() { defer close(ended); _ = c.Run(ctx, nobody{}) }()
		err = until(ctx, "a foreign network", func() bool { return c.Dongle().Up })
		cancel()
		<-ended
	}
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.foreign = h
	w.memory, err = memoryOf(h)
	return err
}

// nobody is a zigbee.Handler.
type nobody struct{}

func (nobody) Frame(zigbee.Frame)                       {}
func (nobody) Announced(zigbee.EUI64, zigbee.NWK, bool) {}
func (nobody) Left(zigbee.EUI64)                        {}
func (nobody) Dongle(zigbee.Dongle)                     {}
func (nobody) PermitJoin(time.Duration)                 {}

// memoryOf is the non-volatile memory of a home's dongle, in an order of its own.
func memoryOf(h *lockfw.Home) ([]string, error) {
	b, err := h.Save()
	if err != nil {
		return nil, err
	}
	var saved struct {
		Items []json.RawMessage `json:"dongle_items"`
	}
	if err := json.Unmarshal(b, &saved); err != nil {
		return nil, err
	}
	var out []string
	for _, i := range saved.Items {
		out = append(out, string(i))
	}
	slices.Sort(out)
	return out, nil
}

// inject puts something between two frames of the dongle: "inject WHAT [TIMES]".
func (p *play) inject(a []string) error {
	w, times := p.bad().wire, 1
	if len(a) > 1 {
		n, err := strconv.Atoi(a[1])
		if err != nil {
			return err
		}
		times = n
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.heard) == 0 || w.conn == nil {
		return errors.New("no lock was heard on this line")
	}
	for i := range times {
		pieces, err := w.rubbish(a[0], uint64(i))
		if err != nil {
			return err
		}
		for _, b := range pieces {
			if _, err := w.conn.Write(b); err != nil {
				return err
			}
		}
		if a[0] == "cut" {
			time.Sleep(700 * time.Millisecond) // nothing follows: longer than any pause within a frame
		}
	}
	return nil
}

// rubbish is what a broken or hostile dongle, or line, may send.
func (w *wire) rubbish(what string, i uint64) ([][]byte, error) {
	last := w.heard[len(w.heard)-1]
	frame := func(cmd mt.Command, payload []byte) ([][]byte, error) {
		b, err := mt.AppendFrame(nil, cmd, payload)
		return [][]byte{b}, err
	}
	incoming := func(edit func(m *mt.IncomingMsg)) ([][]byte, error) {
		var m mt.IncomingMsg
		if err := m.ParsePayload(last[4 : len(last)-1]); err != nil {
			return nil, err
		}
		edit(&m)
		b, err := mt.Append(nil, &m)
		return [][]byte{b}, err
	}
	switch what {
	case "noise":
		return [][]byte{noise(i, 4096)}, nil
	case "fcs":
		b := bytes.Clone(last)
		b[len(b)-1] ^= 0x55
		return [][]byte{b}, nil
	case "cut":
		return [][]byte{last[:len(last)/2]}, nil
	case "long":
		return [][]byte{append([]byte{mt.SOF, 0xFF}, make([]byte, 300)...)}, nil
	case "reply": // to a request that nobody made
		return frame(mt.SysGetExtAddr.Reply(), make([]byte, 8))
	case "request": // a dongle does not ask
		return frame(mt.SysVersion, nil)
	case "short":
		return frame(mt.AFIncomingMsg, last[4:8])
	case "liar": // its length says more than there is
		b := bytes.Clone(last[4 : len(last)-1])
		b[16] = 0xFF
		return frame(mt.AFIncomingMsg, b)
	case "huge": // 64 KB that are to be fetched, and are not there
		b := make([]byte, 27)
		b[4], b[25], b[26] = 2, 0xFF, 0xFF
		return frame(mt.AFIncomingMsgExt, b)
	case "unknown":
		return frame(0x5FEE, noise(i, 100))
	case "garbled": // a lock's frame that means nothing
		return incoming(func(m *mt.IncomingMsg) { m.Data = append([]byte{0x19, byte(i), 0x20}, noise(i, 40)...) })
	case "report": // unlocked, of a node that nobody knows
		return incoming(func(m *mt.IncomingMsg) {
			m.Src, m.Cluster, m.Data = 0x1234, 0x0101, []byte{0x18, byte(i), 0x0A, 0x00, 0x00, 0x30, 0x02}
		})
	case "again":
		return slices.Clone(w.heard), nil
	}
	return nil, fmt.Errorf("inject %s?", what)
}
