package doorlock

import (
	"context"
	"errors"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// job is something that the driver does for a lock by itself.
type job uint8

const (
	jobInterview job = iota
	jobState
	jobVerify  // jobState some time after a command or an event, unless a report comes first
	jobTransit // jobState at the end of a transit
	jobBattery
	jobCount
)

const (
	// jobTime is how long one job may take.
	jobTime = 20 * time.Second
	// interviewTime likewise for an interview, which is some twenty questions.
	interviewTime = 3 * time.Minute
	// retryMin and retryMax bound the pause after a failed job. A lock that speaks is asked again at once.
	retryMin = 30 * time.Second
	retryMax = time.Hour
	// giveUp is after how many attempts a node that never said what it is, is forgotten: about two days.
	giveUp = 48
)

// due says when a job is to be done.
type due struct {
	set    bool
	at     time.Time
	active bool // do not wait until the lock is heard
	heard  bool // failed: again as soon as the lock is heard
	fails  int
	seen   uint64 // if not zero: not needed any more once the lock has sent that many reports of its bolt
}

// schedule asks for a job. A job that is due earlier stays as it is. The caller holds l.mu.
func (l *lock) schedule(j job, in time.Duration, active bool) {
	at := time.Now().Add(in)
	if d := &l.jobs[j]; !d.set || at.Before(d.at) || d.seen != 0 {
		*d = due{set: true, at: at, active: active || d.set && d.active, fails: d.fails}
	} else {
		d.active = d.active || active
	}
	ring(l.bell)
}

// scheduleUnless asks for a job that is not needed if the bolt is reported before. The caller holds l.mu.
func (l *lock) scheduleUnless(j job, in time.Duration, reports uint64) {
	l.jobs[j] = due{set: true, at: time.Now().Add(in), active: true, seen: reports + 1} // the latest reason counts
	ring(l.bell)
}

func ring(bell chan struct{}) {
	select {
	case bell <- struct{}{}:
	default:
	}
}

// next picks the job to do now, or says when to look again.
func (l *lock) next() (j job, ok bool, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	wait = time.Hour
	for j := range jobCount {
		d := &l.jobs[j]
		if !d.set {
			continue
		}
		if d.seen != 0 && l.bolt.reports >= d.seen {
			*d = due{}
			continue
		}
		if left := d.at.Sub(now); left > 0 {
			wait = min(wait, left)
			continue
		}
		if !d.active && l.sleepy() && now.Sub(l.lastHeard) > awake {
			d.heard = true
			continue
		}
		if j == jobInterview || l.endpoint != 0 {
			fails := d.fails
			*d = due{fails: fails}
			return j, true, 0
		}
	}
	return 0, false, wait
}

// work does jobs until ctx ends or the lock is forgotten.
func (l *lock) work(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { ring(l.bell) })
	defer stop()
	for {
		j, ok, wait := l.next()
		if ok {
			if l.finish(ctx, j, l.do(ctx, j)) {
				l.d.forget(l)
				return
			}
			continue
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-l.bell:
		case <-l.gone:
			t.Stop()
			return
		case <-ctx.Done():
			t.Stop()
			return
		}
		t.Stop()
	}
}

// do does one job.
func (l *lock) do(ctx context.Context, j job) error {
	limit := jobTime
	if j == jobInterview {
		limit = interviewTime
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	switch j {
	case jobInterview:
		return l.interview(ctx)
	case jobState, jobVerify:
		return l.readInto(ctx, l.stateRequest(background))
	case jobTransit:
		return l.endTransit(ctx)
	default:
		l.mu.Lock()
		r := batteryRequest(l.p.Battery, background)
		l.mu.Unlock()
		if r == nil {
			return nil
		}
		return l.readInto(ctx, r)
	}
}

// endTransit asks once more where the bolt is.
func (l *lock) endTransit(ctx context.Context) error {
	l.mu.Lock()
	over := !l.bolt.inTransit
	l.mu.Unlock()
	if over {
		return nil
	}
	err := l.readInto(ctx, l.stateRequest(background))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tellAll(l.bolt.settle(err == nil, time.Now()))
	return err
}

// finish sees to a job that failed: again when the lock is heard, or after a pause that grows. hopeless tells that the node is to be forgotten.
func (l *lock) finish(ctx context.Context, j job, err error) (hopeless bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	d := &l.jobs[j]
	if err == nil || ctx.Err() != nil {
		d.fails = 0
		return false
	}
	d.fails++
	if errors.Is(err, errStranger) {
		return false
	}
	l.d.log.Debug("lock did not answer in the background", "lock", l.name, "job", j, "error", err)
	if j == jobTransit || answered(err) && j != jobInterview {
		return false
	}
	if j == jobInterview && l.info.Family == "" && d.fails >= giveUp {
		l.d.log.Warn("a device joined and never told what it is; it is forgotten", "device", l.id)
		return true
	}
	pause := min(retryMin<<min(d.fails-1, 8), retryMax)
	if !d.set {
		*d = due{set: true, at: time.Now().Add(pause), active: j == jobInterview, heard: true, fails: d.fails}
	}
	if j == jobInterview && d.fails == 1 {
		l.tell(bridge.InterviewFailed{Why: interviewFault(err)}, bridge.Cause{})
	}
	return false
}

// wake lets jobs that waited for the lock go on. The caller holds l.mu.
func (l *lock) wake(now time.Time) {
	rung := false
	for j := range jobCount {
		if d := &l.jobs[j]; d.set && d.heard {
			d.at, d.heard, rung = now, false, true
		}
	}
	if rung {
		ring(l.bell)
	}
}

// statusOf makes an error of an answer's own status.
func statusOf(m zcl.Message) error {
	switch m := m.(type) {
	case *zcl.LockDoorResponse:
		return refusal(m.Status)
	case *zcl.UnlockDoorResponse:
		return refusal(m.Status)
	default:
		return nil
	}
}

// asStatus finds the status that an error carries.
func asStatus(err error) (zcl.Status, bool) {
	var s zcl.StatusError
	ok := errors.As(err, &s)
	return s.Status, ok
}
