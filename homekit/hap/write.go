package hap

import (
	"context"
	"encoding/base64"
	"strconv"
	"time"
)

// prepared is a timed write that may come (R2 6.7.2.4).
type prepared struct {
	set   bool
	pid   uint64
	until time.Time
}

// handlePrepare answers PUT /prepare.
func (c *conn) handlePrepare(body []byte) error {
	var ttl, pid uint64
	var hasTTL, hasPID bool
	s := scanner{b: body}
	err := s.object(func(key []byte) error {
		t, err := s.value(0)
		if err != nil {
			return err
		}
		switch string(key) {
		case "ttl":
			ok := !hasTTL
			if ttl, hasTTL = t.uint(); !ok || !hasTTL || ttl > 1<<53-1 {
				return errJSON
			}
		case "pid":
			ok := !hasPID
			if pid, hasPID = t.uint(); !ok || !hasPID {
				return errJSON
			}
		}
		return nil
	})
	if err != nil || !s.end() || !hasTTL || !hasPID {
		return c.respond(400, "", nil)
	}
	const longest = uint64(24 * time.Hour / time.Millisecond)
	c.prepared = prepared{true, pid, time.Now().Add(time.Duration(min(ttl, longest)) * time.Millisecond)}
	return c.respond(200, typeJSON, bodyOK)
}

// entry is one of a PUT /characteristics.
type entry struct {
	id       id
	a        *attribute
	write    token
	ev       token
	auth     []byte
	remote   bool
	response bool // r

	has    struct{ aid, iid, auth, remote, r bool }
	value  any // parsed
	events bool
	answer []byte // the value of a write response
	status Status
}

// parseEntry reads one object of the array.
func parseEntry(s *scanner) (entry, error) {
	var e entry
	err := s.object(func(key []byte) error {
		t, err := s.value(2)
		if err != nil {
			return err
		}
		ok := true
		once := func(seen *bool) { ok = ok && !*seen; *seen = true }
		switch string(key) {
		case "aid":
			once(&e.has.aid)
			var v bool
			e.id.aid, v = t.uint()
			ok = ok && v
		case "iid":
			once(&e.has.iid)
			var v bool
			e.id.iid, v = t.uint()
			ok = ok && v
		case "value":
			ok = e.write.kind == absent && t.kind != kindNull && t.kind != kindObject && t.kind != kindArray
			e.write = t
		case "ev":
			ok = e.ev.kind == absent
			e.ev = t
			var v bool
			e.events, v = t.flag()
			ok = ok && v
		case "authData":
			once(&e.has.auth)
			text, v := t.text()
			b, err := base64.StdEncoding.DecodeString(text)
			e.auth, ok = b, ok && v && err == nil
		case "remote":
			once(&e.has.remote)
			var v bool
			e.remote, v = t.flag()
			ok = ok && v
		case "r":
			once(&e.has.r)
			var v bool
			e.response, v = t.flag()
			ok = ok && v
		}
		if !ok {
			return errJSON
		}
		return nil
	})
	if err == nil && (!e.has.aid || !e.has.iid) {
		err = errJSON
	}
	return e, err
}

// parseWrite reads the whole body. It keeps at most limit entries, and counts
// all.
func parseWrite(body []byte, limit int) (entries []entry, count int, pid token, err error) {
	s := scanner{b: body}
	found := false
	err = s.object(func(key []byte) error {
		switch string(key) {
		case "characteristics":
			if found {
				return errJSON
			}
			found = true
			return s.array(func() error {
				e, err := parseEntry(&s)
				if count++; err == nil && count <= limit {
					entries = append(entries, e)
				}
				return err
			})
		case "pid":
			if pid.kind != absent {
				return errJSON
			}
			var err error
			pid, err = s.value(0)
			return err
		}
		_, err := s.value(0)
		return err
	})
	if err == nil && (!found || !s.end()) {
		err = errJSON
	}
	return entries, count, pid, err
}

// handleWrite answers PUT /characteristics (R2 6.7.2).
func (c *conn) handleWrite(k *controllerKey, body []byte) error {
	db := c.s.db.Load()
	entries, count, pidToken, err := parseWrite(body, len(db.attrs))
	pid, pidOK := pidToken.uint()
	if err != nil || pidToken.kind != absent && !pidOK {
		return c.respond(400, "", nil)
	}
	if count > len(entries) {
		return c.respond(500, typeJSON, bodyResources)
	}
	timed := false
	if pidOK {
		timed = c.prepared.set && c.prepared.pid == pid && !expired(c.prepared.until)
		c.prepared = prepared{} // used up, come what may
	}
	for i := range entries {
		e := &entries[i]
		e.a = db.attrs[e.id]
		if pidOK && !timed {
			e.status = StatusInvalidValue
			continue
		}
		e.status = c.check(e, k, timed)
	}
	if !pidOK || timed {
		c.execute(entries, k, timed)
	}
	return c.answer(entries)
}

// check says what stands against an entry. Nothing of an entry is executed
// unless all of it may be.
func (c *conn) check(e *entry, k *controllerKey, timed bool) Status {
	a := e.a
	if a == nil {
		return StatusNotFound
	}
	if e.write.kind == absent && e.ev.kind == absent {
		return StatusInvalidValue
	}
	if e.write.kind != absent && !a.has(permWrite) {
		return StatusReadOnly
	}
	if e.ev.kind != absent && !a.has(permEvents) {
		return StatusNotificationsUnsupported
	}
	if !a.allows(k.Admin) {
		return StatusInsufficientPrivileges
	}
	if e.write.kind != absent {
		if a.has(permTimed) && !timed && c.s.host.cfg.TimedWrites != AcceptPlainWrites {
			if !c.plainTold {
				c.plainTold = true
				c.s.log.Warn("hap: a plain write was refused where a timed one is wanted; if this controller cannot make timed writes, set timed_writes to accept", "controller", k.ID)
			}
			return StatusInvalidValue
		}
		var ok bool
		if e.value, ok = a.limits.parse(e.write); !ok {
			return StatusInvalidValue
		}
	}
	return StatusOK
}

// execute carries out what passed. Writes with handlers run side by side,
// one after the other only if a characteristic is written twice.
func (c *conn) execute(entries []entry, k *controllerKey, timed bool) {
	handlers := 0
	twice := false
	for i := range entries {
		e := &entries[i]
		if e.status != StatusOK {
			continue
		}
		if e.ev.kind != absent {
			c.subscribe(e.a, e.events)
		}
		if e.write.kind != absent {
			handlers++
			for j := range entries[:i] {
				twice = twice || entries[j].a == e.a && entries[j].write.kind != absent
			}
		}
	}
	if handlers == 0 {
		return
	}
	ctx, cancel := c.patience()
	defer cancel()
	results := make(chan result, len(entries))
	running := 0
	settle := func(r result) { c.settle(&entries[r.index], r) }
	for i := range entries {
		e := &entries[i]
		if e.status != StatusOK || e.write.kind == absent {
			continue
		}
		f := e.a.writer()
		if f == nil {
			if e.a.identify {
				c.s.showSelf(e.a.id.aid)
			}
			c.settle(e, result{index: i})
			continue
		}
		c.run(ctx, e, i, f, results, Request{Controller: k.ID, Admin: k.Admin, Timed: timed, Remote: e.remote, AuthData: e.auth})
		running++
		if twice {
			collect(ctx, results, 1, settle)
			running--
		}
	}
	collect(ctx, results, running, settle)
}

// run launches one write handler.
func (c *conn) run(ctx context.Context, e *entry, i int, f WriteFunc, results chan<- result, who Request) {
	e.status = StatusTimedOut // until it answers
	value := e.value
	c.s.launch(e.a, results, i, func() (any, Status) { return f(ctx, who, value) })
}

// settle takes a write's result.
func (c *conn) settle(e *entry, r result) {
	e.status = r.status
	if r.status != StatusOK {
		return
	}
	if !e.a.has(permResponse) { // a control point's request is no state, and may be a secret
		e.a.store(e.value, c)
	}
	if !e.response {
		return
	}
	if !e.a.has(permResponse) {
		e.status = StatusWriteOnly
		return
	}
	v := r.value
	if v == nil {
		v = e.value
	}
	v, err := e.a.limits.accept(v)
	if err != nil {
		c.s.log.Error("hap: a write handler's response was refused", "aid", e.id.aid, "iid", e.id.iid, "error", err)
		e.status = StatusUnreachable
		return
	}
	e.answer = appendValue(nil, v)
}

// answer is 204 if all went well and nothing was asked for, else 207 with
// every entry.
func (c *conn) answer(entries []entry) error {
	multi := false
	for i := range entries {
		e := &entries[i]
		multi = multi || e.status != StatusOK || e.response
	}
	if !multi {
		return c.respond(204, "", nil)
	}
	body := getBuffer()
	defer putBuffer(body)
	b := append(*body, `{"characteristics":[`...)
	for i := range entries {
		e := &entries[i]
		if i > 0 {
			b = append(b, ',')
		}
		b = appendRef(b, e.id, e.a)
		b = strconv.AppendInt(append(b, `,"status":`...), int64(e.status), 10)
		if e.answer != nil {
			b = append(append(b, `,"value":`...), e.answer...)
		}
		b = append(b, '}')
	}
	*body = append(b, `]}`...)
	return c.respond(207, typeJSON, *body)
}
