package doorlock

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

const (
	// burst and perSecond bound what one node may say unasked. A lock in use sends a handful of frames; one that floods is broken or not a lock.
	burst     = 60
	perSecond = 10
	// sameFrame is how long a frame is remembered, so that the radio's own repetition of it is not taken for a second event.
	sameFrame = 8 * time.Second
	// tellHeard is how often a sign of life is told at most.
	tellHeard = 10 * time.Second
	// lookAgain is how often a lock that does not report its bolt is asked for it at most because it spoke.
	lookAgain = 10 * time.Minute
	// longSilence is after how long a count that frames carry may have started anew.
	longSilence = 10 * time.Minute
)

// guard keeps what a node sends within bounds, and drops repetitions.
type guard struct {
	tokens  float64
	at      time.Time
	recent  [8]seenFrame
	next    int
	dropped uint64
	warned  time.Time
}

type seenFrame struct {
	sum uint64
	at  time.Time
}

var seed = maphash.MakeSeed()

// admit takes one frame out of the node's allowance.
func (g *guard) admit(now time.Time) bool {
	if g.at.IsZero() {
		g.tokens = burst
	} else {
		g.tokens = min(burst, g.tokens+now.Sub(g.at).Seconds()*perSecond)
	}
	g.at = now
	if g.tokens < 1 {
		g.dropped++
		return false
	}
	g.tokens--
	return true
}

// repeated tells whether the same bytes came from the same place a moment ago. ZCL counts its frames, so that two events never look alike.
func (g *guard) repeated(f zigbee.Frame, now time.Time) bool {
	var h maphash.Hash
	h.SetSeed(seed)
	_, _ = h.Write([]byte{byte(f.Cluster), byte(f.Cluster >> 8), f.SrcEndpoint})
	_, _ = h.Write(f.Payload)
	sum := h.Sum64()
	for _, s := range g.recent {
		if s.sum == sum && now.Sub(s.at) < sameFrame {
			return true
		}
	}
	g.recent[g.next] = seenFrame{sum, now}
	g.next = (g.next + 1) % len(g.recent)
	return false
}

// Frame implements zigbee.Handler. Only a known lock is listened to, and only on its own endpoints.
func (d *Driver) Frame(f zigbee.Frame) {
	if f.Device == 0 || f.Broadcast {
		return
	}
	d.mu.Lock()
	l := d.locks[f.Device]
	d.mu.Unlock()
	if l != nil {
		l.hear(f)
	}
}

// hear takes an inbound frame.
func (l *lock) hear(f zigbee.Frame) {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer clear(f.Payload) // it may hold a PIN that somebody typed
	if !l.speaks(f.SrcEndpoint) {
		return
	}
	now := time.Now()
	if l.dec.wyzeSeen && now.Sub(l.lastHeard) > longSilence {
		l.dec.rebooted()
	}
	if !l.guard.admit(now) && !l.mayAnswer(f) { // an answer is not dropped for a flood
		l.signOfLife(f.LQI, now)
		if now.Sub(l.guard.warned) > time.Minute {
			l.guard.warned = now
			l.d.log.Warn("lock floods the network; its frames are dropped", "lock", l.name, "dropped", l.guard.dropped)
		}
		return
	}
	repeated := l.guard.repeated(f, now)
	l.signOfLife(f.LQI, now)
	if repeated {
		return
	}
	h, m, facts, err := l.dec.decode(f.Cluster, f.Payload)
	switch {
	case err != nil:
		l.d.log.Debug("frame from the lock cannot be read", "lock", l.name, "cluster", f.Cluster, "error", err)
		l.unreadable(f)
	case l.recognise(f.Cluster, h, m):
		l.apply(facts, true)
	case lateAnswer(h, m):
		l.d.log.Debug("answer that nobody waits for", "lock", l.name, "cluster", f.Cluster, "command", h.Command) // it moves nothing
	default:
		l.apply(facts, false)
		l.reply(f, h, m)
	}
}

// mayAnswer tells by its header alone whether a frame can be the answer to the request in flight. The caller holds l.mu.
func (l *lock) mayAnswer(f zigbee.Frame) bool {
	p := l.inFlight
	if p == nil || f.Cluster != p.req.cluster {
		return false
	}
	h, _, err := zcl.ParseHeader(f.Payload)
	return err == nil && h.Seq == p.seq && h.Direction == zcl.ToClient
}

// lateAnswer tells whether a message is an answer to something that nobody waits for any more.
func lateAnswer(h zcl.Header, m zcl.Message) bool {
	if m == nil {
		return false
	}
	switch m.(type) {
	case *zcl.DefaultResponse, *zcl.ReadAttributesResponse, *zcl.WriteAttributesResponse, *zcl.ConfigureReportingResponse,
		*zcl.ReadReportingConfigResponse, *zcl.DiscoverAttributesResponse:
		return true
	case *zcl.OperationEvent, *zcl.ProgrammingEvent, *zcl.Alarm, *zcl.CheckIn, *zcl.QueryNextImage, *zcl.ReportAttributes:
		return false
	default:
		return h.Type == zcl.ClusterSpecific && h.Direction == zcl.ToClient && m.Route().Cluster == zcl.ClusterDoorLock
	}
}

// speaks tells whether the lock talks from that endpoint. Until the interview is complete any will do. The caller holds l.mu.
func (l *lock) speaks(ep uint8) bool {
	return l.endpoint == 0 || ep == l.endpoint || slices.Contains(l.p.Endpoints, ep) || slices.Contains(l.rec.Endpoints, ep)
}

// signOfLife notes that the lock was heard, and lets go what waited for that. The caller holds l.mu.
func (l *lock) signOfLife(lqi uint8, now time.Time) {
	l.lastHeard, l.lqi = now, lqi
	l.heard++
	if now.Sub(l.lastTold) >= tellHeard {
		l.lastTold = now
		l.tell(bridge.Heard{LQI: lqi}, bridge.Cause{})
	}
	if l.p.NoLockReport && !l.p.Silent && l.info.Ready && now.Sub(l.lastLook) >= lookAgain && l.box.waiting() == 0 {
		l.lastLook = now
		l.schedule(jobState, 0, false)
	}
	l.wake(now)
	l.box.heard()
}

// Announced implements zigbee.Handler.
func (d *Driver) Announced(id zigbee.EUI64, _ zigbee.NWK, joined bool) {
	d.mu.Lock()
	l, open := d.locks[id], time.Now().Before(d.openUntil)
	awaited := d.only == 0 || d.only == id || !time.Now().Before(d.onlyUntil)
	d.mu.Unlock()
	switch {
	case l != nil:
		l.back(joined)
	case !joined && !open:
		d.log.Info("a device that is not ours announced itself; it is not listened to", "device", id)
	case !awaited:
		d.refuse(id, "only one lock was awaited, and this is not it")
	default:
		d.meet(id)
	}
}

// back takes a known lock's announcement.
func (l *lock) back(joined bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rebooted()
	now := time.Now()
	if joined {
		l.tell(bridge.LockJoined{Known: true}, bridge.Cause{})
		l.iv = interview{}
		l.schedule(jobInterview, 0, true)
	} else if l.info.Ready && !l.p.Silent {
		l.schedule(jobState, 0, true)
	}
	l.signOfLife(l.lqi, now)
}

// Left implements zigbee.Handler.
func (d *Driver) Left(id zigbee.EUI64) {
	d.mu.Lock()
	l := d.locks[id]
	d.mu.Unlock()
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tell(bridge.LockLeft{}, bridge.Cause{})
	l.fail(consequence(zigbee.ErrUnknownNode))
	for j := range jobCount {
		l.jobs[j] = due{}
	}
	if !l.info.Ready {
		l.iv = interview{} // it may come back (some join, leave and join again)
	}
}

// Dongle implements zigbee.Handler.
func (d *Driver) Dongle(g zigbee.Dongle) {
	d.emit(bridge.Event{At: time.Now(), Body: bridge.DongleMoved{Up: g.Up, Fault: g.Fault, Product: g.Product, Port: g.Port, Revision: g.Revision,
		Channel: g.Network.Channel, PAN: g.Network.PAN, Address: addressOf(g.Network.Coordinator)}})
	for _, l := range d.all() {
		l.mu.Lock()
		if g.Up {
			l.wake(time.Now())
		} else {
			l.fail(consequence(zigbee.ErrDown))
			close(l.down)
			l.down = make(chan struct{})
			l.fastUntil = time.Time{}
		}
		l.mu.Unlock()
	}
}

func addressOf(id zigbee.EUI64) string {
	if id == 0 {
		return ""
	}
	return id.String()
}

// PermitJoin implements zigbee.Handler.
func (d *Driver) PermitJoin(remaining time.Duration) {
	d.mu.Lock()
	d.openUntil = time.Now().Add(remaining)
	d.mu.Unlock()
	d.emit(bridge.Event{At: time.Now(), Body: bridge.PermitJoinMoved{Remaining: remaining}})
}
