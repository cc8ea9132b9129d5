package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// limit bounds the making of a home.
const limit = 2 * time.Minute

// home is a house whose locks are joined and, if asked, each paired; its daemon can be run in this process or as a process of its own.
type home struct {
	*house.House
	dir      string
	seen     *sightings
	tcp, pty string // where the dongle is
	first    uint16 // of HomeKit's ports
	baud     atomic.Int64
	pairings []*controller.Pairing
}

type homeConfig struct {
	locks  int
	model  string
	pair   bool
	air    lockfw.Config
	slots  int
	adjust func(*lockfw.Behaviour)
}

// prompt makes a lock whose radio and bolt take no time, so that what is measured is ours.
func prompt(b *lockfw.Behaviour) {
	b.LongPoll, b.ShortPoll, b.BoltTime, b.EventGap, b.SetPINDelay = 0, 0, 0, 0, 0
}

var nextPorts uint16 = 21000

// newHome builds the house and starts its dongle and locks; they live until the run ends.
func newHome(b *testing.B, c homeConfig) *home {
	b.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	dir, err := os.MkdirTemp("", "latchkey-bench-")
	if err != nil {
		b.Fatal(err)
	}
	stops = append(stops, func() { cancel(); wg.Wait(); os.RemoveAll(dir) })
	m := &home{dir: dir, seen: &sightings{}, first: nextPorts}
	nextPorts += 300
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	m.tcp = "tcp://" + ln.Addr().String()
	models := make([]string, c.locks)
	for i := range models {
		models[i] = c.model
	}
	m.House, err = house.New(house.Config{Dir: dir, Models: models, Air: c.air, Adjust: c.adjust, Slots: c.slots, Configure: func(s *configs.Config) {
		s.Radio.Port = m.tcp
		s.HomeKit.Enabled = c.pair
		s.HomeKit.Ports = configs.PortRange{First: m.first, Last: m.first + 249}
	}})
	if err != nil {
		b.Fatal(err)
	}
	serve := func(conn io.ReadWriteCloser) {
		wg.Go(func() { _ = m.Air.Dongle().Serve(ctx, &line{inner: conn, baud: &m.baud, seen: m.seen}) })
	}
	wg.Go(func() { _ = m.Run(ctx) })
	wg.Go(func() {
		defer context.AfterFunc(ctx, func() { ln.Close() })()
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			serve(conn)
		}
	})
	if p, err := lockfw.OpenPTY(); err == nil {
		m.pty = p.Path()
		serve(p)
	}
	r := m.resident(b)
	defer r.Stop()
	jctx, done := context.WithTimeout(ctx, limit)
	defer done()
	for _, l := range m.Locks {
		if _, err := r.Join(jctx, l); err != nil {
			b.Fatal(err)
		}
		if c.pair {
			p, err := r.Pair(jctx, l)
			if err != nil {
				b.Fatal(err)
			}
			m.pairings = append(m.pairings, p)
		}
	}
	return m
}

// resident is the daemon in this process.
func (m *home) resident(b *testing.B) *house.Resident {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	r, err := m.Start(ctx)
	if err == nil {
		err = r.Online(ctx)
	}
	if err != nil {
		b.Fatal(err)
	}
	return r
}

var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "latchkey-bench-bin-")
	if err != nil {
		return "", err
	}
	stops = append(stops, func() { os.RemoveAll(dir) })
	path := filepath.Join(dir, "latchkey")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/latchkeyd/latchkey/cmd/latchkey")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("build: %w: %s", err, out)
	}
	return path, err
})

// process is the daemon as it is shipped, at work in a home.
type process struct {
	*exec.Cmd
	began time.Time
	ended chan struct{} // closed when it has
	log   *os.File
}

// exec starts the daemon on the dongle at port.
func (m *home) exec(b *testing.B, port string) *process {
	b.Helper()
	path, err := program()
	if err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(m.dir, "bench.yaml")
	text := fmt.Sprintf("radio: {port: %q}\nstate: %q\nhomekit: {address: 127.0.0.1, ports: %d-%d, interfaces: [lo]}\nhttp: {listen: \"\"}\nmatter: {enabled: false}\nlog: {level: warn}\n",
		port, m.dir, m.first, m.first+249)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	log, err := os.OpenFile(filepath.Join(m.dir, "bench.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	p := &process{Cmd: exec.Command(path, "run", "--config", file, "--socket", filepath.Join(m.dir, "l.sock")), log: log, ended: make(chan struct{})}
	p.Stdout, p.Stderr = log, log
	p.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	p.began = time.Now()
	if err := p.Start(); err != nil {
		b.Fatal(err)
	}
	go func() {
		_ = p.Wait()
		close(p.ended)
	}()
	b.Cleanup(func() { p.end() })
	return p
}

func (p *process) end() {
	_ = p.Process.Signal(syscall.SIGTERM)
	<-p.ended
	p.log.Close()
}

// words are the last of what it wrote.
func (p *process) words() string {
	text, _ := os.ReadFile(p.log.Name())
	return string(text[max(0, len(text)-4096):])
}

// rss is the resident memory in MB (10⁶ bytes).
func (p *process) rss(b *testing.B) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for l := range strings.Lines(string(text)) {
		if f := strings.Fields(l); len(f) > 1 && f[0] == "VmRSS:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb * 1024 / 1e6
		}
	}
	b.Fatal("no VmRSS")
	return 0
}

// cpu is the processor time that the process has taken, user and system, over all its threads (schedstat: nanoseconds).
func (p *process) cpu(b *testing.B) time.Duration {
	b.Helper()
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.Process.Pid))
	var sum time.Duration
	for _, f := range files {
		text, err := os.ReadFile(f)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		var ns int64
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			b.Fatal(f, err)
		}
		sum += time.Duration(ns)
	}
	if sum == 0 {
		b.Fatal("no schedstat: this kernel does not account for threads")
	}
	return sum
}

// verify connects to an accessory, as soon as it answers.
func (p *process) verify(ctx context.Context, to *controller.Pairing) (*controller.Conn, error) {
	for {
		c, err := to.Connect(ctx)
		if err == nil {
			return c, nil
		}
		select {
		case <-p.ended:
			return nil, fmt.Errorf("the daemon has ended: %v\n%s", p.ProcessState, p.words())
		case <-ctx.Done():
			return nil, fmt.Errorf("%w\n%s", errors.Join(ctx.Err(), err), p.words())
		case <-time.After(time.Millisecond):
		}
	}
}

// session is a lock with its controller's connections.
type session struct {
	lock       *lockfw.Lock
	nwk        uint16
	conn, peer *controller.Conn // peer has events
	ids        house.LockIDs
	pid        uint64
	next       int // the target to write
	spare      allowance
}

// allowance is how often one lock may be moved without its answers, events and reports (three frames a command) being taken for a flood, of which the
// daemon drops what is more than 60 frames and 10 a second: no lock can move its bolt so often, but this one can.
type allowance struct {
	commands float64
	at       time.Time
}

const (
	allowed    = 15 // at once
	allowedPer = 3  // a second
)

// due is how long until the next command may be sent.
func (a *allowance) due() time.Duration {
	now := time.Now()
	if a.at.IsZero() {
		a.commands = allowed
	}
	a.commands = min(allowed, a.commands+now.Sub(a.at).Seconds()*allowedPer)
	a.at = now
	return time.Duration(max(0, 1-a.commands) / allowedPer * 1e9)
}

// connect gives every lock a connection that writes and one that listens, and waits until each carries a command out.
func (m *home) connect(b *testing.B, d *process) []*session {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	var all []*session
	for i, p := range m.pairings {
		s := &session{lock: m.Locks[i], nwk: uint16(m.Locks[i].NWK())}
		var err error
		if s.conn, err = d.verify(ctx, p); err != nil {
			b.Fatal(err)
		}
		if s.peer, err = d.verify(ctx, p); err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { s.conn.Close(); s.peer.Close() })
		if s.ids, err = house.FindLock(ctx, s.conn); err != nil {
			b.Fatal(err)
		}
		if s.lock.Bolt() == lockfw.Unlocked {
			s.next = 1
		}
		all = append(all, s)
	}
	for _, s := range all {
		for {
			if err := s.move(ctx, nil); err == nil {
				break
			} else if ctx.Err() != nil {
				b.Fatal(err)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}
	return all
}

// move makes a timed write of the other state, as soon as the lock may be moved again; begun is called between its two requests.
func (s *session) move(ctx context.Context, begun func()) error {
	time.Sleep(s.spare.due())
	if err := s.prepare(ctx); err != nil {
		return err
	}
	if begun != nil {
		begun()
	}
	return s.write(ctx)
}

func (s *session) prepare(ctx context.Context) error {
	s.spare.commands--
	s.pid++
	return s.conn.Prepare(ctx, 10*time.Second, s.pid)
}

func (s *session) write(ctx context.Context) error {
	bad, err := s.conn.PutPID(ctx, s.pid, controller.Write{ID: s.ids.Target, Value: s.next})
	if err != nil {
		return err
	}
	if len(bad) > 0 && bad[0].Status != 0 {
		return fmt.Errorf("status %d", bad[0].Status)
	}
	s.next = 1 - s.next
	return nil
}
