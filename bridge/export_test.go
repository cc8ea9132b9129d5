package bridge

import "time"

// MoveClock puts the wall clock on by d, as an NTP client or a person would.
func (b *Bridge) MoveClock(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.drift += d
}
