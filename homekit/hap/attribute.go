package hap

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"github.com/brutella/hap/characteristic"
)

type perms uint8

const (
	permRead perms = 1 << iota
	permWrite
	permEvents
	permTimed
	permResponse
)

var permBits = map[string]perms{
	characteristic.PermissionRead:          permRead,
	characteristic.PermissionWrite:         permWrite,
	characteristic.PermissionEvents:        permEvents,
	characteristic.PermissionTimedWrite:    permTimed,
	characteristic.PermissionWriteResponse: permResponse,
}

const (
	typeIdentify    = "14"
	typeSwitchEvent = "73" // ProgrammableSwitchEvent: no state, every event counts
)

// maxRunning bounds the handlers of one characteristic that have outlived
// their patience.
const maxRunning = 16

// id names a characteristic on the wire.
type id struct{ aid, iid uint64 }

// attribute is a characteristic as the server holds it. The fields above mu
// are set when its accessory is added and do not change.
type attribute struct {
	c         *characteristic.C
	id        id
	perms     perms
	limits    constraints
	identify  bool
	stateless bool

	ref   []byte // `{"aid":1,"iid":9`
	typ   []byte // `,"type":"1E"`
	perm  []byte // `,"perms":["pr","ev"]`
	meta  []byte // `,"format":"uint8",…`
	about []byte // description: only /accessories has it

	mu      sync.Mutex
	added   bool
	read    ReadFunc
	write   WriteFunc
	admin   bool // administrators only
	val     any
	json    []byte // val's encoding, replaced, never changed
	subs    map[*conn]struct{}
	running int
}

// fill makes the attribute of a characteristic that is being added.
func (a *attribute) fill(aid uint64) error {
	c := a.c
	limits, err := newConstraints(c)
	if err != nil {
		return err
	}
	a.id, a.limits = id{aid, c.Id}, limits
	a.perms = 0
	for _, p := range c.Permissions {
		a.perms |= permBits[p]
	}
	if a.perms == 0 {
		return fmt.Errorf("no permission of R2 table 6-4 among %q", c.Permissions)
	}
	a.identify, a.stateless = c.Type == typeIdentify, c.Type == typeSwitchEvent
	a.ref = strconv.AppendUint([]byte(`{"aid":`), aid, 10)
	a.ref = strconv.AppendUint(append(a.ref, `,"iid":`...), c.Id, 10)
	a.typ = appendString([]byte(`,"type":`), c.Type)
	if a.perm, err = appendJSON([]byte(`,"perms":`), c.Permissions); err != nil {
		return err
	}
	if a.meta, err = a.encodeMeta(); err != nil {
		return err
	}
	a.about = nil
	if c.Description != "" {
		a.about = appendString([]byte(`,"description":`), c.Description)
	}
	v := c.Value()
	if v == nil && !a.stateless {
		v = limits.zero()
	}
	if v, err = limits.accept(v); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.added = true
	a.val, a.json = v, appendValue(nil, v)
	return nil
}

func (a *attribute) encodeMeta() ([]byte, error) {
	c := a.c
	m := appendString([]byte(`,"format":`), c.Format)
	if c.Unit != "" {
		m = appendString(append(m, `,"unit":`...), c.Unit)
	}
	for _, f := range []struct {
		name string
		v    any
	}{{"minValue", c.MinVal}, {"maxValue", c.MaxVal}, {"minStep", c.StepVal}} {
		if f.v == nil {
			continue
		}
		var err error
		if m, err = appendJSON(append(m, `,"`+f.name+`":`...), f.v); err != nil {
			return nil, err
		}
	}
	if c.MaxLen > 0 {
		name := `,"maxLen":`
		if c.Format == characteristic.FormatData {
			name = `,"maxDataLen":`
		}
		m = strconv.AppendInt(append(m, name...), int64(c.MaxLen), 10)
	}
	var err error
	if len(c.ValidVals) > 0 {
		if m, err = appendJSON(append(m, `,"valid-values":`...), c.ValidVals); err != nil {
			return nil, err
		}
	}
	if len(c.ValidRange) == 2 {
		if m, err = appendJSON(append(m, `,"valid-values-range":`...), c.ValidRange); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func appendJSON(dst []byte, v any) ([]byte, error) {
	b, err := json.Marshal(v)
	return append(dst, b...), err
}

// has reports whether all of p are permitted.
func (a *attribute) has(p perms) bool { return a.perms&p == p }

// current returns the value's encoding.
func (a *attribute) current() []byte {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.json
}

// store sets the value and flags it to all subscribers but one.
func (a *attribute) store(v any, except *conn) {
	var enc [64]byte
	b := appendValue(enc[:0], v)
	a.mu.Lock()
	defer a.mu.Unlock()
	if bytes.Equal(b, a.json) && !a.stateless {
		if except != nil { // its handler's Set came first: no news to who wrote it
			except.unflag(a)
		}
		return
	}
	a.val, a.json = v, bytes.Clone(b)
	for c := range a.subs {
		if c != except {
			c.flag(a)
		}
	}
}

// allows reports whether a controller may touch the attribute.
func (a *attribute) allows(admin bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return admin || !a.admin
}

// subscribe adds or removes a connection.
func (a *attribute) subscribe(c *conn, on bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !on {
		delete(a.subs, c)
		return
	}
	if a.subs == nil {
		a.subs = make(map[*conn]struct{})
	}
	a.subs[c] = struct{}{}
}

func (a *attribute) subscribed(c *conn) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	_, on := a.subs[c]
	return on
}

// start claims the right to run a handler.
func (a *attribute) start() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.running >= maxRunning {
		return false
	}
	a.running++
	return true
}

func (a *attribute) done() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.running--
}

func (a *attribute) reader() ReadFunc {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read
}

func (a *attribute) writer() WriteFunc {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.write
}
