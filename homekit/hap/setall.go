package hap

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/brutella/hap/characteristic"
)

// Value is a characteristic's new value.
type Value struct {
	C *characteristic.C
	V any
}

// SetAll stores values that belong together, so that a controller is told of all of them in one event, as of a lock's target and current state. What can be
// stored is; the error names the rest.
func (s *Server) SetAll(values ...Value) error {
	var errs []error
	news := make(map[*conn][]*attribute)
	for _, nv := range values {
		a := s.known(nv.C)
		if a == nil || !a.isAdded() {
			errs = append(errs, fmt.Errorf("hap: characteristic %s (iid %d) is not of %s", nv.C.Type, nv.C.Id, s.cfg.Key))
			continue
		}
		v, err := a.limits.accept(nv.V)
		if err != nil {
			errs = append(errs, fmt.Errorf("hap: set %d.%d: %w", a.id.aid, a.id.iid, err))
			continue
		}
		for _, c := range a.storeQuietly(v) {
			news[c] = append(news[c], a)
		}
	}
	for c, as := range news {
		c.flag(as...)
	}
	return errors.Join(errs...)
}

// storeQuietly sets the value and returns who is to be told.
func (a *attribute) storeQuietly(v any) (subs []*conn) {
	b := appendValue(nil, v)
	a.mu.Lock()
	defer a.mu.Unlock()
	if bytes.Equal(b, a.json) && !a.stateless {
		return nil
	}
	a.val, a.json = v, b
	for c := range a.subs {
		subs = append(subs, c)
	}
	return subs
}

// unflag takes back that the attribute's value is news to this connection.
func (c *conn) unflag(a *attribute) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flagged = slices.DeleteFunc(c.flagged, func(f *attribute) bool { return f == a })
}
