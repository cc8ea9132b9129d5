// Package stack is the daemon's path from the dongle to the store without its front-ends, for tests that stop it anywhere: each side effect on a lock and
// each record in the store can be made to pass a point.
package stack

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/store"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/doorlock"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// Config says where the stack stands.
type Config struct {
	Dir    string // of the state
	Dongle string // tcp://host:port
	Speed  float64
	Locks  map[bridge.LockID]bridge.LockSettings
	Logger *slog.Logger
	Point  func(name string) // passed before and after each side effect and record; nil: nothing
}

// Stack is the daemon's inner part.
type Stack struct {
	*bridge.Bridge
	store *store.Store
	radio *znp.Coordinator
}

// New opens the state. Nothing runs before Run.
func New(cfg Config) (*Stack, error) {
	if cfg.Point == nil {
		cfg.Point = func(string) {}
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, err
	}
	key, err := store.LoadKey(cfg.Dir, "")
	if err != nil {
		return nil, err
	}
	st, err := store.Open(store.Config{Dir: cfg.Dir, Key: key, Logger: cfg.Logger})
	if err != nil {
		return nil, err
	}
	s := &Stack{store: st}
	s.radio = znp.New(znp.Config{Port: cfg.Dongle, Vault: vault{st.KV("radio")}, Logger: cfg.Logger})
	driver, err := doorlock.New(doorlock.Config{Logger: cfg.Logger, Store: records{st.KV("doorlock")}}, s.radio)
	if err == nil {
		s.Bridge, err = bridge.New(bridge.Config{Logger: cfg.Logger, Locks: cfg.Locks, Speed: cfg.Speed}, watched{driver, cfg.Point}, recorder{st, cfg.Point})
	}
	if err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return s, nil
}

// Run works until ctx ends, then closes the state.
func (s *Stack) Run(ctx context.Context) error {
	return errors.Join(s.Bridge.Run(ctx), s.store.Close())
}

// Up tells that the dongle works.
func (s *Stack) Up() bool { return s.radio.Dongle().Up }

type vault struct{ kv *store.KV }

func (v vault) Load() (znp.Saved, error) {
	var s znp.Saved
	b, found, err := v.kv.Get("network")
	if err != nil || !found {
		return s, err
	}
	if err := s.UnmarshalJSON(b); err != nil {
		return znp.Saved{}, fmt.Errorf("stack: the saved network: %w", err)
	}
	return s, nil
}

func (v vault) Save(s znp.Saved) error {
	b, err := s.MarshalJSON()
	if err != nil {
		return err
	}
	return v.kv.Put("network", b)
}

type records struct{ kv *store.KV }

func (r records) Records() (map[zigbee.EUI64][]byte, error) {
	out := map[zigbee.EUI64][]byte{}
	err := r.kv.Each(func(key string, value []byte) error {
		id, err := zigbee.ParseEUI64(key)
		if err == nil {
			out[id] = value
		}
		return err
	})
	return out, err
}

func (r records) Put(id zigbee.EUI64, record []byte) error { return r.kv.Put(id.String(), record) }
func (r records) Delete(id zigbee.EUI64) error             { return r.kv.Delete(id.String()) }
