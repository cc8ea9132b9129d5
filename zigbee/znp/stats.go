package znp

import (
	"sync/atomic"

	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Stats counts what went over the line since the Coordinator was made.
type Stats struct {
	Sent     TypeCounts // frames written, by type
	Received TypeCounts // good frames read, by type
	Errors   ErrorCounts

	Connects    uint64 // times that the dongle came up
	Disconnects uint64 // times that it went down
	Resets      uint64 // resets of the dongle that nobody asked for

	Queue     int // indications that wait for the handler
	HighWater int // the most that ever waited
}

// TypeCounts counts frames by type.
type TypeCounts struct{ SREQ, SRSP, AREQ uint64 }

// ErrorCounts counts what went wrong on the line, by reason.
type ErrorCounts struct {
	FCS        uint64 // frames with a bad check sequence
	Length     uint64 // frames with a length above 250
	Timeout    uint64 // requests without a reply, and frames cut off
	Unexpected uint64 // replies that nobody waited for, and messages that could not be read
}

// counters is Stats while it is counted.
type counters struct {
	sent, received                   [4]atomic.Uint64 // by type >> 5
	fcs, length, timeout, unexpected atomic.Uint64
	connects, disconnects, resets    atomic.Uint64
}

func (c *counters) snapshot() Stats {
	types := func(a *[4]atomic.Uint64) TypeCounts {
		return TypeCounts{SREQ: a[mt.SREQ>>5].Load(), SRSP: a[mt.SRSP>>5].Load(), AREQ: a[mt.AREQ>>5].Load()}
	}
	return Stats{
		Sent: types(&c.sent), Received: types(&c.received),
		Errors:   ErrorCounts{FCS: c.fcs.Load(), Length: c.length.Load(), Timeout: c.timeout.Load(), Unexpected: c.unexpected.Load()},
		Connects: c.connects.Load(), Disconnects: c.disconnects.Load(), Resets: c.resets.Load(),
	}
}
