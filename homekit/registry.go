package homekit

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

const (
	registryKey     = "homekit/registry"
	registryVersion = 1
)

// registry keeps what must not move between starts and is not the HAP host's own: which locks were ever published, their aids behind a bridge, and the
// identifiers under which controllers know codes. It is one record: what belongs together changes together.
type registry struct {
	kv hap.KV

	mu   sync.Mutex
	data registryData
}

type registryData struct {
	Version int `json:"version"`
	// NextAID only grows: the aid of a lock that is gone is never given again (R2 2.6.1.1). 1 is the bridge itself.
	NextAID uint64                        `json:"next_aid"`
	Locks   map[bridge.LockID]*lockRecord `json:"locks"`
}

type lockRecord struct {
	AID   uint64  `json:"aid,omitempty"`
	Codes codeIDs `json:"codes,omitzero"`
	// LogsAfter is the journal's number after which the lock's log is shown in HomeKit: a controller cleared it.
	LogsAfter uint64 `json:"logs_after,omitempty"`
}

func openRegistry(kv hap.KV, log *slog.Logger) (*registry, error) {
	r := &registry{kv: kv, data: registryData{Version: registryVersion, NextAID: 2}}
	b, found, err := kv.Get(registryKey)
	if err != nil {
		// Better without than not at all. Behind a bridge no lock may come to stand under another one's aid: the new ones begin where none ever was.
		log.Error("the registry of HomeKit accessories cannot be read and is begun anew: behind a bridge, locks appear in Apple Home as new ones", "err", err)
		r.data.NextAID = uint64(time.Now().Unix())
		if err := r.save(); err != nil {
			return nil, err
		}
	}
	if found {
		if err := json.Unmarshal(b, &r.data); err != nil {
			return nil, fmt.Errorf("homekit: the registry is damaged, restore a backup: %w", err)
		}
		if r.data.Version != registryVersion {
			return nil, fmt.Errorf("homekit: the registry has version %d, this program knows version %d only: use a newer one", r.data.Version, registryVersion)
		}
	}
	r.data.NextAID = max(r.data.NextAID, 2)
	if r.data.Locks == nil {
		r.data.Locks = make(map[bridge.LockID]*lockRecord)
	}
	return r, nil
}

// locks lists what was published and not forgotten.
func (r *registry) locks() []bridge.LockID {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := make([]bridge.LockID, 0, len(r.data.Locks))
	for id := range r.data.Locks {
		ids = append(ids, id)
	}
	return ids
}

// known tells whether the lock has been published before.
func (r *registry) known(id bridge.LockID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.data.Locks[id] != nil
}

// admit makes the lock known and, behind a bridge, gives it an aid, durably.
func (r *registry) admit(id bridge.LockID, bridged bool) (aid uint64, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.data.Locks[id]
	if rec != nil && (!bridged || rec.AID != 0) {
		if bridged {
			return rec.AID, nil
		}
		return 1, nil
	}
	old, oldNext := rec, r.data.NextAID
	next := lockRecord{}
	if rec != nil {
		next = *rec
	}
	aid = 1
	if bridged {
		aid, next.AID = r.data.NextAID, r.data.NextAID
		r.data.NextAID++
	}
	r.data.Locks[id] = &next
	if err := r.save(); err != nil {
		r.data.NextAID = oldNext
		if old == nil {
			delete(r.data.Locks, id)
		} else {
			r.data.Locks[id] = old
		}
		return 0, err
	}
	return aid, nil
}

// retire forgets the lock. Its aid stays used up.
func (r *registry) retire(id bridge.LockID) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.data.Locks[id]
	if rec == nil {
		return nil
	}
	delete(r.data.Locks, id)
	if err := r.save(); err != nil {
		r.data.Locks[id] = rec
		return err
	}
	return nil
}

// edit changes a lock's record durably. If f returns false nothing is written.
func (r *registry) edit(id bridge.LockID, f func(*lockRecord) bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec := r.data.Locks[id]
	if rec == nil {
		return fmt.Errorf("homekit: %w", bridge.ErrNoSuchLock)
	}
	next := *rec
	next.Codes = rec.Codes.clone()
	if !f(&next) {
		return nil
	}
	r.data.Locks[id] = &next
	if err := r.save(); err != nil {
		r.data.Locks[id] = rec
		return err
	}
	return nil
}

// logsAfter is where the lock's shown log begins.
func (r *registry) logsAfter(id bridge.LockID) uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec := r.data.Locks[id]; rec != nil {
		return rec.LogsAfter
	}
	return 0
}

func (r *registry) save() error {
	b, err := json.Marshal(r.data)
	if err != nil {
		return fmt.Errorf("homekit: write the registry: %w", err)
	}
	if err := r.kv.Put(registryKey, b); err != nil {
		return fmt.Errorf("homekit: write the registry: %w", err)
	}
	return nil
}
