package znp

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// maxPermit is the longest time for which a network can be opened at once. 255 would mean for ever.
const maxPermit = 254 * time.Second

// permitMargin is how long before the end of one opening the next one is asked for.
const permitMargin = 10 * time.Second

// joining is who may join, and what is known of those who did.
type joining struct {
	changed chan struct{} // holds a token after the window changed

	mu      sync.Mutex
	until   time.Time // the network is open until then; zero is closed
	radio   time.Time // nodes keep it open until then without being told again
	only    zigbee.EUI64
	codes   map[zigbee.EUI64]bool
	parents map[zigbee.EUI64]zigbee.NWK
	left    map[zigbee.EUI64]bool // since the network was saved
	heard   map[zigbee.EUI64]heard
	asked   map[zigbee.NWK]time.Time // when a sender's identity was asked for
	save    *time.Timer              // set while the network waits to be saved
}

// heard is the last announcement of a node.
type heard struct {
	nwk zigbee.NWK
	at  time.Time
}

func (j *joining) hasCode(id zigbee.EUI64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.codes == nil {
		j.codes = map[zigbee.EUI64]bool{}
	}
	j.codes[id] = true
}

func (j *joining) parent(id zigbee.EUI64) zigbee.NWK {
	j.mu.Lock()
	defer j.mu.Unlock()
	if p, ok := j.parents[id]; ok {
		return p
	}
	return zigbee.NWKUnknown
}

// gone says that a node left since the network was saved.
func (j *joining) gone(id zigbee.EUI64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.left[id]
}

// came notes a node that is in the network, and its parent unless that is unknown.
func (j *joining) came(id zigbee.EUI64, parent zigbee.NWK) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.left, id)
	if parent != zigbee.NWKUnknown {
		if j.parents == nil {
			j.parents = map[zigbee.EUI64]zigbee.NWK{}
		}
		j.parents[id] = parent
	}
	j.dirty()
}

// went notes a node that is in the network no more.
func (j *joining) went(id zigbee.EUI64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.left == nil {
		j.left = map[zigbee.EUI64]bool{}
	}
	j.left[id] = true
	delete(j.parents, id)
	delete(j.heard, id)
	j.dirty()
}

// dirty has the network saved soon. j.mu is held.
func (j *joining) dirty() {
	if j.save == nil {
		j.save = time.NewTimer(saveDelay)
	} else {
		j.save.Reset(saveDelay)
	}
}

// saveDue returns a channel that says when to save, or nil while there is no need.
func (j *joining) saveDue() <-chan time.Time {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.save == nil {
		return nil
	}
	return j.save.C
}

// repeated says whether the same announcement was heard just before: it comes in two forms from some firmware, and by broadcast.
func (j *joining) repeated(id zigbee.EUI64, nwk zigbee.NWK) bool {
	const window = time.Second
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	old, ok := j.heard[id]
	if ok && old.nwk == nwk && now.Sub(old.at) < window {
		return true
	}
	if j.heard == nil {
		j.heard = map[zigbee.EUI64]heard{}
	}
	j.heard[id] = heard{nwk, now}
	return false
}

// askFor says whether to ask who has a network address: not again and again.
func (j *joining) askFor(nwk zigbee.NWK) bool {
	const pause = 10 * time.Second
	j.mu.Lock()
	defer j.mu.Unlock()
	now := time.Now()
	if at, ok := j.asked[nwk]; ok && now.Sub(at) < pause {
		return false
	}
	if j.asked == nil || len(j.asked) > 1024 {
		j.asked = map[zigbee.NWK]time.Time{}
	}
	j.asked[nwk] = now
	return true
}

// stranger says whether a node that joins is not the one to which joining is restricted.
func (j *joining) stranger(id zigbee.EUI64) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.only != 0 && j.only != id
}

// remaining returns for how long nodes may still join.
func (j *joining) remaining() time.Duration {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.until.IsZero() {
		return 0
	}
	return max(0, time.Until(j.until))
}

// PermitJoin implements zigbee.Radio. A window above 254 s is opened again in time by the Coordinator.
func (c *Coordinator) PermitJoin(ctx context.Context, window time.Duration) error {
	s, err := c.session()
	if err == nil {
		err = s.permitWindow(ctx, window)
	}
	if err != nil {
		return fmt.Errorf("znp: permit join: %w", err)
	}
	return nil
}

func (s *session) permitWindow(ctx context.Context, window time.Duration) error {
	window = max(0, window)
	if err := s.permit(ctx, min(window, maxPermit)); err != nil {
		return err
	}
	j := &s.c.join
	j.mu.Lock()
	now := time.Now()
	if window == 0 {
		j.until, j.radio = time.Time{}, time.Time{}
	} else {
		j.until, j.radio = now.Add(window), now.Add(min(window, maxPermit))
	}
	j.mu.Unlock()
	signal(j.changed)
	return nil
}

// permit opens the network for d, or closes it.
func (s *session) permit(ctx context.Context, d time.Duration) error {
	seconds := uint8((d + time.Second - 1) / time.Second)
	if err := s.status(ctx, &mt.MgmtPermitJoinReq{Mode: 15, Dst: zigbee.BroadcastRouter, Duration: seconds, TCSignificance: 1}); err != nil {
		return err
	}
	if s.version.Revision < revBroadcast {
		return s.status(ctx, &mt.MgmtPermitJoinReq{Mode: 2, Dst: zigbee.Coordinator, Duration: seconds, TCSignificance: 1})
	}
	return nil
}

// tellJoin tells the handler for how long nodes may join.
func (s *session) tellJoin() (remaining time.Duration) {
	remaining = s.c.join.remaining()
	s.c.events.push(event{permit: remaining, isPermit: true}, s.link.done)
	return remaining
}

// countDown tells the handler, and opens the network again where the window is longer than an opening. It returns false when the window is over.
func (s *session) countDown(ctx context.Context) bool {
	remaining := s.tellJoin()
	j := &s.c.join
	j.mu.Lock()
	again := remaining > 0 && j.radio.Before(j.until) && time.Until(j.radio) < permitMargin
	over := remaining == 0
	if over {
		j.until, j.radio = time.Time{}, time.Time{}
	}
	j.mu.Unlock()
	switch {
	case over: // routers count for themselves; a window that was meant to end must not depend on that
		if err := s.permit(ctx, 0); err != nil && ctx.Err() == nil {
			s.c.log.Error("the Zigbee network could not be closed to new devices", "err", err)
		}
	case again:
		d := min(remaining, maxPermit)
		if err := s.permit(ctx, d); err != nil {
			s.c.log.Error("the Zigbee network could not be kept open to new devices", "err", err)
			break
		}
		j.mu.Lock()
		j.radio = time.Now().Add(d)
		j.mu.Unlock()
	}
	return !over
}

// closeJoin ends the window without telling the dongle, which is gone and comes back closed.
func (c *Coordinator) closeJoin() {
	j := &c.join
	j.mu.Lock()
	open := !j.until.IsZero()
	j.until, j.radio = time.Time{}, time.Time{}
	j.mu.Unlock()
	if open {
		c.events.push(event{isPermit: true}, nil)
	}
}

// Admit implements zigbee.Radio. Where the node's install code was added, the dongle lets in only nodes with an install code. Otherwise a stranger that joins
// is sent away at once and not announced; it has seen the network key by then, as whoever listens to a join without an install code has.
func (c *Coordinator) Admit(ctx context.Context, id zigbee.EUI64) error {
	s, err := c.session()
	if err == nil {
		err = s.admit(ctx, id)
	}
	if err != nil {
		return fmt.Errorf("znp: admit %v: %w", id, err)
	}
	return nil
}

func (s *session) admit(ctx context.Context, id zigbee.EUI64) error {
	j := &s.c.join
	j.mu.Lock()
	code := id != 0 && j.codes[id]
	j.mu.Unlock()
	if err := ifRefused(s.status(ctx, &mt.SetJoinUsesInstallCode{Set: code})); err != nil {
		return err
	}
	j.mu.Lock()
	j.only = id
	j.mu.Unlock()
	return nil
}

// forget forgets a node that is in the network no more.
func (c *Coordinator) forget(id zigbee.EUI64) {
	c.nodes.remove(id)
	c.join.went(id)
}
