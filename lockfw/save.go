package lockfw

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

// ErrState tells that a saved home cannot be read.
var ErrState = errors.New("lockfw: not a saved home")

const stateVersion = 1

type savedHome struct {
	Version int          `json:"version"`
	Dongle  zigbee.EUI64 `json:"dongle,omitempty"` // the hardware's address
	Items   []savedItem  `json:"dongle_items"`
	Locks   []*savedLock `json:"locks"`
}

type savedItem struct {
	Sys   uint8  `json:"sys,omitempty"`
	ID    uint16 `json:"id"`
	Sub   uint16 `json:"sub,omitempty"`
	Ex    bool   `json:"extended,omitempty"`
	Value []byte `json:"value"`
}

type savedCode struct {
	Slot   uint16 `json:"slot"`
	Status uint8  `json:"status"`
	Type   uint8  `json:"type"`
	Code   []byte `json:"code"` // the lock's own memory: in clear, as in a lock
}

type savedLock struct {
	Model     string         `json:"model"`
	Name      string         `json:"name"`
	ID        zigbee.EUI64   `json:"address"`
	Behaviour Behaviour      `json:"behaviour"`
	Bolt      Bolt           `json:"bolt"`
	Charge    int            `json:"charge"`
	Powered   bool           `json:"powered"`
	Codes     []savedCode    `json:"codes"`
	Tags      []savedCode    `json:"tags"`
	Sticker   []savedCode    `json:"sticker,omitempty"`
	Master    bool           `json:"needs_master,omitempty"`
	Week      []savedItem    `json:"week_days,omitempty"`
	Year      []savedItem    `json:"year_days,omitempty"`
	Net       savedNetwork   `json:"network"`
	Binds     []savedBinding `json:"bindings"`
	Reports   []savedReport  `json:"reports"`
	Values    []savedItem    `json:"attributes"`
	Clock     time.Duration  `json:"clock"`
	ClockSet  bool           `json:"clock_set"`
}

type savedNetwork struct {
	Joined      bool         `json:"joined"`
	NWK         zigbee.NWK   `json:"nwk"`
	PAN         uint16       `json:"pan"`
	EPID        zigbee.EUI64 `json:"extended_pan"`
	Key         []byte       `json:"key"`
	Coordinator zigbee.EUI64 `json:"coordinator"`
	Heard       uint32       `json:"counter"`
	ViaRouter   bool         `json:"via_router"`
}

type savedBinding struct {
	Cluster uint16       `json:"cluster"`
	Src     uint8        `json:"endpoint"`
	Dst     zigbee.EUI64 `json:"to"`
	DstEP   uint8        `json:"to_endpoint"`
}

type savedReport struct {
	Cluster uint16 `json:"cluster"`
	Attr    uint16 `json:"attribute"`
	Least   uint16 `json:"min"`
	Most    uint16 `json:"max"`
	Change  []byte `json:"change"`
}

// Save writes the non-volatile memory of dongle and locks down, and how the bolts stand. It holds codes and keys in clear, as the things themselves do.
func (h *Home) Save() ([]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.dongle.up() {
		h.dongle.saveCounter(0)
	}
	s := savedHome{Version: stateVersion, Dongle: h.dongle.nv.hardware}
	for _, id := range slices.Sorted(maps.Keys(h.dongle.nv.items)) {
		s.Items = append(s.Items, savedItem{ID: id, Value: h.dongle.nv.items[id]})
	}
	for k, v := range h.dongle.nv.ex {
		s.Items = append(s.Items, savedItem{Ex: true, Sys: k.sys, ID: k.item, Sub: k.sub, Value: v})
	}
	for _, l := range h.locks {
		s.Locks = append(s.Locks, l.save())
	}
	return json.Marshal(s)
}

func saveCodes(m map[uint16]*slot) []savedCode {
	var c []savedCode
	for _, n := range slices.Sorted(maps.Keys(m)) {
		c = append(c, savedCode{Slot: n, Status: m[n].status, Type: m[n].typ, Code: m[n].pin})
	}
	return c
}

func loadCodes(c []savedCode) map[uint16]*slot {
	m := map[uint16]*slot{}
	for _, s := range c {
		m[s.Slot] = &slot{status: s.Status, typ: s.Type, pin: s.Code}
	}
	return m
}

func saveSchedules(m map[[2]uint16][]byte) []savedItem {
	var s []savedItem
	for k, v := range m {
		s = append(s, savedItem{ID: k[0], Sub: k[1], Value: v})
	}
	return s
}

func loadSchedules(s []savedItem) map[[2]uint16][]byte {
	m := map[[2]uint16][]byte{}
	for _, i := range s {
		m[[2]uint16{i.ID, i.Sub}] = i.Value
	}
	return m
}

func (l *Lock) save() *savedLock {
	s := &savedLock{
		Model: l.asked, Name: l.name, ID: l.id, Behaviour: l.b, Bolt: l.bolt, Charge: l.charge, Powered: l.powered,
		Codes: saveCodes(l.codes), Tags: saveCodes(l.tags), Master: l.needMaster, Week: saveSchedules(l.weekDays), Year: saveSchedules(l.yearDays),
		Net: savedNetwork{Joined: l.net.joined, NWK: l.net.nwk, PAN: l.net.pan, EPID: l.net.epid, Key: l.net.key[:], Coordinator: l.net.coordinator,
			Heard: l.net.heard, ViaRouter: l.net.viaRouter},
		Clock: l.clock, ClockSet: l.clockSet,
	}
	for _, n := range slices.Sorted(maps.Keys(l.sticker)) {
		s.Sticker = append(s.Sticker, savedCode{Slot: n, Code: l.sticker[n]})
	}
	for _, b := range l.binds {
		s.Binds = append(s.Binds, savedBinding{b.cluster, b.src, b.dst, b.dstEP})
	}
	for _, r := range l.reports {
		s.Reports = append(s.Reports, savedReport{r.cluster, r.attr, r.rawLeast, r.rawMost, r.change})
	}
	for c, as := range l.tables {
		for _, a := range as {
			if a.write {
				s.Values = append(s.Values, savedItem{ID: c, Sub: a.id, Value: a.val})
			}
		}
	}
	return s
}

// Load replaces dongle and locks by saved ones. The locks come back to their network as after fresh batteries.
func (h *Home) Load(b []byte) error {
	var s savedHome
	if err := json.Unmarshal(b, &s); err != nil {
		return fmt.Errorf("%w: %w", ErrState, err)
	}
	if s.Version != stateVersion {
		return fmt.Errorf("%w: version %d", ErrState, s.Version)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	nv := nvMemory{hardware: s.Dongle, items: map[uint16][]byte{}, ex: map[exKey][]byte{}}
	for _, i := range s.Items {
		if i.Ex {
			nv.ex[exKey{i.Sys, i.ID, i.Sub}] = i.Value
		} else {
			nv.items[i.ID] = i.Value
		}
	}
	if b := nv.items[nvExtAddr]; nv.hardware == 0 && len(b) == 8 {
		nv.hardware = zigbee.EUI64FromLE(b)
	}
	if nv.hardware == 0 {
		return fmt.Errorf("%w: the dongle has no address", ErrState)
	}
	var locks []*Lock
	for _, sl := range s.Locks {
		if sl == nil {
			return fmt.Errorf("%w: an empty lock", ErrState)
		}
		l, err := h.revive(sl)
		if err != nil {
			return err
		}
		locks = append(locks, l)
	}
	h.dongle.nv = nv
	h.dongle.boot()
	h.locks = locks
	clear(h.byNWK)
	for _, l := range locks {
		if l.net.joined {
			h.byNWK[l.net.nwk] = l
			h.after(1500*time.Millisecond, l.rejoin)
		}
	}
	return nil
}

func (h *Home) revive(s *savedLock) (*Lock, error) {
	f, err := FamilyOf(s.Model)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	l := newLock(h, LockConfig{Model: s.Model, Name: s.Name, EUI64: s.ID}, f, s.Behaviour)
	l.bolt, l.charge, l.powered, l.needMaster = s.Bolt, s.Charge, s.Powered, s.Master
	l.codes, l.tags = loadCodes(s.Codes), loadCodes(s.Tags)
	l.weekDays, l.yearDays = loadSchedules(s.Week), loadSchedules(s.Year)
	l.clock, l.clockSet = s.Clock, s.ClockSet
	for _, c := range s.Sticker {
		l.sticker[c.Slot] = PIN(c.Code)
	}
	l.makeAttributes()
	for _, v := range s.Values {
		if a := l.tables[v.ID].get(v.Sub); a != nil && a.write && (width(a.typ) == 0 || width(a.typ) == len(v.Value)) {
			a.val = v.Value
		}
	}
	n := s.Net
	l.net = network{joined: n.Joined, nwk: n.NWK, pan: n.PAN, epid: n.EPID, coordinator: n.Coordinator, heard: n.Heard, viaRouter: n.ViaRouter}
	copy(l.net.key[:], n.Key)
	for _, b := range s.Binds {
		l.binds = append(l.binds, binding{b.Cluster, b.Src, b.Dst, b.DstEP})
	}
	for _, r := range s.Reports {
		if a := l.tables[r.Cluster].get(r.Attr); a != nil {
			l.reportEvery(r.Cluster, a, r.Least, r.Most, r.Change)
		}
	}
	return l, nil
}
