package homekit

import (
	"fmt"

	"github.com/brutella/hap/accessory"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// hubKey names the bridge accessory's records in bridge mode; lockKey those of a lock's own accessory.
const hubKey = "bridge"

func lockKey(id bridge.LockID) string { return string(id) }

// bridgedLimit is how many locks stand behind one bridge: R2 2.5.3.2 allows 150 accessories with the bridge itself.
const bridgedLimit = 149

// publish puts a lock before controllers.
func (a *Adapter) publish(v bridge.LockView) error {
	if a.cfg.Mode == BridgeMode {
		return a.publishBridged(v)
	}
	if _, err := a.reg.admit(v.ID, false); err != nil {
		return err
	}
	l := newLock(a, v, newModel(1, v, a.shapeOf(v), true))
	s, err := a.host.Open(hap.ServerConfig{
		Key: lockKey(v.ID), Name: displayName(v.Name), Model: l.m.acc.Info.Model.Value(), Category: accessory.TypeDoorLock,
		Port: a.cfg.FirstPort, PortLast: a.cfg.LastPort, Store: a.cfg.KV, Accessories: []*accessory.A{l.m.acc},
		Setup: func(s *hap.Server) {
			l.attach(s)
			a.watchPairings(s, lockKey(v.ID), v.ID)
			s.OnIdentify(func(uint64) { a.identify(v.ID) })
		},
	})
	if err != nil {
		return fmt.Errorf("homekit: publish %s: %w", v.ID, err)
	}
	a.countPairings(s, lockKey(v.ID))
	a.add(l, v)
	return nil
}

func (a *Adapter) publishBridged(v bridge.LockView) error {
	if len(a.published()) >= bridgedLimit {
		return fmt.Errorf("homekit: a HomeKit bridge holds %d locks at most: set homekit.mode to accessories", bridgedLimit)
	}
	aid, err := a.reg.admit(v.ID, true)
	if err != nil {
		return err
	}
	l := newLock(a, v, newModel(aid, v, a.shapeOf(v), false))
	l.attach(a.hub)
	if err := a.hub.AddAccessory(l.m.acc); err != nil {
		return fmt.Errorf("homekit: publish %s: %w", v.ID, err)
	}
	a.add(l, v)
	return nil
}

func (a *Adapter) add(l *lock, v bridge.LockView) {
	a.mu.Lock()
	a.locks[v.ID] = l
	a.mu.Unlock()
	l.show(v)
}

// openHub opens the bridge accessory.
func (a *Adapter) openHub() error {
	acc := newAccessory(1, information{name: "Latchkey", manufacturer: "Latchkey", model: "Latchkey bridge", serial: "latchkey", firmware: a.cfg.Version},
		accessory.TypeBridge, true)
	s, err := a.host.Open(hap.ServerConfig{
		Key: hubKey, Name: "Latchkey", Model: "Latchkey bridge", Category: accessory.TypeBridge,
		Port: a.cfg.FirstPort, PortLast: a.cfg.LastPort, Store: a.cfg.KV, Accessories: []*accessory.A{acc},
		Setup: func(s *hap.Server) {
			a.watchPairings(s, hubKey, "")
			s.OnIdentify(a.identifyBridged)
		},
	})
	if err != nil {
		return fmt.Errorf("homekit: publish the bridge: %w", err)
	}
	a.countPairings(s, hubKey)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.hub = s
	return nil
}

// withdraw takes a lock's accessory away to publish it anew; its records stay.
func (a *Adapter) withdraw(l *lock) {
	a.mu.Lock()
	if a.locks[l.id] == l {
		delete(a.locks, l.id)
		close(l.gone)
	}
	a.mu.Unlock()
	var err error
	if a.cfg.Mode == BridgeMode {
		err = a.hub.RemoveAccessory(l.m.acc.Id)
	} else {
		err = a.host.Close(lockKey(l.id))
	}
	if err != nil {
		a.log.Error("a HomeKit accessory was not withdrawn", "lock", l.id, "err", err)
	}
}

// forget removes a lock for good: its accessory, its identity and its pairings. If it ever comes back it is a new accessory.
func (a *Adapter) forget(id bridge.LockID) {
	if l := a.lock(id); l != nil {
		a.withdraw(l)
	}
	a.mu.Lock()
	delete(a.locks, id)
	delete(a.waiting, id)
	delete(a.count, lockKey(id))
	a.mu.Unlock()
	err := a.host.Forget(lockKey(id), a.cfg.KV)
	if err == nil {
		err = a.reg.retire(id)
	}
	if err != nil {
		a.log.Error("a forgotten lock's HomeKit identity could not be erased; it is tried again at the next start", "lock", id, "err", err)
	}
}

// identify: the standard wants the accessory to show itself. A lock has nothing to do that with, and nothing of it moves.
func (a *Adapter) identify(id bridge.LockID) {
	a.log.Info("a HomeKit controller asks which lock this is", "lock", id)
}

func (a *Adapter) identifyBridged(aid uint64) {
	for _, l := range a.published() {
		if l.m.acc.Id == aid {
			a.identify(l.id)
		}
	}
}

// watchPairings makes changes of pairings known to the journal. Lock is empty for the bridge accessory.
func (a *Adapter) watchPairings(s *hap.Server, key string, id bridge.LockID) {
	s.OnPairingChange(func() {
		n := len(s.Pairings())
		a.mu.Lock()
		before := a.count[key]
		a.count[key] = n
		a.mu.Unlock()
		change := "changed"
		switch {
		case n > before:
			change = "added"
		case n < before:
			change = "removed"
		}
		a.b.Note(bridge.Event{Lock: id, Cause: bridge.Cause{Source: bridge.SourceHomeKit},
			Body: bridge.PairingChanged{Face: "homekit", Change: change, Count: n}})
	})
}

// countPairings is where watchPairings starts from.
func (a *Adapter) countPairings(s *hap.Server, key string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.count[key] = len(s.Pairings())
}
