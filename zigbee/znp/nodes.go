package znp

import (
	"sync"

	"github.com/latchkeyd/latchkey/zigbee"
)

// nodes is what is known of which network address belongs to which node. Nodes are kept by their IEEE address; network addresses change hands.
type nodes struct {
	mu   sync.RWMutex
	nwk  map[zigbee.EUI64]zigbee.NWK
	ieee map[zigbee.NWK]zigbee.EUI64
}

func (n *nodes) set(id zigbee.EUI64, nwk zigbee.NWK) {
	if id == 0 || id == ^zigbee.EUI64(0) || nwk >= 0xFFF8 || nwk == zigbee.Coordinator {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.nwk == nil {
		n.nwk, n.ieee = map[zigbee.EUI64]zigbee.NWK{}, map[zigbee.NWK]zigbee.EUI64{}
	}
	if old, ok := n.nwk[id]; ok && old != nwk {
		delete(n.ieee, old)
	}
	if old, ok := n.ieee[nwk]; ok && old != id {
		delete(n.nwk, old)
	}
	n.nwk[id], n.ieee[nwk] = nwk, id
}

func (n *nodes) remove(id zigbee.EUI64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if old, ok := n.nwk[id]; ok {
		delete(n.ieee, old)
		delete(n.nwk, id)
	}
}

func (n *nodes) byID(id zigbee.EUI64) (zigbee.NWK, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	v, ok := n.nwk[id]
	return v, ok
}

func (n *nodes) byNWK(nwk zigbee.NWK) (zigbee.EUI64, bool) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	v, ok := n.ieee[nwk]
	return v, ok
}
