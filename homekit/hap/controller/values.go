package controller

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const typeJSON = "application/hap+json"

// ID names a characteristic.
type ID struct{ AID, IID uint64 }

func (i ID) String() string { return fmt.Sprintf("%d.%d", i.AID, i.IID) }

// Write is one entry of PUT /characteristics.
type Write struct {
	ID
	Value    any   // nil: absent
	Events   *bool // ev
	Response bool  // r
}

// Accessories returns the attribute database as JSON.
func (c *Conn) Accessories(ctx context.Context) ([]byte, error) {
	r, err := c.Do(ctx, "GET", "/accessories", "", nil)
	if err != nil {
		return nil, err
	}
	if r.Code != 200 {
		return nil, &HTTPError{r.Code, string(r.Body)}
	}
	return r.Body, nil
}

// Get reads characteristics.
func (c *Conn) Get(ctx context.Context, ids ...ID) ([]Result, error) {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	r, err := c.Do(ctx, "GET", "/characteristics?id="+strings.Join(names, ","), "", nil)
	if err != nil {
		return nil, err
	}
	if r.Code != 200 && r.Code != 207 {
		return nil, &HTTPError{r.Code, string(r.Body)}
	}
	return parseResults(r.Body)
}

// Put writes. A nil slice is 204: all done.
func (c *Conn) Put(ctx context.Context, ws ...Write) ([]Result, error) { return c.put(ctx, nil, ws) }

func (c *Conn) put(ctx context.Context, pid *uint64, ws []Write) ([]Result, error) {
	body, err := EncodeWrites(pid, ws)
	if err != nil {
		return nil, err
	}
	r, err := c.Do(ctx, "PUT", "/characteristics", typeJSON, body)
	if err != nil {
		return nil, err
	}
	switch r.Code {
	case 204:
		return nil, nil
	case 207:
		return parseResults(r.Body)
	}
	return nil, &HTTPError{r.Code, string(r.Body)}
}

// EncodeWrites makes the body of PUT /characteristics.
func EncodeWrites(pid *uint64, ws []Write) ([]byte, error) {
	type entry struct {
		AID    uint64 `json:"aid"`
		IID    uint64 `json:"iid"`
		Value  any    `json:"value,omitempty"`
		Events *bool  `json:"ev,omitempty"`
		R      bool   `json:"r,omitempty"`
	}
	m := struct {
		Characteristics []entry `json:"characteristics"`
		PID             *uint64 `json:"pid,omitempty"`
	}{PID: pid}
	for _, w := range ws {
		m.Characteristics = append(m.Characteristics, entry{w.AID, w.IID, w.Value, w.Events, w.Response})
	}
	return json.Marshal(m)
}

// Prepare begins a timed write (PUT /prepare).
func (c *Conn) Prepare(ctx context.Context, ttl time.Duration, pid uint64) error {
	body := fmt.Sprintf(`{"ttl":%d,"pid":%d}`, ttl.Milliseconds(), pid)
	r, err := c.Do(ctx, "PUT", "/prepare", typeJSON, []byte(body))
	if err != nil {
		return err
	}
	if r.Code != 200 {
		return &HTTPError{r.Code, string(r.Body)}
	}
	return nil
}

// PutTimed prepares and writes.
func (c *Conn) PutTimed(ctx context.Context, ttl time.Duration, ws ...Write) ([]Result, error) {
	pid := atomic.AddUint64(&c.pid, 1)
	if err := c.Prepare(ctx, ttl, pid); err != nil {
		return nil, err
	}
	return c.put(ctx, &pid, ws)
}

// PutPID writes within a timed write that was prepared.
func (c *Conn) PutPID(ctx context.Context, pid uint64, ws ...Write) ([]Result, error) {
	return c.put(ctx, &pid, ws)
}

// Subscribe asks for events.
func (c *Conn) Subscribe(ctx context.Context, ids ...ID) error {
	on := true
	ws := make([]Write, len(ids))
	for i, id := range ids {
		ws[i] = Write{ID: id, Events: &on}
	}
	rs, err := c.Put(ctx, ws...)
	for _, r := range rs {
		if r.Status != 0 && err == nil {
			err = fmt.Errorf("controller: subscribe to %v: status %s", r.ID, strconv.Itoa(r.Status))
		}
	}
	return err
}

// NextEvent waits for one event message.
func (c *Conn) NextEvent(ctx context.Context) ([]Result, error) {
	for {
		c.mu.Lock()
		if len(c.events) > 0 {
			e := c.events[0]
			c.events = c.events[1:]
			c.mu.Unlock()
			return e, nil
		}
		c.mu.Unlock()
		select {
		case <-c.arrive:
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-c.ended:
			c.mu.Lock()
			left := len(c.events)
			c.mu.Unlock()
			if left == 0 {
				return nil, c.cause()
			}
		}
	}
}
