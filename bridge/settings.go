package bridge

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"
)

// Settings reads the lock's own settings from the lock. What it does not have, or does not tell, is nil.
func (b *Bridge) Settings(ctx context.Context, id LockID) (Settings, error) {
	l, dl, err := b.settingsOf(id)
	if err != nil {
		return Settings{}, err
	}
	ctx, cancel := b.withDeadline(ctx)
	defer cancel()
	s, err := dl.ReadSettings(ctx)
	if err != nil {
		return Settings{}, fmt.Errorf("bridge: settings of %s: %w", id, err)
	}
	b.knowSettings(l, s, nil)
	return s, nil
}

// ChangeSettings writes those of the lock's own settings that are not nil, and reads them back. It returns ErrRejected with a sentence if the lock did not
// take one, and ErrConflict while a reset of the lock is under way, which restores its settings itself. What the configuration says of the lock is applied
// again at the next start.
func (b *Bridge) ChangeSettings(ctx context.Context, c Cause, id LockID, want Settings) error {
	if want == (Settings{}) {
		return nil
	}
	l, dl, err := b.settingsOf(id)
	if err != nil {
		return err
	}
	if b.resets.holdsCodes(id) {
		return fmt.Errorf("bridge: settings of %s: a reset of this lock is under way: %w", id, ErrConflict)
	}
	ctx, cancel := b.withDeadline(ctx)
	defer cancel()
	if _, err := b.putSettings(ctx, c, l, dl, want); err != nil {
		return fmt.Errorf("bridge: settings of %s: %w", id, err)
	}
	return nil
}

func (b *Bridge) settingsOf(id LockID) (*lockState, Lock, error) {
	b.mu.Lock()
	l, err := b.find(id)
	b.mu.Unlock()
	if err != nil {
		return nil, nil, err
	}
	dl, err := b.drv.Lock(id)
	if err != nil {
		return nil, nil, fmt.Errorf("bridge: settings of %s: %w", id, err)
	}
	return l, dl, nil
}

// putSettings writes settings, reads them back, and tells what became of them. told is false if the lock was not reached, so that nothing is known.
func (b *Bridge) putSettings(ctx context.Context, c Cause, l *lockState, dl Lock, want Settings) (told bool, err error) {
	werr := dl.WriteSettings(ctx, want)
	if werr != nil && silent(werr) {
		return false, werr
	}
	have, rerr := dl.ReadSettings(ctx)
	switch {
	case rerr != nil && silent(rerr):
		return false, rerr
	case werr != nil:
		b.noteSettings(c, l, want, "the lock did not take it: "+sentence(werr))
		return true, werr
	case rerr != nil:
		b.noteSettings(c, l, want, "written, but the lock does not let it be read back")
		return true, nil
	}
	why, taken := differences(want, have)
	b.knowSettings(l, have, func() {
		b.publish(Event{Lock: l.id, Cause: c, Body: SettingsMoved{Settings: have.only(want), Why: why}})
	})
	if !taken {
		return true, fmt.Errorf("%s: %w", why, ErrRejected)
	}
	return true, nil
}

func (b *Bridge) noteSettings(c Cause, l *lockState, want Settings, why string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.publish(Event{Lock: l.id, Cause: c, Body: SettingsMoved{Settings: want, Why: why}})
}

// knowSettings keeps what the lock said, so that a reset nobody asked for here can be made good. also is done under the same lock.
func (b *Bridge) knowSettings(l *lockState, s Settings, also func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	l.work.asked = true
	if !reflect.DeepEqual(l.saved.Settings, s) {
		l.saved.Settings = s
		b.dirty[l.id] = true
	}
	if also != nil {
		also()
	}
}

// only leaves those settings that mask has.
func (s Settings) only(mask Settings) Settings {
	v, m := reflect.ValueOf(&s).Elem(), reflect.ValueOf(mask)
	for i := range v.NumField() {
		if m.Field(i).IsNil() {
			v.Field(i).SetZero()
		}
	}
	return s
}

// differences compares what was written with what was read. A lock may make another time of a relock time, because it knows few of them; that is said, and is
// no failure as long as on stays on.
func differences(want, have Settings) (why string, taken bool) {
	taken = true
	var all []string
	w, h := reflect.ValueOf(want), reflect.ValueOf(have)
	for i := range w.NumField() {
		if w.Field(i).IsNil() {
			continue
		}
		name := strings.ToLower(settingName(w.Type().Field(i).Name))
		asked := w.Field(i).Elem().Interface()
		if h.Field(i).IsNil() {
			all = append(all, name+": the lock does not let it be read back")
			continue
		}
		got := h.Field(i).Elem().Interface()
		if asked == got {
			continue
		}
		all = append(all, fmt.Sprintf("%s: asked for %v, the lock has %v", name, asked, got))
		if d, ok := asked.(time.Duration); !ok || (d == 0) != (got == time.Duration(0)) {
			taken = false
		}
	}
	return strings.Join(all, "; "), taken
}

// setSettings brings the configuration's relock time to the lock: read first, written only if it differs, read back, and not again before the next start or
// reset whatever came of it.
func (b *Bridge) setSettings(ctx context.Context, l *lockState, dl Lock) error {
	want := Settings{AutoRelock: b.cfg.Locks[l.id].Relock}
	done := func() {
		b.mu.Lock()
		l.work.settings = true
		b.mu.Unlock()
	}
	have, err := dl.ReadSettings(ctx)
	if err != nil && silent(err) {
		return err
	}
	if err == nil && have.AutoRelock != nil && *have.AutoRelock == *want.AutoRelock {
		b.knowSettings(l, have, nil)
		done()
		return nil
	}
	told, err := b.putSettings(ctx, Cause{Source: SourceBridge}, l, dl, want)
	if !told {
		return err
	}
	done()
	if err != nil {
		b.log.Warn("the lock does not take the relock time of the configuration; it is tried again at the next start", "lock", l.id, "err", err)
	}
	return nil
}

// askSettings reads the lock's own settings once, so that a reset nobody asked for here can be made good.
func (b *Bridge) askSettings(ctx context.Context, l *lockState, dl Lock) error {
	s, err := dl.ReadSettings(ctx)
	if err != nil {
		if silent(err) {
			return err
		}
		b.mu.Lock()
		l.work.asked = true
		b.mu.Unlock()
		return nil //nolint:nilerr // it has none that could be read
	}
	b.knowSettings(l, s, nil)
	return nil
}
