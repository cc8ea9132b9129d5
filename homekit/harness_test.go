package homekit

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// logBuffer collects the log of a test.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// rig is an adapter on loopback, before a fake bridge.
type rig struct {
	*Adapter
	t    testing.TB
	f    *fakeBridge
	log  *logBuffer
	stop func()
}

// quick are the times of tests.
var quick = times{
	answer: 400 * time.Millisecond, grace: 150 * time.Millisecond, edit: 5 * time.Second,
	pressAfter: 50 * time.Millisecond, pressWithin: 400 * time.Millisecond, retry: 50 * time.Millisecond,
}

// start runs an adapter. edit may change its configuration.
func start(t testing.TB, f *fakeBridge, edit func(*Config)) *rig {
	t.Helper()
	r := &rig{t: t, f: f, log: &logBuffer{}}
	cfg := Config{
		Address: "127.0.0.1", Advertiser: hap.Off, Version: "1.2.3",
		Logger: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	cfg.FirstPort, cfg.LastPort = freePorts(t)
	if edit != nil {
		edit(&cfg)
	}
	r.Adapter = New(cfg, f)
	r.times = quick
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	var once sync.Once
	r.stop = func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(r.stop)
	select {
	case <-r.Ready():
	case err := <-done:
		t.Fatalf("Run ended: %v", err)
	case <-time.After(10 * time.Second):
		t.Fatal("not ready")
	}
	return r
}

var nextPort = struct {
	sync.Mutex
	n int
}{n: 21000}

// freePorts gives each adapter a range of its own; the host skips what is taken.
func freePorts(t testing.TB) (first, last int) {
	t.Helper()
	nextPort.Lock()
	defer nextPort.Unlock()
	nextPort.n += 200
	return nextPort.n - 200, nextPort.n - 1
}

// accessory waits for a lock's accessory to be published.
func (r *rig) accessory(name string) Accessory {
	r.t.Helper()
	var found Accessory
	r.eventually("accessory "+name, func() bool {
		for _, a := range r.Show() {
			if a.Lock == name {
				found = a
				return true
			}
		}
		return false
	})
	return found
}

func (r *rig) eventually(what string, f func() bool) {
	r.t.Helper()
	for end := time.Now().Add(5 * time.Second); !f(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			r.t.Fatalf("not seen: %s\n%s", what, r.log)
		}
	}
}

func ctxFor(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// pair pairs an accessory by its printed code.
func (r *rig) pair(name string) *controller.Pairing {
	r.t.Helper()
	a := r.accessory(name)
	p, err := controller.Pair(ctxFor(r.t), fmt.Sprintf("127.0.0.1:%d", a.Port), a.SetupCode)
	if err != nil {
		r.t.Fatalf("pair %s: %v\n%s", name, err, r.log)
	}
	return p
}

// phone is a verified connection.
type phone struct {
	*controller.Conn
	t   testing.TB
	aid uint64
}

func connect(t testing.TB, p *controller.Pairing, aid uint64) *phone {
	t.Helper()
	c, err := p.Connect(ctxFor(t))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	t.Cleanup(func() { c.Close() })
	return &phone{c, t, aid}
}

func (p *phone) id(iid uint64) controller.ID { return controller.ID{AID: p.aid, IID: iid} }

func (p *phone) get(iid uint64) controller.Result {
	p.t.Helper()
	rs, err := p.Get(ctxFor(p.t), p.id(iid))
	if err != nil || len(rs) != 1 {
		p.t.Fatalf("get %d: %v, %v", iid, rs, err)
	}
	return rs[0]
}

// put writes by timed write and returns the status.
func (p *phone) put(iid uint64, value any) int {
	p.t.Helper()
	rs, err := p.PutTimed(ctxFor(p.t), 5*time.Second, controller.Write{ID: p.id(iid), Value: value})
	if err != nil {
		p.t.Fatalf("put %d: %v", iid, err)
	}
	if len(rs) == 0 {
		return 0
	}
	return rs[0].Status
}

func (p *phone) subscribe(iids ...uint64) {
	p.t.Helper()
	ids := make([]controller.ID, len(iids))
	for i, iid := range iids {
		ids[i] = p.id(iid)
	}
	if err := p.Subscribe(ctxFor(p.t), ids...); err != nil {
		p.t.Fatal(err)
	}
}

// event waits for one event message, as iid → value.
func (p *phone) event() map[uint64]any {
	p.t.Helper()
	rs, err := p.NextEvent(ctxFor(p.t))
	if err != nil {
		p.t.Fatalf("event: %v", err)
	}
	m := make(map[uint64]any)
	for _, r := range rs {
		if r.AID == p.aid {
			m[r.IID] = r.Value
		}
	}
	return m
}

// codes asks the access code control point.
func (p *phone) codes(req codeRequest) (codeOp, []codeAnswer) {
	p.t.Helper()
	value := base64.StdEncoding.EncodeToString(appendCodeRequest(nil, req))
	rs, err := p.Put(ctxFor(p.t), controller.Write{ID: p.id(iidCodeControl), Value: value, Response: true})
	if err != nil || len(rs) != 1 || rs[0].Status != 0 {
		p.t.Fatalf("control point: %+v, %v", rs, err)
	}
	s, _ := rs[0].Value.(string)
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		p.t.Fatal(err)
	}
	op, answers, err := parseCodeAnswers(b)
	if err != nil {
		p.t.Fatalf("answer % x: %v", b, err)
	}
	return op, answers
}

// database is /accessories.
type database struct {
	Accessories []struct {
		AID      uint64 `json:"aid"`
		Services []struct {
			IID     uint64   `json:"iid"`
			Type    string   `json:"type"`
			Primary bool     `json:"primary"`
			Linked  []uint64 `json:"linked"`
			Cs      []struct {
				IID    uint64   `json:"iid"`
				Type   string   `json:"type"`
				Perms  []string `json:"perms"`
				Format string   `json:"format"`
				Value  any      `json:"value"`
			} `json:"characteristics"`
		} `json:"services"`
	} `json:"accessories"`
}

func (p *phone) database() (d database) {
	p.t.Helper()
	b, err := p.Accessories(ctxFor(p.t))
	if err != nil {
		p.t.Fatal(err)
	}
	if err := json.Unmarshal(b, &d); err != nil {
		p.t.Fatal(err)
	}
	return d
}

// text is one line for each service and characteristic.
func (d database) text() string {
	var b strings.Builder
	for _, a := range d.Accessories {
		fmt.Fprintf(&b, "accessory %d\n", a.AID)
		for _, s := range a.Services {
			fmt.Fprintf(&b, "  %d %s", s.IID, s.Type)
			if s.Primary {
				b.WriteString(" primary")
			}
			if len(s.Linked) > 0 {
				fmt.Fprintf(&b, " linked %d", s.Linked)
			}
			b.WriteByte('\n')
			for _, c := range s.Cs {
				fmt.Fprintf(&b, "    %d %s %s %s", c.IID, c.Type, strings.Join(c.Perms, ","), c.Format)
				if c.Value != nil {
					fmt.Fprintf(&b, " %v", c.Value)
				}
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

func closed(c *controller.Conn) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

// occupy holds a TCP port of loopback until the test ends.
func occupy(t testing.TB, port int) {
	t.Helper()
	ln, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
}

func keypad(slot bridge.Slot, name string) bridge.Cause {
	return bridge.Cause{Source: bridge.SourceKeypad, Slot: &slot, User: 1, Name: name}
}

func write(p *phone, iid uint64, value any) controller.Write {
	return controller.Write{ID: p.id(iid), Value: value}
}
