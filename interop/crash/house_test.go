package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/lockfw"
)

const speed = 50 // emulated seconds a second

// house is the part of the world that no kill reaches.
type house struct {
	t      *testing.T
	home   *lockfw.Home
	lock   *lockfw.Lock
	dongle string
	dir    string
	kid    *kid
	kills  int
	boots  int
}

func newHouse(t *testing.T, model string) *house {
	t.Helper()
	h := &house{t: t, home: lockfw.New(lockfw.Config{Seed: 11, Speed: speed, Delay: time.Millisecond}), dir: filepath.Join(t.TempDir(), "state")}
	var err error
	if h.lock, err = h.home.AddLock(lockfw.LockConfig{Model: model, Adjust: func(b *lockfw.Behaviour) { b.RejoinByItself = true }}); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.dongle = "tcp://" + ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 2)
	go func() { ended <- h.home.Run(ctx) }()
	go func() { ended <- h.home.Dongle().ServeListener(ctx, ln) }()
	t.Cleanup(func() {
		if h.kid != nil {
			h.kid.kill()
		}
		stop()
		<-ended
		<-ended
	})
	return h
}

// kid is one child, from its start to its death.
type kid struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	points chan string // where it stands
	dead   chan struct{}
	reaped sync.Once

	mu     sync.Mutex
	last   int
	wanted map[int]chan reply
}

var errKilled = errors.New("the child is dead")

// start starts a child on the house's state. With points it stands still at each of them.
func (h *house) start(points bool) *kid {
	h.t.Helper()
	self, err := os.Executable()
	if err != nil {
		h.t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), childEnv+"="+h.dir, "LATCHKEY_CRASH_DONGLE="+h.dongle, "LATCHKEY_CRASH_LOCK="+h.lock.ID().String())
	if points {
		c.Env = append(c.Env, "LATCHKEY_CRASH_POINTS=1")
	}
	c.Stderr = os.Stderr
	k := &kid{cmd: c, points: make(chan string), dead: make(chan struct{}), wanted: map[int]chan reply{}}
	if k.in, err = c.StdinPipe(); err != nil {
		h.t.Fatal(err)
	}
	out, err := c.StdoutPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		h.t.Fatal(err)
	}
	go k.listen(out)
	h.kid = k
	return k
}

func (k *kid) listen(out io.Reader) {
	defer close(k.dead)
	in := bufio.NewScanner(out)
	in.Buffer(nil, 1<<22)
	for in.Scan() {
		var r reply
		if json.Unmarshal(in.Bytes(), &r) != nil {
			continue // half a line: the child died in it
		}
		if r.Point != "" {
			k.points <- r.Point
			continue
		}
		k.mu.Lock()
		c := k.wanted[r.ID]
		delete(k.wanted, r.ID)
		k.mu.Unlock()
		if c != nil {
			c <- r
		}
	}
}

// ask gives an order and waits for the answer; errKilled if the child dies first.
func (k *kid) ask(o order) (reply, error) {
	c := make(chan reply, 1)
	k.mu.Lock()
	k.last++
	o.ID = k.last
	k.wanted[o.ID] = c
	b, err := json.Marshal(o)
	if err == nil {
		_, err = k.in.Write(append(b, '\n'))
	}
	k.mu.Unlock()
	if err != nil {
		return reply{}, errKilled
	}
	select {
	case r := <-c:
		if r.Err != "" {
			return r, errors.New(r.Err)
		}
		return r, nil
	case <-k.dead:
		select {
		case r := <-c: // it had answered
			if r.Err != "" {
				return r, errors.New(r.Err)
			}
			return r, nil
		default:
			return reply{}, errKilled
		}
	case <-time.After(40 * time.Second):
		return reply{}, errors.New("no answer in 40 s")
	}
}

// let tells the child that stands at a point to go on.
func (k *kid) let() {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, _ = k.in.Write([]byte(`{"do":"go"}` + "\n"))
}

// kill is SIGKILL, and waits until nothing of the child is left.
func (k *kid) kill() {
	_ = k.cmd.Process.Kill()
	for gone := false; !gone; {
		select {
		case <-k.points: // what it still said
		case <-k.dead:
			gone = true
		}
	}
	k.bury()
}

// bury reaps the dead child, whoever comes first.
func (k *kid) bury() { k.reaped.Do(func() { _ = k.cmd.Wait() }) }

// wait asks until ok.
func (h *house) wait(what string, o order, ok func(reply) bool) {
	h.t.Helper()
	for until := time.Now().Add(40 * time.Second); time.Now().Before(until); time.Sleep(3 * time.Millisecond) {
		if r, err := h.kid.ask(o); err == nil && ok(r) {
			return
		}
	}
	h.t.Fatalf("waited in vain for %s", what)
}

// furnish lets the lock join, and gives people codes on it.
func (h *house) furnish(people map[string]string) {
	h.t.Helper()
	h.start(false)
	h.wait("the dongle", order{Do: "view"}, func(r reply) bool { return r.View.Up })
	if _, err := h.kid.ask(order{Do: "join"}); err != nil {
		h.t.Fatal(err)
	}
	if h.lock.NeedsMaster() {
		if err := h.lock.SetMaster("", "11112222"); err != nil {
			h.t.Fatal(err)
		}
	}
	h.lock.PressJoin()
	h.wait("the interview", order{Do: "view"}, func(r reply) bool { return r.View.Ready && r.View.Battery != nil })
	for name, pin := range people {
		if _, err := h.kid.ask(order{Do: "add", Name: name, PIN: pin}); err != nil {
			h.t.Fatal(err)
		}
	}
	h.agree()
	h.kid.kill()
}

// agree waits until every code is where it should be, at most 30 s, and holds the lock's memory against the store.
func (h *house) agree() time.Duration {
	h.t.Helper()
	began := time.Now()
	for {
		ok, why := h.same()
		if ok {
			return time.Since(began)
		}
		if time.Since(began) > 30*time.Second {
			h.t.Fatalf("lock and store do not agree within 30 s: %s", why)
		}
		time.Sleep(3 * time.Millisecond)
	}
}

func (h *house) same() (bool, string) {
	codes, err := h.kid.ask(order{Do: "codes"})
	if err != nil {
		return false, err.Error()
	}
	users, err := h.kid.ask(order{Do: "users"})
	if err != nil {
		return false, err.Error()
	}
	have := map[int]string{}
	for _, c := range h.lock.Codes() {
		if c.Slot >= h.lock.Family().First && len(c.PIN) > 0 && c.Status == 1 && c.Type != 3 {
			have[c.Slot] = string(c.PIN)
		}
	}
	want := 0
	for _, c := range codes.Codes {
		if c.State == bridge.CodeNotOurs && c.User == 0 { // a maker's default
			delete(have, int(c.Slot))
			continue
		}
		if c.State != bridge.CodeInSync && c.State != bridge.CodeUnverifiable {
			return false, "a code is " + string(c.State) + ": " + c.Reason
		}
		want++
		if have[int(c.Slot)] != users.Users[c.Name].PIN {
			return false, "the code of " + c.Name + " is said to be in its place, and is not"
		}
	}
	if want != len(users.Users) || want != len(have) {
		return false, "counts differ"
	}
	return true, ""
}
