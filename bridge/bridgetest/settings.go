package bridgetest

import (
	"context"
	"reflect"

	"github.com/latchkeyd/latchkey/bridge"
)

// SetSettings gives the lock settings, and a way of making something else of what is written (nil: it takes it as it is).
func (l *Lock) SetSettings(s bridge.Settings, takes func(bridge.Settings) bridge.Settings) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.settings, l.takes = s, takes
}

// Settings are what the lock has.
func (l *Lock) Settings() bridge.Settings {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.settings
}

// ReadSettings implements bridge.Lock.
func (l *Lock) ReadSettings(ctx context.Context) (s bridge.Settings, err error) {
	err = l.do(ctx, "read settings", false, func() error { s = l.settings; return nil })
	return s, err
}

// WriteSettings implements bridge.Lock: what is nil stays.
func (l *Lock) WriteSettings(ctx context.Context, s bridge.Settings) error {
	return l.do(ctx, "write settings", false, func() error {
		if l.takes != nil {
			s = l.takes(s)
		}
		to, from := reflect.ValueOf(&l.settings).Elem(), reflect.ValueOf(s)
		for i := range from.NumField() {
			if !from.Field(i).IsNil() {
				to.Field(i).Set(from.Field(i))
			}
		}
		return nil
	})
}
