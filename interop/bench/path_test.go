package bench

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/lockfw"
)

// homes are shared by the rows that need the same number of locks.
var homes = map[int]*home{}

// sized is a home of n locks without radio or bolt times, each lock paired.
func sized(b *testing.B, n int) *home {
	b.Helper()
	if homes[n] == nil {
		model, adjust := "YRD226 TSDB", prompt
		if n == 250 {
			model = "SMARTCODE_CONVERT_GEN1" // without codes, whose slots would be looked through meanwhile
			adjust = func(f *lockfw.Behaviour) { prompt(f); f.LiesMains = true }
		}
		homes[n] = newHome(b, homeConfig{locks: n, model: model, pair: true, adjust: adjust, air: lockfw.Config{Delay: -1, Speed: 20, MoveLog: 16}})
	}
	return homes[n]
}

// stamp is when something was seen of one lock.
type stamp struct {
	mu        sync.Mutex
	nwk       uint16
	asked     time.Time // its Lock or Unlock Door was there
	told      time.Time // its report of LockState was out
	askedOnce chan struct{}
}

func (s *stamp) expect(nwk uint16) chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nwk, s.asked, s.told, s.askedOnce = nwk, time.Time{}, time.Time{}, make(chan struct{})
	return s.askedOnce
}

func (s *stamp) times() (asked, told time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked, s.told
}

const doorLock = 0x0101

func (s *stamp) see(cmd int, p []byte, toDongle bool, _, last time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case toDongle && cmd == cmdDataRequest && s.asked.IsZero():
		// Cluster-specific (frame control bit 0), Lock Door or Unlock Door (ZCL 7.3.2.15).
		if nwk, cluster, z := dataRequest(p); nwk == s.nwk && cluster == doorLock && len(z) > 2 && z[0]&3 == 1 && z[2] < 2 {
			s.asked = last
			close(s.askedOnce)
		}
	case !toDongle && cmd == cmdIncoming && s.told.IsZero():
		// Report Attributes of LockState.
		if nwk, cluster, z := incoming(p); nwk == s.nwk && cluster == doorLock && len(z) > 4 && z[0]&3 == 0 && z[2] == 0x0A && z[3] == 0 && z[4] == 0 {
			s.told = last
		}
	}
}

// BenchmarkWriteToLine is from a controller's write to the last byte of that lock's AF_DATA_REQUEST at the dongle's end of an unpaced line.
func BenchmarkWriteToLine(b *testing.B) {
	for _, locks := range []int{1, 50} {
		for _, kind := range []string{"tcp", "pty"} {
			b.Run(fmt.Sprintf("locks=%d/%s", locks, kind), func(b *testing.B) {
				m := sized(b, locks)
				port := m.tcp
				if kind == "pty" {
					port = m.pty
				}
				if port == "" {
					b.Fatal("no pseudo-terminal could be had")
				}
				ss := m.connect(b, m.exec(b, port))
				var st stamp
				m.seen.watch(st.see)
				defer m.seen.watch(nil)
				n := 0
				measure(b, map[int]int{1: 90, 50: 700}[locks], func(ctx context.Context) (time.Duration, error) {
					s := ss[n%len(ss)]
					n++
					there := st.expect(s.nwk)
					var began time.Time
					if err := s.move(ctx, func() { began = time.Now() }); err != nil {
						return 0, err
					}
					select {
					case <-there:
					default:
						return 0, fmt.Errorf("nothing was seen on the line")
					}
					asked, _ := st.times()
					return asked.Sub(began), nil
				})
			})
		}
	}
}

// samples is how many measurements a row takes: its own number, so that each row has as many as its percentiles need, or more if asked to.
func samples(b *testing.B, n int) int { return max(b.N, n) }

// measure reports what n calls of f measured.
func measure(b *testing.B, n int, f func(context.Context) (time.Duration, error)) {
	b.Helper()
	var took []time.Duration
	var errors int64
	b.ResetTimer()
	for range samples(b, n) {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		d, err := f(ctx)
		cancel()
		if err != nil {
			b.Log(err)
			errors++
			continue
		}
		took = append(took, d)
	}
	b.StopTimer()
	spread(b, took, errors)
}

// BenchmarkWriteToEvent is from a controller's write to the event on another connection, less the time from the request at the dongle's end to the report
// that the dongle gave back: what is left is ours. Each lock rests for more than a second, since HAP spaces the events of a connection.
func BenchmarkWriteToEvent(b *testing.B) {
	b.Run("locks=50", func(b *testing.B) {
		m := sized(b, 50)
		ss := m.connect(b, m.exec(b, m.tcp))
		for _, s := range ss {
			if err := s.peer.Subscribe(context.Background(), s.ids.Current); err != nil {
				b.Fatal(err)
			}
		}
		var st stamp
		m.seen.watch(st.see)
		defer m.seen.watch(nil)
		n, last := 0, make([]time.Time, len(ss))
		measure(b, 200, func(ctx context.Context) (time.Duration, error) {
			i := n % len(ss)
			s := ss[i]
			n++
			time.Sleep(time.Until(last[i].Add(1200 * time.Millisecond)))
			st.expect(s.nwk)
			var began time.Time
			heard := make(chan time.Time, 1)
			failed := make(chan error, 1)
			go func() {
				if _, err := s.peer.NextEvent(ctx); err != nil {
					failed <- err
					return
				}
				heard <- time.Now()
			}()
			if err := s.move(ctx, func() { began = time.Now() }); err != nil {
				return 0, err
			}
			select {
			case at := <-heard:
				last[i] = at
				asked, told := st.times()
				if asked.IsZero() || told.IsZero() {
					return 0, fmt.Errorf("the line did not carry request and report")
				}
				return at.Sub(began) - told.Sub(asked), nil
			case err := <-failed:
				return 0, err
			}
		})
	})
}

// BenchmarkCommandCPU is the processor time of the daemon's process for a command: prepare, write, radio, answer, event, report, journal. A lock is moved as
// often as it may at once and then left to rest, which does not count; "spaced" counts everything that the process does while one lock is moved thrice a
// second, also what it does in between.
func BenchmarkCommandCPU(b *testing.B) {
	for _, row := range []struct {
		name         string
		locks, moves int
		spaced       bool
	}{{"locks=1", 1, 60, false}, {"locks=1/spaced", 1, 45, true}, {"locks=50", 50, 1400, false}} {
		b.Run(row.name, func(b *testing.B) {
			m := sized(b, row.locks)
			p := m.exec(b, m.tcp)
			ss := m.connect(b, p)
			ctx := context.Background()
			if row.spaced {
				for ss[0].spare.due() == 0 {
					if err := ss[0].move(ctx, nil); err != nil {
						b.Fatal(err)
					}
				}
			}
			var sum time.Duration
			moves := samples(b, row.moves)
			time.Sleep(flush)
			before := p.cpu(b)
			for i := range moves {
				s := ss[i%len(ss)]
				if s.spare.due() > 0 && !row.spaced {
					time.Sleep(flush)
					sum += p.cpu(b) - before
					time.Sleep(allowed * time.Second / allowedPer)
					before = p.cpu(b)
				}
				if err := s.move(ctx, nil); err != nil {
					b.Fatal(err)
				}
			}
			time.Sleep(flush)
			sum += p.cpu(b) - before
			b.ReportMetric(sum.Seconds()*1e3/float64(moves), "cpu-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// flush is longer than the daemon leaves its journal unwritten.
const flush = 250 * time.Millisecond
