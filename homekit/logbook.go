package homekit

import (
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

// lookBack is how many entries of the whole journal are looked through at most: bounded work for one read.
const lookBack = 2048

// logbook remembers each lock's latest movements. Every controller reads every lock's log when it connects, so the journal is gone through once and not
// for each of them.
type logbook struct {
	mu    sync.Mutex
	seen  uint64 // the journal was read up to here
	moves map[bridge.LockID][]logEntry
}

type logEntry struct {
	seq  uint64
	at   time.Time
	item []byte // as Logs shows it
}

// read gives what Logs shows of a lock: its latest movements after an entry of the journal and not before a time, oldest first.
func (g *logbook) read(b Bridge, id bridge.LockID, after uint64, from time.Time) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if err := g.catchUp(b); err != nil {
		return nil, err
	}
	out := []byte{}
	for _, e := range g.moves[id] {
		if e.seq <= after || e.at.Before(from) {
			continue
		}
		if len(out) > 0 {
			out = tlv8.AppendSeparator(out, logSeparator)
		}
		out = append(out, e.item...)
	}
	return out, nil
}

// catchUp takes what is new in the journal. The caller holds g.mu.
func (g *logbook) catchUp(b Bridge) error {
	recent := func() uint64 {
		last := b.Snapshot().Seq
		return max(g.seen, last-min(last, lookBack))
	}
	after := g.seen
	if after == 0 {
		after = recent()
	}
	evs, err := b.History(after, lookBack)
	if err == nil && len(evs) == lookBack { // so long unread that the latest may not be among them
		evs, err = b.History(recent(), lookBack)
	}
	if err != nil {
		return err
	}
	if g.moves == nil {
		g.moves = make(map[bridge.LockID][]logEntry)
	}
	for _, ev := range evs {
		g.seen = max(g.seen, ev.Seq)
		if _, moved := logged(ev); !moved {
			continue
		}
		m := g.moves[ev.Lock]
		if len(m) == logEntries {
			m = append(m[:0], m[1:]...)
		}
		g.moves[ev.Lock] = append(m, logEntry{ev.Seq, ev.At, appendLog(nil, ev)})
	}
	return nil
}
