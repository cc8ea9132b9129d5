package bench

import (
	"context"
	"math"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/lockfw"
)

// paced is the usual rate of a coordinator's serial port.
const paced = 115200

// pace gives the line its time until the benchmark ends. A goroutine that waits for the line holds a thread: there have to be some more.
func (m *home) pace(b *testing.B) {
	before := runtime.GOMAXPROCS(8)
	m.baud.Store(paced)
	b.Cleanup(func() {
		m.baud.Store(0)
		runtime.GOMAXPROCS(before)
	})
}

// lineTime is how long the line takes for so many bytes, 10 bits each.
func lineTime(bytes int) time.Duration { return time.Duration(bytes) * 10 * time.Second / paced }

// burst is what the line carried of one burst.
type burst struct {
	mu       sync.Mutex
	wanted   int
	requests int // commands seen
	alone    int // bytes of the commands and of the dongle's synchronous replies
	back     int // bytes towards the daemon, of all kinds
	pending  bool
	asked    time.Time     // the end of the latest command
	dongle   time.Duration // from the commands' ends to the replies' beginnings: the emulated dongle's own
	last     time.Time     // the end of the last command's reply
	done     chan struct{}
}

func (s *burst) see(cmd int, p []byte, toDongle bool, first, last time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(p) + 5
	if !toDongle && s.last.IsZero() {
		s.back += n
	}
	switch {
	case toDongle:
		_, cluster, z := dataRequest(p)
		s.pending = cmd == cmdDataRequest && cluster == doorLock && len(z) > 2 && z[0]&3 == 1 && z[2] < 2
		if s.pending {
			s.requests++
			s.alone += n
			s.asked = last
		}
	case cmd == cmdDataReply && s.pending:
		s.pending = false
		s.alone += n
		s.dongle += first.Sub(s.asked)
		if s.requests == s.wanted {
			s.last = last
			close(s.done)
		}
	}
}

// BenchmarkBurst writes to the accessories of 250 locks at once, and takes the time from the first write to the end of the last command's synchronous reply
// on a line at 115200 baud. The line's own time is that of the commands and their replies, which have to alternate. "answers=later" has locks that answer
// and move when the burst is over, as slow as real ones; with "answers=at-once" every lock's response, event and report come back during the burst,
// three times the bytes, so that the line's other direction is what takes longest: "back-ms" is that direction's own time.
func BenchmarkBurst(b *testing.B) {
	for _, row := range []struct {
		name  string
		later time.Duration
	}{{"locks=250/answers=later", 40 * time.Second}, {"locks=250/answers=at-once", 0}} { // of emulated time, which runs 20 times as fast
		b.Run(row.name, func(b *testing.B) {
			m := sized(b, 250)
			ss := m.connect(b, m.exec(b, m.tcp))
			for _, s := range ss {
				s.lock.Adjust(func(f *lockfw.Behaviour) { f.ResponseAfter, f.BoltTime = row.later, row.later })
			}
			defer func() {
				for _, s := range ss {
					s.lock.Adjust(prompt)
				}
			}()
			m.pace(b)
			defer m.seen.watch(nil)
			var took, alone, back, dongle []float64
			failed := 0
			for range samples(b, 3) {
				t, st, bad := oneBurst(b, m, ss)
				took, alone, back = append(took, t.Seconds()*1e3), append(alone, lineTime(st.alone).Seconds()*1e3), append(back, lineTime(st.back).Seconds()*1e3)
				dongle = append(dongle, st.dongle.Seconds()*1e3)
				failed += bad
			}
			b.ReportMetric(median(took), "burst-ms")
			b.ReportMetric(median(alone), "own-ms")
			b.ReportMetric(median(back), "back-ms")
			b.ReportMetric(median(dongle), "dongle-ms")
			b.ReportMetric((median(took)/math.Max(median(alone), map[bool]float64{true: median(back)}[row.later == 0])-1)*100, "over-%")
			b.ReportMetric(float64(failed), "errors")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// quiet waits until nothing passes the line.
func (m *home) quiet(ctx context.Context) {
	for before := int64(-1); before != m.seen.requests.Load()+m.seen.toDaemon.Load() && ctx.Err() == nil; {
		before = m.seen.requests.Load() + m.seen.toDaemon.Load()
		time.Sleep(300 * time.Millisecond)
	}
}

func median(v []float64) float64 {
	v = slices.Sorted(slices.Values(v))
	return v[len(v)/2]
}

func oneBurst(b *testing.B, m *home, ss []*session) (took time.Duration, st *burst, failed int) {
	b.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	m.quiet(ctx)
	for _, s := range ss {
		if err := s.prepare(ctx); err != nil {
			b.Fatal(err)
		}
	}
	st = &burst{wanted: len(ss), done: make(chan struct{})}
	m.seen.watch(st.see)
	start := make(chan struct{})
	errs := make(chan error, len(ss))
	for _, s := range ss {
		go func() {
			<-start
			errs <- s.write(ctx)
		}()
	}
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	close(start)
	select {
	case <-st.done:
	case <-ctx.Done():
		b.Logf("%d of %d commands came through the line", st.requests, st.wanted)
		for range ss {
			if err := <-errs; err != nil {
				b.Fatal(err)
			}
		}
		b.FailNow()
	}
	for range ss {
		if err := <-errs; err != nil {
			b.Log(err)
			failed++
		}
	}
	m.quiet(ctx) // what is left of answers, events and reports
	m.seen.watch(nil)
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.last.Sub(began), st, failed
}
