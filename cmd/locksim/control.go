package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/zigbee"
)

const controlHelp = `
The control API (JSON bodies; {lock} is a number from 1, or an address):

  GET  /locks, /locks/{lock}            what hangs in the house, and how it stands
  GET  /locks/{lock}/history            every physical movement of the bolt, with its cause
  GET  /locks/{lock}/indicators         every beep and flash
  GET  /locks/{lock}/codes              the slots, with their digits
  GET  /locks/{lock}/sticker            the sticker's codes
  GET  /locks/{lock}/faults             every switch of its behaviour
  POST /locks                           {"model": "V3-BTZB"}: hangs one more lock
  POST /locks/{lock}/turn               {"lock": true}: the thumb turn
  POST /locks/{lock}/key                {"lock": false}
  POST /locks/{lock}/onetouch
  POST /locks/{lock}/keypad             {"code": "1234"}: 409 if it is refused
  POST /locks/{lock}/master             {"old": "", "code": "24680"}
  POST /locks/{lock}/user               {"master": "24680", "slot": 3, "code": "1234"}; without a code: delete
  POST /locks/{lock}/tag                {"slot": 2, "number": "04A1B2C3"}: teach a tag or finger
  POST /locks/{lock}/present            {"slot": 2, "finger": false}: hold it to the reader
  POST /locks/{lock}/join               the family's way to start joining
  POST /locks/{lock}/hold-reset         {"for": "3.5s"}: answers when the button is released
  POST /locks/{lock}/push               a short push of the button
  POST /locks/{lock}/reset              the family's whole reset procedure; answers when the hands are done
  POST /locks/{lock}/batteries          {"percent": 80}; 0 pulls them out
  POST /locks/{lock}/battery            {"percent": 15}: the charge falls to that
  POST /locks/{lock}/jam                {"on": true}
  POST /locks/{lock}/door               {"open": true}
  POST /locks/{lock}/range              {"off": true}: out of radio range
  POST /locks/{lock}/tamper, /force
  POST /locks/{lock}/faults             {"SetPINLies": "true", "LongPoll": "2s"}
  GET  /dongle                          the network
  POST /dongle/unplug, /replug, /crash
  POST /air                             {"loss": 0.2, "router_off": false}
`

// body is every field that a POST may carry.
type body struct {
	Model, Name, Code, Old, Master, Number, For string
	Slot, Percent                               int
	Lock, Finger, On, Open, Off                 bool
	Loss                                        *float64
	RouterOff                                   *bool `json:"router_off"`
}

type fail struct {
	status int
	err    error
}

func (f fail) Error() string { return f.err.Error() }

func control(home *lockfw.Home) http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, fn func(r *http.Request) (any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
			v, err := fn(r)
			w.Header().Set("Content-Type", "application/json")
			if err != nil {
				status := http.StatusBadRequest
				var f fail
				switch {
				case errors.As(err, &f):
					status = f.status
				case errors.Is(err, lockfw.ErrRefused):
					status = http.StatusConflict
				}
				w.WriteHeader(status)
				v = map[string]string{"error": err.Error()}
			}
			_ = json.NewEncoder(w).Encode(v)
		})
	}
	get := func(path string, fn func(l *lockfw.Lock) any) {
		handle("GET /locks/{lock}"+path, func(r *http.Request) (any, error) {
			l, err := find(home, r.PathValue("lock"))
			if err != nil {
				return nil, err
			}
			return fn(l), nil
		})
	}
	post := func(path string, fn func(l *lockfw.Lock, b body, r *http.Request) error) {
		handle("POST /locks/{lock}"+path, func(r *http.Request) (any, error) {
			l, err := find(home, r.PathValue("lock"))
			if err != nil {
				return nil, err
			}
			b, err := read(r)
			if err != nil {
				return nil, err
			}
			if err := fn(l, b, r); err != nil {
				return nil, err
			}
			return show(l), nil
		})
	}
	handle("GET /locks", func(*http.Request) (any, error) {
		all := []any{}
		for _, l := range home.Locks() {
			all = append(all, show(l))
		}
		return all, nil
	})
	handle("POST /locks", func(r *http.Request) (any, error) {
		b, err := read(r)
		if err != nil {
			return nil, err
		}
		l, err := home.AddLock(lockfw.LockConfig{Model: b.Model, Name: b.Name})
		if err != nil {
			return nil, err
		}
		return show(l), nil
	})
	doors(get, post)
	faults(home, handle)
	handle("GET /dongle", func(*http.Request) (any, error) {
		n, up := home.Dongle().Network()
		return map[string]any{"address": n.Coordinator, "pan": n.PAN, "extended_pan": n.ExtendedPAN, "channel": n.Channel, "up": up, "open": home.Dongle().PermitsJoin()}, nil
	})
	for name, fn := range map[string]func(){"unplug": home.Dongle().Unplug, "replug": home.Dongle().Replug, "crash": home.Dongle().Crash} {
		handle("POST /dongle/"+name, func(*http.Request) (any, error) {
			fn()
			return map[string]string{"done": name}, nil
		})
	}
	handle("POST /air", func(r *http.Request) (any, error) {
		b, err := read(r)
		if err != nil {
			return nil, err
		}
		if b.Loss != nil {
			home.SetLoss(*b.Loss)
		}
		if b.RouterOff != nil {
			home.RouterOff(*b.RouterOff)
		}
		return map[string]string{"done": "air"}, nil
	})
	return mux
}

func read(r *http.Request) (body, error) {
	var b body
	if r.ContentLength == 0 {
		return b, nil
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return b, fmt.Errorf("the body is not what this takes: %w", err)
	}
	return b, nil
}

func find(home *lockfw.Home, name string) (*lockfw.Lock, error) {
	if n, err := strconv.Atoi(name); err == nil {
		if all := home.Locks(); n >= 1 && n <= len(all) {
			return all[n-1], nil
		}
	}
	if id, err := zigbee.ParseEUI64(name); err == nil {
		if l := home.Lock(id); l != nil {
			return l, nil
		}
	}
	return nil, fail{http.StatusNotFound, fmt.Errorf("there is no lock %q", name)}
}

func show(l *lockfw.Lock) any {
	return map[string]any{
		"address": l.ID(), "name": l.Name(), "model": l.Model(), "family": l.Family().Name, "bolt": l.Bolt().String(), "joined": l.Joined(),
		"network_address": l.NWK().String(), "battery": l.Battery(), "needs_master": l.NeedsMaster(), "binds": l.Binds(),
	}
}

func doors(get func(string, func(*lockfw.Lock) any), post func(string, func(*lockfw.Lock, body, *http.Request) error)) {
	get("", show)
	get("/history", func(l *lockfw.Lock) any {
		all := []any{}
		for _, m := range l.History() {
			all = append(all, map[string]any{"at": m.At, "bolt": m.Bolt.String(), "cause": m.Cause, "slot": m.Slot, "frame": fmt.Sprintf("%x", m.Frame)})
		}
		return all
	})
	get("/indicators", func(l *lockfw.Lock) any {
		all := []any{}
		for _, i := range l.Indicators() {
			all = append(all, map[string]any{"at": i.At, "sign": i.Sign})
		}
		return all
	})
	get("/codes", func(l *lockfw.Lock) any {
		all := []any{}
		for _, c := range l.Codes() {
			all = append(all, map[string]any{"slot": c.Slot, "status": c.Status, "type": c.Type, "code": c.PIN.Reveal()})
		}
		return all
	})
	get("/sticker", func(l *lockfw.Lock) any {
		master, users := l.Sticker()
		codes := []string{}
		for _, u := range users {
			codes = append(codes, u.Reveal())
		}
		return map[string]any{"programming": master.Reveal(), "users": codes}
	})
	simple := func(path string, fn func(l *lockfw.Lock, b body)) {
		post(path, func(l *lockfw.Lock, b body, _ *http.Request) error {
			fn(l, b)
			return nil
		})
	}
	simple("/turn", func(l *lockfw.Lock, b body) { l.TurnThumb(b.Lock) })
	simple("/key", func(l *lockfw.Lock, b body) { l.Key(b.Lock) })
	simple("/onetouch", func(l *lockfw.Lock, _ body) { l.OneTouch() })
	simple("/join", func(l *lockfw.Lock, _ body) { l.PressJoin() })
	simple("/push", func(l *lockfw.Lock, _ body) { l.PushButton() })
	simple("/jam", func(l *lockfw.Lock, b body) { l.Jam(b.On) })
	simple("/door", func(l *lockfw.Lock, b body) { l.OpenDoor(b.Open) })
	simple("/range", func(l *lockfw.Lock, b body) { l.Off(b.Off) })
	simple("/tamper", func(l *lockfw.Lock, _ body) { l.Tamper() })
	simple("/force", func(l *lockfw.Lock, _ body) { l.ForceOpen() })
	simple("/tag", func(l *lockfw.Lock, b body) { l.AddTag(b.Slot, b.Number) })
	simple("/battery", func(l *lockfw.Lock, b body) { l.SetBattery(b.Percent) })
	simple("/batteries", func(l *lockfw.Lock, b body) {
		if b.Percent == 0 {
			l.PullBatteries()
			return
		}
		l.FitBatteries(b.Percent)
	})
	post("/keypad", func(l *lockfw.Lock, b body, _ *http.Request) error { return l.Keypad(b.Code) })
	post("/master", func(l *lockfw.Lock, b body, _ *http.Request) error { return l.SetMaster(b.Old, b.Code) })
	post("/user", func(l *lockfw.Lock, b body, _ *http.Request) error {
		if b.Code == "" {
			return l.DeleteUser(b.Master, b.Slot)
		}
		return l.AddUser(b.Master, b.Slot, b.Code)
	})
	post("/present", func(l *lockfw.Lock, b body, _ *http.Request) error {
		if b.Finger {
			return l.Fingerprint(b.Slot)
		}
		return l.Tag(b.Slot)
	})
	wait := func(r *http.Request, done <-chan struct{}) error {
		select {
		case <-done:
			return nil
		case <-r.Context().Done():
			return r.Context().Err()
		}
	}
	post("/hold-reset", func(l *lockfw.Lock, b body, r *http.Request) error {
		d, err := time.ParseDuration(b.For)
		if err != nil || d < 0 || d > time.Hour {
			return fmt.Errorf(`"for" takes a duration like "3.5s"`)
		}
		return wait(r, l.HoldReset(d))
	})
	post("/reset", func(l *lockfw.Lock, _ body, r *http.Request) error { return wait(r, l.ResetByHand()) })
}

func faults(home *lockfw.Home, handle func(string, func(*http.Request) (any, error))) {
	handle("GET /locks/{lock}/faults", func(r *http.Request) (any, error) {
		l, err := find(home, r.PathValue("lock"))
		if err != nil {
			return nil, err
		}
		b := l.Behaviour()
		return b.Map(), nil
	})
	handle("POST /locks/{lock}/faults", func(r *http.Request) (any, error) {
		l, err := find(home, r.PathValue("lock"))
		if err != nil {
			return nil, err
		}
		var set map[string]string
		if err := json.NewDecoder(r.Body).Decode(&set); err != nil {
			return nil, fmt.Errorf("the body is not what this takes: %w", err)
		}
		b := l.Behaviour()
		for name, value := range set {
			if err := b.Set(name, value); err != nil {
				return nil, err
			}
		}
		l.Adjust(func(now *lockfw.Behaviour) { *now = b })
		return b.Map(), nil
	})
}
