package znp

import (
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Vault keeps the network's identity and keys between runs. What it is given are secrets: whoever has them can listen to the locks and speak to them.
// The Coordinator calls it from one goroutine at a time.
type Vault interface {
	// Load returns what was saved last. The zero Saved says that nothing ever was.
	Load() (Saved, error)
	// Save keeps s durably before it returns.
	Save(s Saved) error
}

// Saved is a network as far as another dongle needs to know it to take it over: the content of an open-coordinator-backup, version 1. Its JSON form is
// that format (see MarshalJSON).
type Saved struct {
	Network      zigbee.Network
	UpdateID     uint8  // nwkUpdateId
	Level        uint8  // security level, 5 on every Zigbee 3 network
	Key          mt.Key // network key
	KeySequence  uint8
	FrameCounter uint32 // outgoing, of the network key; at least what was used when this was saved
	TCLKSeed     mt.Key // seed of the trust-centre link keys; zero where unknown
	Product      uint8  // of the dongle, as in SYS_VERSION
	Devices      []SavedDevice
}

// SavedDevice is a node of a saved network.
type SavedDevice struct {
	ID    zigbee.EUI64
	NWK   zigbee.NWK // NWKUnknown where it is not known
	Child bool       // its parent is the coordinator
	Link  *LinkKey   // nil where the node has none of its own
}

// LinkKey is a trust-centre link key with its frame counters.
type LinkKey struct {
	Key mt.Key
	Rx  uint32
	Tx  uint32
}

// Empty says that nothing was ever saved.
func (s Saved) Empty() bool { return s.Network.ExtendedPAN == 0 && s.Key == mt.Key{} }

// memoryVault is the Vault of a Coordinator that was given none.
type memoryVault struct{ s Saved }

func (v *memoryVault) Load() (Saved, error) { return v.s, nil }
func (v *memoryVault) Save(s Saved) error   { v.s = s; return nil }
