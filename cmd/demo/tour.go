package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// Codes of the emulated people. They open nothing real.
const (
	masterCode = "11112222"
	homeCode   = "735194"
)

// tour walks the main job; each step is named before it is tried and must be seen to end well.
func (s *scene) tour(ctx context.Context, out io.Writer) error {
	began := time.Now()
	n := 0
	step := func(name string, f func(context.Context) (string, error)) error {
		n++
		fmt.Fprintf(out, "%2d. %s … ", n, name)
		sctx, cancel := context.WithTimeout(ctx, 60*time.Second)
		defer cancel()
		seen, err := f(sctx)
		if err != nil {
			fmt.Fprintln(out, "FAILED")
			return fmt.Errorf("step %d, %s: %w", n, name, err)
		}
		fmt.Fprintln(out, seen)
		return nil
	}
	front, back := s.house.Locks[0], s.house.Locks[1]
	phones := map[*lockfw.Lock]*phone{}
	defer func() {
		for _, p := range phones {
			p.close()
		}
	}()
	steps := []struct {
		name string
		f    func(context.Context) (string, error)
	}{{"the dongle forms a network", s.formed}}
	for i, l := range s.house.Locks {
		steps = append(steps, struct {
			name string
			f    func(context.Context) (string, error)
		}{"a " + l.Model() + " joins as " + names[i], func(ctx context.Context) (string, error) { return s.joined(ctx, l, names[i]) }})
	}
	add := func(name string, f func(context.Context) (string, error)) {
		steps = append(steps, struct {
			name string
			f    func(context.Context) (string, error)
		}{name, f})
	}
	for i, l := range s.house.Locks {
		add("a controller pairs "+names[i]+" by its printed code", func(ctx context.Context) (string, error) {
			p, code, err := s.paired(ctx, l)
			if err == nil {
				phones[l] = p
			}
			return "paired by " + code, err
		})
		for _, want := range []bridge.ActionKind{bridge.ActUnlock, bridge.ActLock} {
			add("the controller asks "+names[i]+" to "+want.String(), func(ctx context.Context) (string, error) { return phones[l].move(ctx, want) })
		}
	}
	add("a code is added in the Home app", func(ctx context.Context) (string, error) { return s.codeAdded(ctx, phones[front], front) })
	add("the code is typed at the keypad of "+names[0], func(ctx context.Context) (string, error) { return s.typed(ctx, phones[front], front) })
	add("the Home app adds the code to "+names[1]+" too", func(ctx context.Context) (string, error) { return s.codeAdded(ctx, phones[back], back) })
	add(names[1]+" is reset by its button, guided", func(ctx context.Context) (string, error) { return s.reset(ctx, out, back) })
	add("the code opens "+names[1]+" after the reset, the default code does not", func(ctx context.Context) (string, error) { return s.reopened(ctx, back) })
	add("the metrics have counted it", s.counted)
	for _, st := range steps {
		if err := step(st.name, st.f); err != nil {
			return err
		}
	}
	fmt.Fprintf(out, "All %d steps were seen, in %v.\n", n, time.Since(began).Round(10*time.Millisecond))
	return nil
}

func (s *scene) formed(ctx context.Context) (string, error) {
	if err := s.home.Online(ctx); err != nil {
		return "", err
	}
	d := s.home.Radio().Dongle()
	return fmt.Sprintf("%s, channel %d, PAN 0x%04x", d.Product, d.Network.Channel, d.Network.PAN), nil
}

func (s *scene) joined(ctx context.Context, l *lockfw.Lock, name string) (string, error) {
	if err := s.join(ctx, l, name); err != nil {
		return "", err
	}
	v, err := s.home.Bridge().Find(name)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s, %d code slots, bolt %v", v.Info.FamilyTitle, v.Info.Traits.Slots, v.Bolt), nil
}

// phone is a controller paired with one lock, with a second connection that only listens.
type phone struct {
	lock          *lockfw.Lock
	asks, listens *controller.Conn
	ids           house.LockIDs
}

func (s *scene) paired(ctx context.Context, l *lockfw.Lock) (*phone, string, error) {
	a, err := s.home.Accessory(ctx, l)
	if err != nil {
		return nil, "", err
	}
	pairing, err := s.home.Pair(ctx, l)
	if err != nil {
		return nil, "", err
	}
	p := &phone{lock: l}
	if p.asks, err = pairing.Connect(ctx); err != nil {
		return nil, "", err
	}
	if p.listens, err = pairing.Connect(ctx); err != nil {
		return nil, "", errors.Join(err, p.asks.Close())
	}
	if p.ids, err = house.FindLock(ctx, p.asks); err != nil {
		return nil, "", err
	}
	return p, a.SetupCode, p.listens.Subscribe(ctx, p.ids.Current)
}

func (p *phone) close() {
	_ = p.asks.Close()
	_ = p.listens.Close()
}

// move asks by a timed write and is content only when the other connection hears of it and the emulated bolt stands there.
func (p *phone) move(ctx context.Context, want bridge.ActionKind) (string, error) {
	value, bolt := 0, lockfw.Unlocked
	if want == bridge.ActLock {
		value, bolt = 1, lockfw.Locked
	}
	start := time.Now()
	bad, err := p.asks.PutTimed(ctx, 5*time.Second, controller.Write{ID: p.ids.Target, Value: value})
	if err != nil {
		return "", err
	}
	for _, b := range bad {
		if b.Status != 0 {
			return "", fmt.Errorf("HomeKit status %d", b.Status)
		}
	}
	if err := p.hears(ctx, value); err != nil {
		return "", err
	}
	if p.lock.Bolt() != bolt {
		return "", fmt.Errorf("HomeKit says that it moved, but the bolt is %v", p.lock.Bolt())
	}
	return fmt.Sprintf("the bolt is %v, and the other connection was told after %v", p.lock.Bolt(), time.Since(start).Round(time.Millisecond)), nil
}

func (p *phone) hears(ctx context.Context, current int) error {
	for {
		ev, err := p.listens.NextEvent(ctx)
		if err != nil {
			return fmt.Errorf("no event on the other connection: %w", err)
		}
		for _, e := range ev {
			if e.ID == p.ids.Current && e.Value == float64(current) {
				return nil
			}
		}
	}
}

// codeAdded does what the Home app does: it writes Add to the access code control point, and reads the answer out of the same exchange (docs/homekit.md).
func (s *scene) codeAdded(ctx context.Context, p *phone, l *lockfw.Lock) (string, error) {
	const add, operation, request, response, code, status = 3, 1, 2, 3, 2, 4
	msg := tlv8.Append(tlv8.AppendByte(nil, operation, add), request, tlv8.AppendString(nil, code, homeCode))
	got, err := p.asks.Put(ctx, controller.Write{ID: p.ids.Codes, Value: base64.StdEncoding.EncodeToString(msg), Response: true})
	if err != nil {
		return "", err
	}
	if len(got) != 1 || got[0].Status != 0 {
		return "", fmt.Errorf("answer %v", got)
	}
	text, _ := got[0].Value.(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return "", err
	}
	items, err := tlv8.Parse(raw)
	if err != nil {
		return "", err
	}
	for _, it := range items {
		if it.Type != response {
			continue
		}
		inner, err := tlv8.Parse(it.Value)
		if err != nil {
			return "", err
		}
		for _, in := range inner {
			if in.Type == status && (len(in.Value) != 1 || in.Value[0] != 0) {
				return "", fmt.Errorf("access code status %v", in.Value)
			}
		}
	}
	users := s.home.Bridge().Users()
	if len(users) != 1 {
		return "", fmt.Errorf("%d users after one code was added", len(users))
	}
	c, err := s.home.Bridge().WaitSync(ctx, house.ID(l), users[0].ID)
	if err != nil {
		return "", err
	}
	if c.State != bridge.CodeInSync {
		return "", fmt.Errorf("the code is %s: %s", c.State, c.Reason)
	}
	return fmt.Sprintf("“%s” stands in slot %d, %s", c.Name, c.Slot, c.State), nil
}

// typed enters the code at the door and awaits the fact, by name, and HomeKit's event.
func (s *scene) typed(ctx context.Context, p *phone, l *lockfw.Lock) (string, error) {
	after := s.home.Bridge().Snapshot().Seq
	if err := l.Keypad(homeCode); err != nil {
		return "", err
	}
	ev, err := s.home.Await(ctx, after, func(e bridge.Event) bool {
		m, ok := e.Body.(bridge.BoltMoved)
		return ok && e.Lock == house.ID(l) && m.To == bridge.Unlocked
	})
	if err != nil {
		return "", err
	}
	if ev.Cause.Source != bridge.SourceKeypad || ev.Cause.Name == "" {
		return "", fmt.Errorf("the event names %q by %q", ev.Cause.Name, ev.Cause.Source)
	}
	if err := p.hears(ctx, 0); err != nil {
		return "", err
	}
	return fmt.Sprintf("unlocked by “%s” at the %s, and HomeKit was told", ev.Cause.Name, ev.Cause.Source), nil
}

func (s *scene) counted(ctx context.Context) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.home.HTTPAddr()+"/metrics", nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(body)) {
		if strings.HasPrefix(line, "latchkey_lock_operations_total{") && strings.Contains(line, `action="unlock"`) && strings.Contains(line, `source="keypad"`) &&
			!strings.HasSuffix(strings.TrimSpace(line), " 0") {
			return strings.TrimSpace(line), nil
		}
	}
	return "", errors.New("no keypad unlock in /metrics")
}
