package crash

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/journeys/stack"
)

const childEnv = "LATCHKEY_CRASH_CHILD" // the state directory of a child

func TestMain(m *testing.M) {
	if dir := os.Getenv(childEnv); dir != "" {
		if err := child(dir, os.Getenv("LATCHKEY_CRASH_DONGLE"), os.Getenv("LATCHKEY_CRASH_POINTS") != ""); err != nil {
			fmt.Fprintln(os.Stderr, "child:", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// order is what the parent asks of a child, one JSON object a line.
type order struct {
	ID     int             `json:"id"`
	Do     string          `json:"do"`
	Way    bridge.ResetWay `json:"way,omitempty"`
	Hash   string          `json:"hash,omitempty"`
	Step   string          `json:"step,omitempty"`
	Answer string          `json:"answer,omitempty"`
	Name   string          `json:"name,omitempty"`
	PIN    string          `json:"pin,omitempty"`
	User   bridge.UserID   `json:"user,omitempty"`
}

// reply is what it answers. PINs of this test pass the pipe between the two processes, as nowhere else.
type reply struct {
	ID     int                 `json:"id"`
	Point  string              `json:"point,omitempty"` // not an answer: the child stands here until it is told to go on
	Err    string              `json:"err,omitempty"`
	Hash   string              `json:"hash,omitempty"`
	User   bridge.UserID       `json:"user,omitempty"`
	Status *bridge.ResetStatus `json:"status,omitempty"`
	View   *view               `json:"view,omitempty"`
	Users  map[string]person   `json:"users,omitempty"`
	Codes  []bridge.Code       `json:"codes,omitempty"`
}

type person struct {
	ID  bridge.UserID `json:"id"`
	PIN string        `json:"pin"`
}

type view struct {
	Ready   bool     `json:"ready"`
	Battery *float64 `json:"battery"`
	Up      bool     `json:"up"`
}

// pipe is the child's side of the conversation.
type pipe struct {
	mu  sync.Mutex
	out *json.Encoder
	goe chan struct{}
}

func (p *pipe) say(r reply) {
	p.mu.Lock()
	defer p.mu.Unlock()
	_ = p.out.Encode(r)
}

// point stands still until the parent lets the child go on, or kills it.
func (p *pipe) point(name string) {
	p.say(reply{Point: name})
	<-p.goe
}

// child is the daemon's inner part, ordered about on stdin.
func child(dir, dongle string, points bool) error {
	p := &pipe{out: json.NewEncoder(os.Stdout), goe: make(chan struct{})}
	cfg := stack.Config{Dir: dir, Dongle: dongle, Speed: speed}
	if points {
		cfg.Point = p.point
	}
	s, err := stack.New(cfg)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	go func() {
		defer stop()
		in := bufio.NewScanner(os.Stdin)
		in.Buffer(nil, 1<<20)
		for in.Scan() {
			var o order
			if err := json.Unmarshal(in.Bytes(), &o); err != nil {
				fmt.Fprintln(os.Stderr, "child: order:", err)
				return
			}
			if o.Do == "go" {
				p.goe <- struct{}{}
				continue
			}
			go func() { p.say(serve(ctx, s, o)) }()
		}
		if err := in.Err(); err != nil && err != io.EOF {
			fmt.Fprintln(os.Stderr, "child: stdin:", err)
		}
	}()
	return s.Run(ctx)
}

func serve(ctx context.Context, s *stack.Stack, o order) reply {
	r := reply{ID: o.ID}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if err := obey(ctx, s, o, &r); err != nil {
		r.Err = err.Error()
	}
	return r
}

func obey(ctx context.Context, s *stack.Stack, o order, r *reply) error {
	id := bridge.LockID(os.Getenv("LATCHKEY_CRASH_LOCK"))
	switch o.Do {
	case "view":
		v, err := s.Find(string(id))
		r.View = &view{Ready: err == nil && v.Info.Ready, Battery: v.Battery, Up: s.Up()}
		return nil
	case "join":
		return s.Join(ctx, bridge.Join{Window: time.Minute})
	case "plan":
		p, err := s.PlanReset(ctx, id, o.Way)
		r.Hash = p.Hash
		return err
	case "confirm":
		return s.ConfirmReset(ctx, id, o.Hash, bridge.Cause{Source: bridge.SourceAPI})
	case "ack":
		return s.AckReset(ctx, id, o.Step, map[string]string{"answer": o.Answer})
	case "status":
		st, err := s.ResetStatus(id)
		r.Status = &st
		return err
	case "add":
		p, err := bridge.NewPIN([]byte(o.PIN))
		if err == nil {
			r.User, err = s.AddUser(ctx, bridge.Cause{Source: bridge.SourceAPI}, bridge.User{Name: o.Name, PIN: p, AllLocks: true})
		}
		return err
	case "change":
		p, err := bridge.NewPIN([]byte(o.PIN))
		if err != nil {
			return err
		}
		return s.ChangeUser(ctx, bridge.Cause{Source: bridge.SourceAPI}, o.User, func(u *bridge.User) error {
			u.PIN = p
			return nil
		})
	case "remove":
		return s.RemoveUser(ctx, bridge.Cause{Source: bridge.SourceAPI}, o.User)
	case "users":
		r.Users = map[string]person{}
		for _, u := range s.Users() {
			p, err := s.Reveal(id, u.ID)
			if err != nil {
				return err
			}
			p.Expose(func(d []byte) { r.Users[u.Name] = person{u.ID, string(d)} })
		}
		return nil
	case "codes":
		var err error
		r.Codes, err = s.Codes(id)
		return err
	}
	return fmt.Errorf("no such order %q", o.Do)
}
