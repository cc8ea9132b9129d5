package lockfw

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"
)

// MT framing (TI Z-Stack Monitor and Test API, section 2.1.1): FE, length, two command bytes, payload, XOR of all after FE.
const (
	mtSOF    = 0xFE
	mtMaxLen = 250
	// outLimit bounds what waits for a client that does not read. A real dongle has a few kilobytes and loses what comes then.
	outLimit = 4096
)

func mtFrame(cmd0, cmd1 byte, payload []byte) []byte {
	b := make([]byte, 0, 5+len(payload))
	b = append(b, mtSOF, byte(len(payload)), cmd0, cmd1)
	b = append(b, payload...)
	var x byte
	for _, c := range b[1:] {
		x ^= c
	}
	return append(b, x)
}

// mtParser finds frames in a stream and steps over everything else.
type mtParser struct{ buf []byte }

// feed calls fn for each whole frame, with the number of bytes that it and the rubbish before it took.
func (p *mtParser) feed(b []byte, fn func(cmd0, cmd1 byte, payload []byte, size int)) {
	p.buf = append(p.buf, b...)
	at, from := 0, 0
	for {
		for at < len(p.buf) && p.buf[at] != mtSOF {
			at++
		}
		if len(p.buf)-at < 2 {
			break
		}
		n := int(p.buf[at+1])
		if n > mtMaxLen {
			at++
			continue
		}
		if len(p.buf)-at < n+5 {
			break
		}
		var x byte
		for _, c := range p.buf[at+1 : at+n+4] {
			x ^= c
		}
		if x != p.buf[at+n+4] {
			at++
			continue
		}
		payload := append([]byte(nil), p.buf[at+4:at+4+n]...)
		cmd0, cmd1 := p.buf[at+2], p.buf[at+3]
		at += n + 5
		fn(cmd0, cmd1, payload, at-from)
		from = at
	}
	p.buf = append(p.buf[:0], p.buf[at:]...)
}

// port is one client's connection.
type port struct {
	conn io.ReadWriteCloser
	mu   sync.Mutex
	out  [][]byte
	wake chan struct{}
}

func (p *port) send(frame []byte) {
	p.mu.Lock()
	if len(p.out) < outLimit {
		p.out = append(p.out, frame)
	}
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// write empties the queue onto the line until ctx ends or the line breaks.
func (p *port) write(ctx context.Context, pace pace) {
	var joined []byte
	for {
		p.mu.Lock()
		frames := p.out
		p.out = nil
		p.mu.Unlock()
		if len(frames) == 0 {
			select {
			case <-ctx.Done():
				return
			case <-p.wake:
			}
			continue
		}
		if !pace.on() {
			joined = joined[:0]
			for _, f := range frames {
				joined = append(joined, f...)
			}
			frames = [][]byte{joined}
		}
		for _, f := range frames {
			pace.wait(ctx, len(f))
			if _, err := p.conn.Write(f); err != nil {
				return
			}
		}
	}
}

// pace keeps one direction of a serial line to its speed.
type pace struct {
	baud int
	free *time.Time // when the line is free again
}

func newPace(baud int) pace { return pace{baud: baud, free: new(time.Time)} }

func (p pace) on() bool { return p.baud > 0 }

// wait takes the line's time for n bytes, 10 bits each.
func (p pace) wait(ctx context.Context, n int) {
	if p.baud <= 0 {
		return
	}
	now := time.Now()
	if p.free.Before(now) {
		*p.free = now
	}
	*p.free = p.free.Add(time.Duration(n) * 10 * time.Second / time.Duration(p.baud))
	timer := time.NewTimer(time.Until(*p.free))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}

// ErrUnplugged tells that the dongle is not in its socket.
var ErrUnplugged = errors.New("lockfw: the dongle is unplugged")

// Serve answers one client until ctx ends, the client goes, another client begins to speak, or the dongle is unplugged. It closes conn. The network goes
// on without a client: connect again and everything that lives in the dongle's memory is still there.
func (d *Dongle) Serve(ctx context.Context, conn io.ReadWriteCloser) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p := &port{conn: conn, wake: make(chan struct{}, 1)}
	d.h.mu.Lock()
	if d.unplugged {
		d.h.mu.Unlock()
		_ = conn.Close()
		return ErrUnplugged
	}
	d.ports[p] = true
	d.h.mu.Unlock()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() {
		p.write(ctx, newPace(d.h.cfg.Baud))
		cancel()
	})
	err := d.read(ctx, p)
	cancel()
	_ = conn.Close()
	wg.Wait()
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	delete(d.ports, p)
	if d.port == p {
		d.port = nil
	}
	if d.unplugged {
		return ErrUnplugged
	}
	return err
}

func (d *Dongle) read(ctx context.Context, p *port) error {
	var parser mtParser
	line := newPace(d.h.cfg.Baud)
	buf := make([]byte, 4096)
	for {
		n, err := p.conn.Read(buf)
		if n > 0 {
			d.attach(p)
		}
		parser.feed(buf[:n], func(cmd0, cmd1 byte, payload []byte, size int) {
			line.wait(ctx, size)
			d.h.mu.Lock()
			defer d.h.mu.Unlock()
			if d.port == p {
				d.handle(cmd0, cmd1, payload)
			}
		})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				return io.EOF
			}
			return err
		}
	}
}

// attach makes a client the one that hears the dongle. Who spoke before is hung up on.
func (d *Dongle) attach(p *port) {
	d.h.mu.Lock()
	old := d.port
	if d.ports[p] {
		d.port = p
	}
	d.h.mu.Unlock()
	if old != nil && old != p {
		_ = old.conn.Close()
	}
}

// Unplug pulls the dongle out of its socket: power and connection are gone.
func (d *Dongle) Unplug() {
	d.h.mu.Lock()
	d.unplugged = true
	d.powerDown()
	var all []*port
	for p := range d.ports {
		all = append(all, p)
	}
	clear(d.ports)
	d.port = nil
	d.h.mu.Unlock()
	for _, p := range all {
		_ = p.conn.Close()
	}
}

// Replug puts it back. It boots from its non-volatile memory; the client must start the network again.
func (d *Dongle) Replug() {
	d.h.mu.Lock()
	defer d.h.mu.Unlock()
	if d.unplugged {
		d.unplugged = false
		d.boot()
	}
}
