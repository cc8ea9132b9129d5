package doorlock

import (
	"context"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

const (
	// answerTime is how long an answer to a lock may take; later it is of no use.
	answerTime = 7 * time.Second
	// fastPoll is for how long a lock that checks in is asked to poll fast when something waits for it.
	fastPoll = 10 * time.Second
	// linger is how long a lock that polls fast is kept awake after the last thing that waited for it.
	linger = time.Second
	// thinkTime is how long a check-in waits for its answer, so that who hears of it can still ask for something. The lock waits for seconds.
	thinkTime = 30 * time.Millisecond
)

// reply answers what a lock asks of us: the time, whether something waits for it, whether there is firmware. It never waits for the lock's turn: these are
// answers, not transactions. The caller holds l.mu.
func (l *lock) reply(f zigbee.Frame, h zcl.Header, m zcl.Message) {
	if m == nil {
		return
	}
	var out zcl.Message
	switch m := m.(type) {
	case *zcl.CheckIn:
		l.tell(bridge.Heard{LQI: l.lqi}, bridge.Cause{})
		l.after(thinkTime, func() { l.send(f, h.Reply(), l.checkIn()) })
		return
	case *zcl.QueryNextImage:
		out = &zcl.QueryNextImageResponse{Status: zcl.StatusNoImageAvailable}
	case *zcl.ReadAttributes:
		if h.Direction == zcl.ToServer {
			out = l.serve(f.Cluster, m)
		}
	}
	if out == nil {
		out = defaultResponse(h, m)
	}
	if out != nil {
		l.send(f, h.Reply(), out)
	}
}

// checkIn tells a lock whether to stay awake. The caller holds l.mu.
func (l *lock) checkIn() *zcl.CheckInResponse {
	if l.box.waiting() == 0 && !l.jobWaits() {
		return &zcl.CheckInResponse{}
	}
	l.fastUntil = time.Now().Add(fastPoll)
	return &zcl.CheckInResponse{StartFastPolling: true, FastPollTimeout: uint16(zcl.QuartersOf(fastPoll))}
}

// defaultResponse is the answer to a frame that wants one and has none of its own (ZCL section 2.5.12.2).
func defaultResponse(h zcl.Header, m zcl.Message) zcl.Message {
	status := zcl.StatusSuccess
	switch m.(type) {
	case *zcl.DefaultResponse:
		return nil
	case *zcl.Opaque:
		status = zcl.StatusUnsupClusterCommand
		if h.Type == zcl.Global {
			status = zcl.StatusUnsupGeneralCommand
		}
		if h.ManufacturerSpecific {
			status = zcl.StatusSuccess // a maker's own frame: heard, if not understood
		}
	case *zcl.ReportAttributes, *zcl.OperationEvent, *zcl.ProgrammingEvent, *zcl.Alarm:
	default:
		if h.Direction == zcl.ToClient {
			return nil
		}
		status = zcl.StatusUnsupGeneralCommand // somebody writes to us or configures us
	}
	if h.DisableDefaultResponse && status.OK() {
		return nil
	}
	return &zcl.DefaultResponse{Command: h.Command, Status: status}
}

// send puts an answer into the hands of the lock's postman. The caller holds l.mu.
func (l *lock) send(to zigbee.Frame, h zcl.Header, m zcl.Message) {
	f := zigbee.Frame{Device: l.id, SrcEndpoint: to.DstEndpoint, DstEndpoint: to.SrcEndpoint, Profile: to.Profile, Cluster: to.Cluster,
		Payload: zcl.Append(nil, h, m)}
	l.post(f)
}

func (l *lock) post(f zigbee.Frame) {
	select {
	case l.mail <- func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		if err := l.d.radio.Send(ctx, f); err != nil {
			l.d.log.Debug("answer did not reach the lock", "lock", l.name, "cluster", f.Cluster, "error", err)
		}
	}:
	default: // a lock that asks faster than it listens gets no answer
	}
}

// deliverMail sends answers until ctx ends or the lock is forgotten.
func (l *lock) deliverMail(ctx context.Context) {
	for {
		select {
		case f := <-l.mail:
			f(ctx)
		case <-l.gone:
			return
		case <-ctx.Done():
			return
		}
	}
}

// jobWaits tells whether the worker wants something of the lock now. The caller holds l.mu.
func (l *lock) jobWaits() bool {
	now := time.Now()
	for j := range jobCount {
		if d := l.jobs[j]; d.set && !d.at.After(now) {
			return true
		}
	}
	return false
}

// rest ends the fast polling that we asked for, once nothing has waited for a moment: who reads one slot often reads the next.
func (l *lock) rest() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.resting || !time.Now().Before(l.fastUntil) {
		return
	}
	l.resting = true
	l.after(linger, func() {
		l.resting = false
		if l.endpoint == 0 || l.box.waiting() > 0 || l.jobWaits() || !time.Now().Before(l.fastUntil) {
			return // busy, or the lock has stopped by itself
		}
		l.fastUntil = time.Time{}
		l.seq++
		l.post(zigbee.Frame{Device: l.id, DstEndpoint: l.endpoint, Cluster: zcl.ClusterPollControl,
			Payload: zcl.Append(nil, zcl.Header{Seq: l.seq, DisableDefaultResponse: true}, &zcl.FastPollStop{})})
	})
}

// serve answers a read of our own attributes. Locks ask for the time; without it their schedules and the times of their events are wrong.
func (l *lock) serve(cluster uint16, m *zcl.ReadAttributes) zcl.Message {
	out := &zcl.ReadAttributesResponse{}
	if cluster == zcl.ClusterTime {
		l.lookedUp(m.Attributes, time.Now().In(l.d.cfg.Location))
	}
	for _, id := range m.Attributes[:min(len(m.Attributes), 10)] {
		r := zcl.ReadRecord{ID: id, Status: zcl.StatusUnsupportedAttribute}
		if cluster == zcl.ClusterTime {
			if v, ok := clock(time.Now().In(l.d.cfg.Location), id); ok {
				r.Status, r.Value = zcl.StatusSuccess, v
			}
		}
		out.Records = append(out.Records, r)
	}
	return out
}

// clock is one attribute of the Time cluster (ZCL section 3.12.2.2).
func clock(now time.Time, id zcl.AttributeID) (zcl.Value, bool) {
	const (
		master        = 1 << 0
		masterZoneDst = 1 << 2
		superseding   = 1 << 3
	)
	standard, shift, start, end := zoneOf(now)
	switch id {
	case zcl.TimeTime:
		return zcl.UTC(now), true
	case zcl.TimeStatus:
		return zcl.Map8(master | masterZoneDst | superseding), true
	case zcl.TimeZone:
		return zcl.Int(zcl.TypeInt32, int64(standard)), true
	case zcl.TimeDstStart:
		return zcl.Uint32(bound(start, shift)), true
	case zcl.TimeDstEnd:
		return zcl.Uint32(bound(end, shift)), true
	case zcl.TimeDstShift:
		return zcl.Int(zcl.TypeInt32, int64(shift)), true
	case zcl.TimeStandardTime:
		return zcl.Uint32(uint32(int64(zcl.UTCOf(now)) + int64(standard))), true
	case zcl.TimeLocalTime:
		return zcl.Uint32(uint32(zcl.LocalTimeOf(now))), true
	case zcl.TimeLastSetTime, zcl.TimeValidUntil:
		t := now
		if id == zcl.TimeValidUntil {
			t = now.Add(24 * time.Hour)
		}
		return zcl.UTC(t), true
	default:
		return zcl.Value{}, false
	}
}

// bound is one end of daylight saving, in UTC; unknown in a zone that has none.
func bound(t time.Time, shift int) uint32 {
	if t.IsZero() || shift == 0 {
		return zcl.InvalidTime
	}
	return zcl.UTCOf(t)
}

func afterNext(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	_, end := t.ZoneBounds()
	return end
}
