package hap

import (
	"bytes"
	"context"
	"strconv"
)

// query is GET /characteristics's (R2 table 6-9).
type query struct {
	ids                   []id
	meta, perms, typ, evs bool
}

func parseQuery(q []byte) (query, bool) {
	var out query
	seen := false
	for len(q) > 0 {
		var part []byte
		part, q, _ = bytes.Cut(q, []byte{'&'})
		key, value, _ := bytes.Cut(part, []byte{'='})
		switch string(key) {
		case "id":
			if seen {
				return out, false
			}
			seen = true
			var ok bool
			if out.ids, ok = parseIDs(value); !ok {
				return out, false
			}
		case "meta", "perms", "type", "ev":
			var on bool
			switch string(value) {
			case "1", "true":
				on = true
			case "0", "false":
			default:
				return out, false
			}
			switch key[0] {
			case 'm':
				out.meta = on
			case 'p':
				out.perms = on
			case 't':
				out.typ = on
			case 'e':
				out.evs = on
			}
		}
	}
	return out, len(out.ids) > 0
}

func parseIDs(v []byte) ([]id, bool) {
	ids := make([]id, 0, bytes.Count(v, []byte{','})+1)
	for len(v) > 0 {
		var one []byte
		var more bool
		one, v, more = bytes.Cut(v, []byte{','})
		aid, iid, ok := bytes.Cut(one, []byte{'.'})
		a, err := strconv.ParseUint(string(aid), 10, 64)
		i, err2 := strconv.ParseUint(string(iid), 10, 64)
		if !ok || err != nil || err2 != nil || aid[0] == '+' || iid[0] == '+' || more && len(v) == 0 {
			return nil, false
		}
		ids = append(ids, id{a, i})
	}
	return ids, true
}

// reading is one entry of an answer.
type reading struct {
	id     id
	a      *attribute // nil if unknown
	json   []byte
	status Status
}

// handleRead answers GET /characteristics.
func (c *conn) handleRead(k *controllerKey, raw []byte) error {
	q, ok := parseQuery(raw)
	if !ok {
		return c.respond(400, "", nil)
	}
	db := c.s.db.Load()
	if len(q.ids) > len(db.attrs) {
		return c.respond(500, typeJSON, bodyResources)
	}
	readings := make([]reading, len(q.ids))
	for i, want := range q.ids {
		r := &readings[i]
		r.id, r.a = want, db.attrs[want]
		switch {
		case r.a == nil:
			r.status = StatusNotFound
		case !r.a.has(permRead):
			r.status = StatusWriteOnly
		case !r.a.allows(k.Admin):
			r.status = StatusInsufficientPrivileges
		}
	}
	c.fetch(k, readings)

	code := 200
	for i := range readings {
		if readings[i].status != StatusOK {
			code = 207
		}
	}
	body := getBuffer()
	defer putBuffer(body)
	b := append(*body, `{"characteristics":[`...)
	for i := range readings {
		if i > 0 {
			b = append(b, ',')
		}
		b = c.appendReading(b, &readings[i], &q, code == 207)
	}
	*body = append(b, `]}`...)
	return c.respond(code, typeJSON, *body)
}

func (c *conn) appendReading(b []byte, r *reading, q *query, status bool) []byte {
	b = appendRef(b, r.id, r.a)
	if r.a != nil && r.status != StatusNotFound {
		if q.typ {
			b = append(b, r.a.typ...)
		}
		if q.meta {
			b = append(b, r.a.meta...)
		}
		if q.perms {
			b = append(b, r.a.perm...)
		}
		if q.evs {
			b = append(b, `,"ev":`...)
			b = strconv.AppendBool(b, r.a.subscribed(c))
		}
	}
	if r.status == StatusOK {
		b = append(append(b, `,"value":`...), r.json...)
	}
	if status {
		b = strconv.AppendInt(append(b, `,"status":`...), int64(r.status), 10)
	}
	return append(b, '}')
}

// appendRef writes `{"aid":…,"iid":…`.
func appendRef(b []byte, i id, a *attribute) []byte {
	if a != nil {
		return append(b, a.ref...)
	}
	b = strconv.AppendUint(append(b, `{"aid":`...), i.aid, 10)
	return strconv.AppendUint(append(b, `,"iid":`...), i.iid, 10)
}

// fetch fills in the values: stored ones, and those of handlers.
func (c *conn) fetch(k *controllerKey, readings []reading) {
	handlers := 0
	for i := range readings {
		r := &readings[i]
		if r.status != StatusOK {
			continue
		}
		if r.a.reader() != nil {
			handlers++
			continue
		}
		r.json = r.a.current()
	}
	if handlers == 0 {
		return
	}
	ctx, cancel := c.patience()
	defer cancel()
	c.consult(ctx, k, readings, handlers)
}

// consult runs the read handlers of readings that have no value yet.
func (c *conn) consult(ctx context.Context, k *controllerKey, readings []reading, handlers int) {
	results := make(chan result, len(readings))
	who := Request{Controller: k.ID, Admin: k.Admin}
	n := 0
	for i := range readings {
		r := &readings[i]
		if r.status != StatusOK || r.json != nil {
			continue
		}
		f := r.a.reader()
		if f == nil { // taken away meanwhile
			r.json = r.a.current()
			continue
		}
		r.status = StatusTimedOut
		n++
		c.s.launch(r.a, results, i, func() (any, Status) { return f(ctx, who) })
	}
	collect(ctx, results, n, func(res result) {
		r := &readings[res.index]
		r.status = res.status
		if res.status != StatusOK {
			return
		}
		v, err := r.a.limits.accept(res.value)
		if err != nil {
			c.s.log.Error("hap: a read handler's value was refused", "aid", r.id.aid, "iid", r.id.iid, "error", err)
			r.status = StatusUnreachable
			return
		}
		r.json = appendValue(nil, v)
	})
}

// handleAccessories answers GET /accessories. Handlers that fail leave the
// stored value: the database is of no use with holes.
func (c *conn) handleAccessories(k *controllerKey) error {
	db := c.s.db.Load()
	var readings []reading
	for _, s := range db.segments {
		if s.value != nil && s.value.reader() != nil && s.value.allows(k.Admin) {
			readings = append(readings, reading{id: s.value.id, a: s.value})
		}
	}
	values := make(map[*attribute][]byte, len(readings))
	if len(readings) > 0 {
		ctx, cancel := c.patience()
		defer cancel()
		c.consult(ctx, k, readings, len(readings))
		for _, r := range readings {
			if r.status == StatusOK {
				values[r.a] = r.json
			}
		}
	}
	body := getBuffer()
	defer putBuffer(body)
	*body = db.append(*body, func(a *attribute) []byte {
		if v := values[a]; v != nil {
			return v
		}
		if !a.allows(k.Admin) {
			return a.empty()
		}
		return a.current()
	})
	return c.respond(200, typeJSON, *body)
}

// empty stands for a value that the controller may not see.
func (a *attribute) empty() []byte { return appendValue(nil, a.limits.zero()) }
