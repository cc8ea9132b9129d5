package journeys

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/journeys/house"
)

func init() {
	vocabulary["sulk"] = func(p *play, _ *testscript.TestScript, a []string) error { // "sulk N": so many phones
		n, err := strconv.Atoi(a[0])
		for range n {
			err = errors.Join(err, p.sulk())
		}
		return err
	}
	vocabulary["streams"] = func(p *play, ts *testscript.TestScript, a []string) error { return p.streams(ts, a) }
}

// gated is a connection whose owner stops reading.
type gated struct {
	net.Conn
	shut atomic.Bool
	gone chan struct{}
	once sync.Once
}

func (g *gated) Read(b []byte) (int, error) {
	if g.shut.Load() {
		<-g.gone
		return 0, net.ErrClosed
	}
	return g.Conn.Read(b)
}

func (g *gated) Close() error {
	g.once.Do(func() { close(g.gone) })
	return g.Conn.Close()
}

// sulk is a phone that subscribes to the first lock, asks for more than any buffer holds, and reads nothing any more.
func (p *play) sulk() error {
	ctx, cancel := within()
	defer cancel()
	pairing := p.phones["1"].Pairing
	d := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error { // little room on the way: the daemon's writes stall soon
		return raw.Control(func(fd uintptr) {
			_ = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUF, 4096)
			_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_MAXSEG, 536)
		})
	}}
	nc, err := d.DialContext(ctx, "tcp", pairing.Address)
	if err != nil {
		return err
	}
	g := &gated{Conn: nc, gone: make(chan struct{})}
	c := controller.NewConn(g)
	p.defers(func() { c.Close() })
	if err := c.Verify(ctx, pairing); err != nil {
		return err
	}
	ids, err := house.FindLock(ctx, c)
	if err != nil {
		return err
	}
	if err := c.Subscribe(ctx, ids.Current, ids.Target); err != nil {
		return err
	}
	g.shut.Store(true)
	one := []byte("GET /accessories HTTP/1.1\r\nHost: x\r\n\r\n")
	asked := make(chan struct{})
	go func() {
		defer close(asked)
		for range 40 { // the buffers of both sides hold 4 MB at most, and a lock's database has more than 3 kB
			if c.Send(bytes.Repeat(one, 50)) != nil {
				return
			}
		}
	}()
	p.defers(func() { nc.Close(); <-asked })
	return nil
}

// readers are event streams over the API's socket.
type readers struct {
	open    []io.Closer
	news    atomic.Int64 // events that the one that reads has got
	reading sync.WaitGroup
}

// streams: "streams stall N" opens so many and reads nothing of them, "streams read" opens one more and reads it, "streams full" asks for another and must be
// refused, "streams rename N" makes so many events, "streams heard N" says that the reader has got them, "streams room" waits until another one is let in.
func (p *play) streams(ts *testscript.TestScript, a []string) error {
	ctx, cancel := within()
	defer cancel()
	b := p.bad()
	if b.readers == nil {
		r := &readers{}
		b.readers = r
		p.defers(func() {
			for _, c := range r.open {
				c.Close()
			}
			r.reading.Wait()
		})
	}
	r, n := b.readers, 0
	if len(a) > 1 {
		var err error
		if n, err = strconv.Atoi(a[1]); err != nil {
			return err
		}
	}
	switch a[0] {
	case "stall":
		for range n {
			resp, err := p.stream()
			if err != nil {
				return err
			}
			r.open = append(r.open, resp.Body)
			if resp.StatusCode != http.StatusOK {
				return errors.New(resp.Status)
			}
		}
		return nil
	case "read":
		resp, err := p.stream()
		if err != nil {
			return err
		}
		r.open = append(r.open, resp.Body)
		r.reading.Go(func() {
			lines := bufio.NewScanner(resp.Body)
			for lines.Scan() {
				if bytes.Equal(lines.Bytes(), []byte("event: lock_renamed")) {
					r.news.Add(1)
				}
			}
		})
		return nil
	case "rename":
		for i := range n {
			if e := p.command("rename", string(house.ID(p.lock("1"))), fmt.Sprintf("Front door number %d of a very long house in a very long road", i))(); e.code != 0 {
				return errors.New(e.err)
			}
		}
		return nil
	case "heard":
		if err := until(ctx, "all the news", func() bool { return r.news.Load() >= int64(n) }); err != nil {
			return fmt.Errorf("%w: %d came", err, r.news.Load())
		}
		return nil
	case "full":
		resp, err := p.stream()
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return errors.New("one stream more was let in")
		}
		said, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
		fmt.Fprintf(ts.Stdout(), "%s\n%s\n", resp.Status, said)
		return err
	case "room":
		return until(ctx, "room for another stream", func() bool {
			resp, err := p.stream()
			if err != nil {
				return false
			}
			resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	}
	return fmt.Errorf("streams %s?", a[0])
}

// stream asks for events as they come.
func (p *play) stream() (*http.Response, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://latchkey/api/v1/events", nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	return p.client().Do(req)
}
