package homekit

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// Accessory is what a person needs to pair one accessory. SetupCode and SetupURI are secrets while it is not paired; callers hide them once it is.
type Accessory struct {
	Lock      string        `json:"lock"` // the lock's name; "Latchkey" for the bridge
	LockID    bridge.LockID `json:"lock_id,omitempty"`
	SetupCode string        `json:"setup_code"`
	SetupURI  string        `json:"setup_uri"`
	Paired    bool          `json:"paired"`
	Port      int           `json:"port"`
	ID        string        `json:"id"` // device id, AA:BB:CC:DD:EE:FF
}

// Show lists the accessories, by name.
func (a *Adapter) Show() []Accessory {
	a.mu.Lock()
	hub := a.hub
	a.mu.Unlock()
	if hub != nil {
		return []Accessory{describe("Latchkey", "", hub)}
	}
	list := []Accessory{}
	if a.cfg.Mode == BridgeMode {
		return list
	}
	for _, l := range a.published() {
		l.mu.Lock()
		name := l.view.Name
		l.mu.Unlock()
		list = append(list, describe(name, l.id, l.server))
	}
	slices.SortFunc(list, func(x, y Accessory) int { return cmp.Or(cmp.Compare(x.Lock, y.Lock), cmp.Compare(x.LockID, y.LockID)) })
	return list
}

func describe(name string, id bridge.LockID, s *hap.Server) Accessory {
	return Accessory{Lock: name, LockID: id, SetupCode: s.SetupCode(), SetupURI: s.SetupURI(), Paired: s.Paired(), Port: s.Port(), ID: s.ID()}
}

// Missing says which locks are not in HomeKit, why, and what to do, a sentence each.
func (a *Adapter) Missing() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]string, 0, len(a.waiting))
	for _, why := range a.waiting {
		out = append(out, why)
	}
	slices.Sort(out)
	return out
}

// missing is the sentence for a lock that could not be published.
func (a *Adapter) missing(name string, err error) string {
	if errors.Is(err, hap.ErrNoPort) {
		return fmt.Sprintf("%s is not in HomeKit: no port from %d to %d is free for it. Give homekit.ports one port for each lock, or stop the program that holds them (ss -ltnp); it is tried again every half minute",
			name, a.cfg.FirstPort, a.cfg.LastPort)
	}
	return fmt.Sprintf("%s is not in HomeKit: %v. It is tried again every half minute", name, err)
}

// Unpair removes all controllers of a lock's accessory, or of the bridge in bridge mode, whatever the id. It touches no lock.
func (a *Adapter) Unpair(id bridge.LockID) error {
	a.mu.Lock()
	s := a.hub
	if l := a.locks[id]; s == nil && l != nil {
		s = l.server
	}
	a.mu.Unlock()
	if s == nil {
		return fmt.Errorf("homekit: unpair %s: %w", id, bridge.ErrNoSuchLock)
	}
	return s.Unpair()
}

// Stats counts sessions, pairings, advertised accessories and pairing failures of the process.
func (a *Adapter) Stats() hap.Stats { return a.host.Stats() }
