package canary

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// Operations and statuses of the access code control point (docs/homekit.md).
const (
	opList, opRead, opAdd, opUpdate, opRemove                         = 1, 2, 3, 4, 5
	codeOK, codeTooMany, codeDuplicate, codeTooShort                  = 0, 2, 4, 5
	codeTooLong, codeBadCharacter, codeInvalid, codeNotExists         = 6, 7, 8, 9
	tagOperation, tagRequest, tagResponse, tagID, tagCode, tagCStatus = 1, 2, 3, 1, 2, 4
)

// phone is a controller that administers one lock's accessory, with a second connection that only listens.
type phone struct {
	w             *world
	asks, listens *controller.Conn
	ids           house.LockIDs
	all           []controller.ID // every characteristic that tells of changes
	stopped       sync.WaitGroup
}

// pair pairs with a lock.
func (w *world) pair(l *lockfw.Lock) *controller.Pairing {
	w.t.Helper()
	p, err := w.home.Pair(w.ctx, l)
	if err != nil {
		w.t.Fatal(err)
	}
	return p
}

func (w *world) connect(p *controller.Pairing) *phone {
	w.t.Helper()
	ph := &phone{w: w}
	var err error
	if ph.asks, err = p.Connect(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	if ph.listens, err = p.Connect(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	if ph.ids, err = house.FindLock(w.ctx, ph.asks); err != nil {
		w.t.Fatal(err)
	}
	var db struct {
		Accessories []struct {
			AID      uint64 `json:"aid"`
			Services []struct {
				Characteristics []struct {
					IID   uint64   `json:"iid"`
					Perms []string `json:"perms"`
				} `json:"characteristics"`
			} `json:"services"`
		} `json:"accessories"`
	}
	if err := json.Unmarshal(ph.look(), &db); err != nil {
		w.t.Fatal(err)
	}
	for _, a := range db.Accessories {
		for _, s := range a.Services {
			for _, c := range s.Characteristics {
				for _, p := range c.Perms {
					if p == "ev" {
						ph.all = append(ph.all, controller.ID{AID: a.AID, IID: c.IID})
					}
				}
			}
		}
	}
	if err := ph.listens.Subscribe(w.ctx, ph.all...); err != nil {
		w.t.Fatal(err)
	}
	ph.stopped.Go(func() {
		for {
			evs, err := ph.listens.NextEvent(w.ctx)
			if err != nil {
				return // the connection ended
			}
			for _, e := range evs {
				w.add(inHomeEvent, fmt.Appendf(nil, "%v %v %v\n", e.ID, e.Status, e.Value))
			}
		}
	})
	return ph
}

// look reads the attribute database with all its values, and what tells of changes once more by itself.
func (p *phone) look() []byte {
	p.w.t.Helper()
	b, err := p.asks.Accessories(p.w.ctx)
	if err != nil {
		p.w.t.Fatal(err)
	}
	p.w.add(inHomeKit, b)
	if len(p.all) > 0 {
		p.heard(p.asks.Get(p.w.ctx, p.all...))
	}
	return b
}

// heard captures an answer, be it a refusal.
func (p *phone) heard(rs []controller.Result, err error) {
	for _, r := range rs {
		p.w.add(inHomeKit, fmt.Appendf(nil, "%v %v %v\n", r.ID, r.Status, r.Value))
	}
	if err != nil {
		p.w.add(inHomeKit, []byte(err.Error()+"\n"))
	}
}

// unlock asks for the bolt by a timed write.
func (p *phone) unlock(value any) {
	p.heard(p.asks.PutTimed(p.w.ctx, 10*time.Second, controller.Write{ID: p.ids.Target, Value: value}))
}

// close ends both connections.
func (p *phone) close() {
	_ = p.asks.Close()
	_ = p.listens.Close()
	p.stopped.Wait()
}

// code is one answer of the access code service.
type code struct {
	id     uint64
	digits string
	status int
}

// codes carries one operation of the access code service out, with a request for each item.
func (p *phone) codes(op byte, items ...code) []code {
	p.w.t.Helper()
	rs, err := p.asks.Put(p.w.ctx, controller.Write{ID: p.ids.Codes, Value: base64.StdEncoding.EncodeToString(codesMessage(op, items)), Response: true})
	if err != nil || len(rs) != 1 || rs[0].Status != 0 {
		p.w.t.Fatalf("access codes: %d answers, %v", len(rs), err)
	}
	text, _ := rs[0].Value.(string)
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		p.w.t.Fatal(err)
	}
	root, err := tlv8.Parse(raw)
	if err != nil {
		p.w.t.Fatal(err)
	}
	var out []code
	for _, it := range root {
		if it.Type != tagResponse {
			continue
		}
		inner, err := tlv8.Parse(it.Value)
		if err != nil {
			p.w.t.Fatal(err)
		}
		c := code{status: -1}
		for _, f := range inner {
			switch f.Type {
			case tagID:
				var b [8]byte
				copy(b[:], f.Value)
				c.id = binary.LittleEndian.Uint64(b[:])
			case tagCode:
				c.digits = string(f.Value)
			case tagCStatus:
				c.status = int(f.Value[0])
			}
		}
		if c.status != codeOK { // a refusal has no business with digits
			p.w.add(inHomeKit, fmt.Appendf(nil, "access code refused: %+v\n", c))
		}
		out = append(out, c)
	}
	return out
}

func codesMessage(op byte, items []code) []byte {
	msg := tlv8.AppendByte(nil, tagOperation, op)
	for i, it := range items {
		if i > 0 {
			msg = tlv8.AppendSeparator(msg, 0)
		}
		var v []byte
		if it.id != 0 {
			v = tlv8.Append(v, tagID, []byte{byte(it.id)})
		}
		if it.digits != "" {
			v = tlv8.AppendString(v, tagCode, it.digits)
		}
		msg = tlv8.Append(msg, tagRequest, v)
	}
	return msg
}

// one carries an operation on one code out, which must end with that status.
func (p *phone) one(op byte, it code, status int) code {
	p.w.t.Helper()
	cs := p.codes(op, it)
	if len(cs) != 1 || cs[0].status != status {
		p.w.t.Fatalf("access code operation %d: %d answers, want status %d: %v", op, len(cs), status, cs)
	}
	return cs[0]
}
