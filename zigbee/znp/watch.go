package znp

import (
	"context"
	"time"

	"github.com/latchkeyd/latchkey/zigbee/znp/mt"
)

// Times of the watch.
const (
	pingEvery = 30 * time.Second
	saveEvery = time.Hour
	saveAfter = 500             // data requests
	saveDelay = 3 * time.Second // behind a change of who is in the network, which seldom comes alone
	joinTick  = time.Second
)

// job is something that a session does on its own account. It must not take long.
type job func(ctx context.Context)

// later has the watch do j. What does not fit is left undone: jobs are there to improve what works without them.
func (s *session) later(j job) {
	select {
	case s.jobs <- j:
	default:
	}
}

// watch pings the dongle, counts down the time in which nodes may join, and saves the network from time to time.
func (s *session) watch(ctx context.Context) error {
	ping := time.NewTicker(pingEvery)
	defer ping.Stop()
	tick := time.NewTicker(joinTick)
	defer tick.Stop()
	tick.Stop()
	saved := time.Now()
	for {
		var err error
		select {
		case <-s.done:
			return s.cause()
		case <-ping.C:
			if err := s.link.call(ctx, &mt.Empty{Cmd: mt.SysPing}, &mt.PingRsp{}); err != nil {
				return err
			}
			s.mu.Lock()
			due := s.sent >= saveAfter
			s.mu.Unlock()
			if due || time.Since(saved) >= saveEvery {
				err, saved = s.save(ctx), time.Now()
			}
		case j := <-s.jobs:
			j(ctx)
		case <-s.c.join.changed:
			tick.Reset(joinTick)
			s.tellJoin()
		case <-tick.C:
			if !s.countDown(ctx) {
				tick.Stop()
			}
		case <-s.c.join.saveDue():
			err, saved = s.save(ctx), time.Now()
		}
		if err != nil && ctx.Err() == nil {
			s.c.log.Error(unsaved, "err", err)
		}
	}
}
