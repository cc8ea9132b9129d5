package journeys

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/web"
)

func init() {
	vocabulary["flood"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.flooding(a) }
	vocabulary["post"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.post(a[0], a[1]) }
}

// flood is many connections to one port.
type flood struct {
	address string
	ctx     context.Context
	stop    context.CancelFunc
	tasks   sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn // held
	made  int
	err   error
}

// flooding: "flood start N" begins to make so many connections to the first lock's accessory, "flood made N" waits until they were made, "flood cut" until the
// daemon has hung up on every one that is still held.
func (p *play) flooding(a []string) error {
	ctx, cancel := within()
	defer cancel()
	f := p.bad().flood
	switch a[0] {
	case "start":
		n, err := strconv.Atoi(a[1])
		if err != nil {
			return err
		}
		f = &flood{address: p.phones["1"].Address}
		f.ctx, f.stop = context.WithCancel(context.Background())
		p.bad().flood = f
		p.defers(f.end)
		return f.start(n)
	case "made":
		n, err := strconv.Atoi(a[1])
		if err != nil {
			return err
		}
		return until(ctx, "the connections", func() bool {
			f.mu.Lock()
			defer f.mu.Unlock()
			if f.err != nil {
				n = f.made
			}
			return f.made >= n
		})
	case "cut":
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.err != nil {
			return f.err
		}
		deadline, _ := ctx.Deadline()
		for i, c := range f.conns {
			c.SetReadDeadline(deadline)
			if _, err := io.Copy(io.Discard, c); errors.Is(err, context.DeadlineExceeded) || isTimeout(err) {
				return fmt.Errorf("connection %d of %d with half a request is held for ever", i, len(f.conns))
			}
		}
		return nil
	}
	return fmt.Errorf("flood %s?", a[0])
}

func isTimeout(err error) bool {
	var ne net.Error
	return errors.As(err, &ne) && ne.Timeout()
}

// start makes n connections beside the script. All are held at once where this process may have so many files open (the runtime has raised the soft limit to
// the hard one); where it may not, those made first are let go, and as many as it may have are held.
func (f *flood) start(n int) error {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return err
	}
	hold := n
	if most := int(min(limit.Cur, 1<<20)) - min(2000, int(limit.Cur)/2); most < hold {
		hold = most
	}
	const workers = 8
	for k := range workers {
		f.tasks.Go(func() {
			for i := k; i < n && f.ctx.Err() == nil; i += workers {
				f.open(i, hold)
			}
		})
	}
	f.tasks.Go(f.drip)
	return nil
}

// open makes the i-th connection. Every other one comes from an address of its own; the first ones are silent, the others send half a request.
func (f *flood) open(i, hold int) {
	d := net.Dialer{}
	if i%2 == 0 {
		d.LocalAddr = &net.TCPAddr{IP: net.IPv4(127, 1, byte(i>>1), byte(1+i>>9))}
	}
	c, err := d.DialContext(f.ctx, "tcp", f.address)
	f.mu.Lock()
	defer f.mu.Unlock()
	if err != nil {
		if f.ctx.Err() == nil {
			f.err = errors.Join(f.err, err)
		}
		return
	}
	f.made++
	if i >= 5000 {
		_, _ = io.WriteString(c, "POST /pair-setup HTTP/1.1\r\nContent-Le")
	}
	f.conns = append(f.conns, c)
	if len(f.conns) > hold {
		f.conns[0].Close()
		f.conns = f.conns[1:]
	}
}

// drip sends a byte more of some of the half requests, again and again: they are never whole.
func (f *flood) drip() {
	for f.ctx.Err() == nil {
		time.Sleep(200 * time.Millisecond)
		f.mu.Lock()
		for _, c := range f.conns[max(0, len(f.conns)-200):] {
			c.SetWriteDeadline(time.Now().Add(time.Millisecond))
			_, _ = c.Write([]byte("n"))
		}
		f.mu.Unlock()
	}
}

func (f *flood) end() {
	f.stop()
	f.tasks.Wait()
	for _, c := range f.conns {
		c.Close()
	}
}

const (
	huge   = 600 << 20 // bytes of a body that nobody wants
	little = 16 << 20  // of them are taken before the refusal: what the kernel holds for a socket, and no more
)

// post sends a body of 600 MB, "post WHERE STATUS": to the first lock's accessory ("homekit"), to it on a connection that is verified ("session"), to the
// API's TCP listener with a token ("api") or without ("api-stranger"), or to its socket ("socket"). It must be refused with that status before it was taken.
func (p *play) post(where, want string) error {
	ctx, cancel := within()
	defer cancel()
	if where == "session" {
		return p.postVerified(ctx, want)
	}
	head := fmt.Sprintf("POST /api/v1/join HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", huge)
	network, address := "tcp", ""
	switch where {
	case "homekit":
		address = p.phones["1"].Address
		head = fmt.Sprintf("POST /pair-setup HTTP/1.1\r\nContent-Type: application/pairing+tlv8\r\nContent-Length: %d\r\n", huge)
	case "socket":
		network, address = "unix", p.socket()
	case "api", "api-stranger":
		var st web.Status
		if err := p.ask(ctx, &st, "status"); err != nil {
			return err
		}
		address = st.Faces.HTTP.Listen
		if where == "api" {
			var t web.NewToken
			if err := p.ask(ctx, &t, "token", "create", "flood", "--scope", "admin"); err != nil {
				return err
			}
			head += "Authorization: Bearer " + t.Secret + "\r\n"
		}
	}
	c, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	defer c.Close()
	deadline, _ := ctx.Deadline()
	c.SetDeadline(deadline)
	if _, err := io.WriteString(c, head+"\r\n"); err != nil {
		return err
	}
	sent := make(chan int64, 1)
	go func() {
		n, _ := io.CopyN(c, blanks{}, huge)
		sent <- n
	}()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	if strconv.Itoa(resp.StatusCode) != want {
		return fmt.Errorf("status %s, want %s", resp.Status, want)
	}
	if n := <-sent; n > little {
		return fmt.Errorf("%d bytes of the body were taken", n)
	}
	return nil
}

// blanks is a JSON text without end.
type blanks struct{}

func (blanks) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func (p *play) postVerified(ctx context.Context, want string) error {
	c, err := p.phones["1"].Connect(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	sent := make(chan int, 1)
	go func() {
		n, piece := 0, []byte(strings.Repeat(" ", 64<<10))
		<-time.After(10 * time.Millisecond) // after the head
		for n < huge && c.Send(piece) == nil {
			n += len(piece)
		}
		sent <- n
	}()
	r, err := c.Raw(ctx, []byte(fmt.Sprintf("PUT /characteristics HTTP/1.1\r\nHost: x\r\nContent-Type: application/hap+json\r\nContent-Length: %d\r\n\r\n", huge)))
	if err != nil {
		return fmt.Errorf("no answer: %w", err)
	}
	if strconv.Itoa(r.Code) != want {
		return fmt.Errorf("status %d, want %s", r.Code, want)
	}
	if n := <-sent; n > little {
		return fmt.Errorf("%d bytes of the body were taken", n)
	}
	return nil
}
