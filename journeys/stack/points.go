package stack

import (
	"context"
	"encoding/json"

	"github.com/latchkeyd/latchkey/bridge"
)

// recorder passes a point before and after each record. A record of a reset workflow is named after the stage in it.
type recorder struct {
	bridge.Store
	point func(string)
}

func (r recorder) Commit(c bridge.Change) error {
	what := recordOf(c)
	if what == "" {
		return r.Store.Commit(c)
	}
	r.point("before the record " + what)
	err := r.Store.Commit(c)
	r.point("after the record " + what)
	return err
}

func recordOf(c bridge.Change) string {
	switch {
	case len(c.PutResets) > 0:
		var rec struct{ Asked, Answered string }
		if json.Unmarshal(c.PutResets[0].Data, &rec) != nil {
			return "reset"
		}
		s := c.PutResets[0].Stage
		if s == string(bridge.ResetErasing) {
			switch {
			case rec.Answered != "":
				s += ", answered"
			case rec.Asked != "":
				s += ", asked"
			}
		}
		return s
	case len(c.PutUsers)+len(c.DropUsers) > 0:
		return "user"
	case len(c.PutSlots)+len(c.DropSlots) > 0:
		return "slot"
	}
	return "" // the journal alone
}

// watched passes a point before and after each side effect.
type watched struct {
	bridge.Driver
	point func(string)
}

func (w watched) Lock(id bridge.LockID) (bridge.Lock, error) {
	l, err := w.Driver.Lock(id)
	if err != nil {
		return nil, err
	}
	return watchedLock{l, w.point}, nil
}

func (w watched) Admit(ctx context.Context, j bridge.Join) error {
	w.point("before the network opens or closes")
	err := w.Driver.Admit(ctx, j)
	w.point("after the network opens or closes")
	return err
}

type watchedLock struct {
	bridge.Lock
	point func(string)
}

func (l watchedLock) around(what string, f func() error) error {
	l.point("before " + what)
	err := f()
	l.point("after " + what)
	return err
}

func (l watchedLock) Actuate(ctx context.Context, a bridge.Action) error {
	return l.around(a.Kind.String(), func() error { return l.Lock.Actuate(ctx, a) })
}

func (l watchedLock) WritePIN(ctx context.Context, s bridge.Slot, p bridge.PIN) error {
	return l.around("a code is written", func() error { return l.Lock.WritePIN(ctx, s, p) })
}

func (l watchedLock) ClearPIN(ctx context.Context, s bridge.Slot) error {
	return l.around("a code is cleared", func() error { return l.Lock.ClearPIN(ctx, s) })
}

func (l watchedLock) WriteSchedule(ctx context.Context, s bridge.Slot, sch bridge.Schedule) error {
	return l.around("a schedule is written", func() error { return l.Lock.WriteSchedule(ctx, s, sch) })
}

func (l watchedLock) WriteSettings(ctx context.Context, s bridge.Settings) error {
	return l.around("settings are written", func() error { return l.Lock.WriteSettings(ctx, s) })
}

// Reconfigure lets what the driver's lock can do be seen through.
func (l watchedLock) Reconfigure(ctx context.Context) error {
	if rc, ok := l.Lock.(bridge.Reconfigurer); ok {
		return rc.Reconfigure(ctx)
	}
	return nil
}

func (l watchedLock) Reset(ctx context.Context, way bridge.ResetWay) error {
	return l.around("the erase", func() error { return l.Lock.Reset(ctx, way) })
}
