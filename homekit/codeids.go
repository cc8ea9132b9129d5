package homekit

import (
	"maps"

	"github.com/latchkeyd/latchkey/bridge"
)

// codeIDs gives the users of one lock the numbers by which controllers know their codes. A number stays with its user for as long as the user has a code on
// the lock; numbers of one octet are preferred, because that is what was seen to work, and a freed one rests for as long as others are free.
type codeIDs struct {
	Next uint64                   `json:"next"` // the next of 1 to 255 to try
	IDs  map[bridge.UserID]uint64 `json:"ids,omitempty"`
}

const oneOctet = 255

func (c codeIDs) clone() codeIDs {
	return codeIDs{Next: c.Next, IDs: maps.Clone(c.IDs)}
}

// give returns the user's number, a new one if it has none.
func (c *codeIDs) give(u bridge.UserID) (id uint64, fresh bool) {
	if id, ok := c.IDs[u]; ok {
		return id, false
	}
	used := make(map[uint64]bool, len(c.IDs))
	for _, n := range c.IDs {
		used[n] = true
	}
	if c.IDs == nil {
		c.IDs = make(map[bridge.UserID]uint64)
	}
	for range oneOctet {
		if c.Next < 1 || c.Next > oneOctet {
			c.Next = 1
		}
		id = c.Next
		c.Next++
		if !used[id] {
			c.IDs[u] = id
			return id, true
		}
	}
	for id = oneOctet + 1; used[id]; id++ {
	}
	c.IDs[u] = id
	return id, true
}

// keep drops the numbers of users that are not in have.
func (c *codeIDs) keep(have map[bridge.UserID]bool) (dropped bool) {
	for u := range c.IDs {
		if !have[u] {
			delete(c.IDs, u)
			dropped = true
		}
	}
	return dropped
}
