package znp

import (
	"errors"
	"time"
)

// withdraw ends a call of which nothing was written. It is false if the call has ended otherwise.
func (l *link) withdraw(c *call) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cur != c {
		return false
	}
	l.cur, c.rsp = nil, nil
	l.timer.Stop()
	return true
}

// recall sees to a request that was written and may not go any more: if the line still holds it a moment later, the line is given up, for closing it is the
// only way to call that back.
func (l *link) recall(c *call) {
	p, ok := l.port.(outQueue)
	if !ok || p.Unsent() == 0 {
		return
	}
	l.mu.Lock()
	which := c.deadline // of all the calls that c stands for
	l.mu.Unlock()
	time.AfterFunc(lineTime, func() {
		l.mu.Lock()
		held := l.cur == c && c.deadline.Equal(which)
		l.mu.Unlock()
		if held && p.Unsent() > 0 {
			l.close(errors.New("the line took a request and did not carry it in time"))
		}
	})
}
