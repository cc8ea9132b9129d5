package homekit

import (
	"context"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// resetDesk starts a lock's factory reset by two switches: the first makes the plan, the second, of the same administrator and not sooner than times.pressAfter
// nor later than times.pressWithin, confirms it. What follows needs hands at the door and is shown by the page, the terminal and the journal.
type resetDesk struct {
	lock *lock

	mu      sync.Mutex
	plan    string // its hash; empty: the first switch was not pressed
	by      string // controller
	pressed time.Time
	timer   *time.Timer
}

// writeFirst makes the plan, or takes the press back.
func (d *resetDesk) writeFirst(ctx context.Context, r hap.Request, value any) (any, hap.Status) {
	if !r.Admin {
		return nil, hap.StatusInsufficientPrivileges
	}
	if on, _ := value.(bool); !on {
		d.lift()
		return nil, hap.StatusOK
	}
	plan, err := d.lock.a.b.PlanReset(ctx, d.lock.id, "")
	if err != nil {
		d.lock.a.log.Error("no plan for a factory reset", "lock", d.lock.id, "err", err)
		return nil, hap.StatusUnreachable
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.timer != nil {
		d.timer.Stop()
	}
	d.plan, d.by, d.pressed = plan.Hash, r.Controller, time.Now()
	var timer *time.Timer
	timer = time.AfterFunc(d.lock.a.times.pressWithin, func() {
		d.mu.Lock()
		mine := d.timer == timer
		d.mu.Unlock()
		if mine {
			d.lift()
		}
	})
	d.timer = timer
	d.lock.a.log.Warn("a factory reset was prepared in Apple Home; the second switch within a minute starts it", "lock", d.lock.id, "controller", r.Controller)
	return nil, hap.StatusOK
}

// writeSecond confirms.
func (d *resetDesk) writeSecond(ctx context.Context, r hap.Request, value any) (any, hap.Status) {
	if !r.Admin {
		return nil, hap.StatusInsufficientPrivileges
	}
	if on, _ := value.(bool); !on {
		return nil, hap.StatusOK
	}
	d.mu.Lock()
	plan, by, waited := d.plan, d.by, time.Since(d.pressed)
	d.mu.Unlock()
	if plan == "" || by != r.Controller || waited < d.lock.a.times.pressAfter || waited > d.lock.a.times.pressWithin {
		return nil, hap.StatusUnreachable // not in this state: nothing was pressed before, or just now by a scene, or by somebody else
	}
	err := d.lock.a.b.ConfirmReset(ctx, d.lock.id, plan, bridge.Cause{Source: bridge.SourceHomeKit, Actor: r.Controller})
	if err != nil {
		d.lock.a.log.Error("the factory reset was not started", "lock", d.lock.id, "err", err)
		return nil, hap.StatusUnreachable
	}
	d.lift()
	return nil, hap.StatusOK
}

// lift lets both switches go up again, and once more a moment later: HAP stores what was pressed when its handler has answered.
func (d *resetDesk) lift() {
	d.mu.Lock()
	d.plan, d.by = "", ""
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
	d.mu.Unlock()
	l := d.lock
	up := func() { l.set(hap.Value{C: l.m.resetOne, V: false}, hap.Value{C: l.m.resetTwo, V: false}) }
	up()
	time.AfterFunc(300*time.Millisecond, up)
}
