package journeys

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/web"
)

func init() {
	vocabulary["phone"] = func(p *play, _ *testscript.TestScript, a []string) error { return p.phone(a) }
}

// phone is a HomeKit controller that knows one lock's accessory.
type phone struct {
	*controller.Pairing
	ear *controller.Conn // a second connection, on which it listens
}

// accessory finds where a lock's accessory listens, and its code.
func (p *play) accessory(ctx context.Context, n string) (a web.HomeKitAccessory, err error) {
	l := p.lock(n)
	if p.home != nil {
		x, err := p.home.Accessory(ctx, l)
		return web.HomeKitAccessory{SetupCode: x.SetupCode, Paired: x.Paired, Port: x.Port}, err
	}
	err = until(ctx, "the accessory", func() bool {
		var list []web.HomeKitAccessory
		if p.ask(ctx, &list, "homekit", "show", "--codes") != nil {
			return false
		}
		for _, a = range list {
			if a.LockID == house.ID(l) {
				return true
			}
		}
		return false
	})
	return a, err
}

func address(a web.HomeKitAccessory) string { return fmt.Sprintf("127.0.0.1:%d", a.Port) }

// phone: "phone N pair", "phone N unlock STATUS", "phone N current VALUE", "phone N target VALUE", "phone N reads STATUS"; "phone N listen" opens
// a second connection and subscribes there, "phone N hears current VALUE" waits for the event on it.
func (p *play) phone(a []string) error {
	ctx, cancel := within()
	defer cancel()
	if a[1] == "pair" {
		x, err := p.accessory(ctx, a[0])
		if err != nil {
			return err
		}
		pairing, err := controller.Pair(ctx, address(x), x.SetupCode)
		p.phones[a[0]] = &phone{Pairing: pairing}
		return err
	}
	ph := p.phones[a[0]]
	if a[1] == "hears" {
		return ph.hears(ctx, a[2], a[3])
	}
	c, err := ph.Connect(ctx)
	if err != nil {
		return err
	}
	ids, err := house.FindLock(ctx, c)
	if a[1] == "listen" && err == nil {
		p.defers(func() { c.Close() })
		ph.ear = c
		return c.Subscribe(ctx, ids.Current, ids.Target)
	}
	defer c.Close()
	if err != nil {
		return err
	}
	switch a[1] {
	case "lock", "unlock":
		value := map[string]int{"unlock": 0, "lock": 1}[a[1]]
		res, err := c.PutTimed(ctx, 5*time.Second, controller.Write{ID: ids.Target, Value: value})
		if err != nil {
			return err
		}
		got := 0
		if len(res) > 0 {
			got = res[0].Status
		}
		if want, err := strconv.Atoi(a[2]); err != nil || got != want {
			return fmt.Errorf("status %d, want %s", got, a[2])
		}
		return nil
	case "reads":
		return until(ctx, "status "+a[2]+" of a read", func() bool {
			got, err := c.Get(ctx, ids.Current)
			return err == nil && len(got) == 1 && strconv.Itoa(got[0].Status) == a[2]
		})
	case "current", "target":
		id := map[string]controller.ID{"current": ids.Current, "target": ids.Target}[a[1]]
		var last any
		err := until(ctx, a[1]+" "+a[2], func() bool {
			got, err := c.Get(ctx, id)
			if err != nil || len(got) != 1 {
				return false
			}
			last = got[0].Value
			return fmt.Sprint(last) == a[2]
		})
		if err != nil {
			return fmt.Errorf("%w; it is %v", err, last)
		}
		return nil
	}
	return fmt.Errorf("phone %s?", a[1])
}

// hears waits for an event on the second connection.
func (ph *phone) hears(ctx context.Context, what, value string) error {
	if ph.ear == nil {
		return errors.New("this phone does not listen")
	}
	ids, err := house.FindLock(ctx, ph.ear)
	if err != nil {
		return err
	}
	id := map[string]controller.ID{"current": ids.Current, "target": ids.Target}[what]
	for {
		got, err := ph.ear.NextEvent(ctx)
		if err != nil {
			return fmt.Errorf("no event that says %s %s: %w", what, value, err)
		}
		for _, r := range got {
			if r.ID == id && fmt.Sprint(r.Value) == value {
				return nil
			}
		}
	}
}
