package hap

import (
	"slices"
	"time"
)

// Events (R2 6.8). Nothing is queued: an attribute is flagged, and its value
// read when the message is written. The first message goes at once, the next
// ones at least EventGap later with all that changed meanwhile; a message is
// written between requests only. A subscriber that does not read is hung up
// on after WriteTime; nobody else waits for it.

// flag notes that the attributes' values are news to this connection. It never
// blocks.
func (c *conn) flag(as ...*attribute) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	urgent := false
	for _, a := range as {
		if !slices.Contains(c.flagged, a) {
			c.flagged = append(c.flagged, a)
		}
		urgent = urgent || a.stateless
	}
	c.kick(urgent)
}

// kick starts a message if one is due. Called under c.mu.
func (c *conn) kick(urgent bool) {
	if c.closed || c.busy || c.sending || len(c.flagged) == 0 {
		return
	}
	if !urgent {
		urgent = slices.ContainsFunc(c.flagged, func(a *attribute) bool { return a.stateless })
	}
	if wait := time.Until(c.last.Add(c.s.host.limits.EventGap)); wait > 0 && !urgent && !c.last.IsZero() {
		if c.timer == nil {
			c.timer = time.AfterFunc(wait, func() {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.timer = nil
				c.kick(false)
			})
		}
		return
	}
	if c.timer != nil {
		c.timer.Stop()
		c.timer = nil
	}
	c.sending = true
	c.s.tasks.Add(1)
	go c.sendEvent()
}

// sendEvent writes one message.
func (c *conn) sendEvent() {
	defer c.s.tasks.Done()
	c.wmu.Lock()
	c.mu.Lock()
	if c.busy || c.closed { // a request came first; its end will kick again
		c.sending = false
		c.mu.Unlock()
		c.wmu.Unlock()
		return
	}
	flagged := c.flagged
	c.flagged = nil
	c.last = time.Now()
	c.mu.Unlock()

	body := getBuffer()
	b := append(*body, `{"characteristics":[`...)
	for i, a := range flagged {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, a.ref...), `,"value":`...), a.current()...)
		b = append(b, '}')
	}
	*body = append(b, `]}`...)
	err := c.writeLocked(eventLine, typeJSON, *body)
	putBuffer(body)
	c.wmu.Unlock()

	c.mu.Lock()
	defer c.mu.Unlock()
	c.sending = false
	if err == nil {
		c.kick(false)
	}
}

// subscribe turns events of one attribute on or off.
func (c *conn) subscribe(a *attribute, on bool) {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return
	}
	if on {
		c.subs[a] = struct{}{}
	} else {
		delete(c.subs, a)
		c.flagged = slices.DeleteFunc(c.flagged, func(f *attribute) bool { return f == a })
	}
	c.mu.Unlock()
	a.subscribe(c, on)
}
