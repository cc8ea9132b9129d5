package bench

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// settle is how long a daemon is left alone before its memory is read.
const settle = 5 * time.Second

// BenchmarkIdle is the resident memory of a daemon that was started, spoke with every lock and paired controller, and was left alone.
func BenchmarkIdle(b *testing.B) {
	for _, locks := range []int{1, 50} {
		b.Run(fmt.Sprintf("locks=%d", locks), func(b *testing.B) {
			m := sized(b, locks)
			var sum float64
			for range b.N {
				p := m.exec(b, m.tcp)
				m.connect(b, p)
				time.Sleep(settle)
				sum += p.rss(b)
				p.end()
			}
			b.ReportMetric(sum/float64(b.N), "RSS-MB")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkStart is from the start of the process until every accessory has verified its controller.
func BenchmarkStart(b *testing.B) {
	for _, locks := range []int{1, 50} {
		b.Run(fmt.Sprintf("locks=%d", locks), func(b *testing.B) {
			m := sized(b, locks)
			measure(b, 10, func(ctx context.Context) (time.Duration, error) {
				p := m.exec(b, m.tcp)
				defer p.end()
				var wg sync.WaitGroup
				failed := make(chan error, len(m.pairings))
				for _, pairing := range m.pairings {
					wg.Go(func() {
						c, err := p.verify(ctx, pairing)
						if err != nil {
							failed <- err
							return
						}
						_ = c.Close()
					})
				}
				wg.Wait()
				took := time.Since(p.began)
				select {
				case err := <-failed:
					return 0, err
				default:
					return took, nil
				}
			})
		})
	}
}
