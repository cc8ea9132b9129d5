package doorlock

import (
	"encoding/json"
	"fmt"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
)

// Store keeps what the driver must know after a restart: one small record a lock, by its IEEE address. There are no secrets in it.
type Store interface {
	Records() (map[zigbee.EUI64][]byte, error) // an empty one: there is a lock, and its record cannot be read
	Put(id zigbee.EUI64, record []byte) error  // durable when it returns nil
	Delete(id zigbee.EUI64) error
}

// recordVersion is the form of record that this version writes.
const recordVersion = 1

// record is what is kept of a lock.
type record struct {
	Version          int          `json:"version"`
	Address          zigbee.EUI64 `json:"address"`
	ManufacturerCode uint16       `json:"manufacturer_code,omitempty"`
	Endpoint         uint8        `json:"endpoint,omitempty"`
	Endpoints        []uint8      `json:"endpoints,omitempty"`
	Clusters         []uint16     `json:"clusters,omitempty"` // server clusters of Endpoint
	HalfPercent      bool         `json:"half_percent,omitempty"`
	Events           bool         `json:"events,omitempty"` // it sends operation events
	SendsPIN         *bool        `json:"sends_pin,omitempty"`
	TimeAsked        uint16       `json:"time_asked,omitempty"` // bit n: it has asked for attribute n of the Time cluster
	Info             bridge.Info  `json:"info"`
}

func parseRecord(id zigbee.EUI64, b []byte) (record, error) {
	var r record
	if err := json.Unmarshal(b, &r); err != nil {
		return record{}, fmt.Errorf("doorlock: record of %v: %w", id, err)
	}
	if r.Version > recordVersion || r.Version < 1 {
		return record{}, fmt.Errorf("doorlock: record of %v has version %d, and this program knows up to %d: use the newer program", id, r.Version, recordVersion)
	}
	r.Address = id
	return r, nil
}

// save puts the record into the writer's hands. The caller holds l.mu.
func (l *lock) save() {
	l.rec.Version = recordVersion
	b, err := json.Marshal(l.rec)
	if err != nil {
		l.d.log.Error("record of the lock cannot be written", "lock", l.name, "error", err)
		return
	}
	l.d.keep(l.id, b)
}

// noStore keeps nothing.
type noStore struct{}

func (noStore) Records() (map[zigbee.EUI64][]byte, error) { return nil, nil }
func (noStore) Put(zigbee.EUI64, []byte) error            { return nil }
func (noStore) Delete(zigbee.EUI64) error                 { return nil }
