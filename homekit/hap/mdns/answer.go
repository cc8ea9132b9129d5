package mdns

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

// receive handles one datagram.
func (r *Responder) receive(p packet) {
	var l *link
	for i := range r.links {
		if r.links[i].index == p.index {
			l = &r.links[i]
		}
	}
	if l == nil || !l.onLink(p.from.Addr()) || r.sock == nil {
		return
	}
	var m dns.Msg
	if err := m.Unpack(p.data); err != nil || m.Opcode != 0 || m.Rcode != 0 {
		return
	}
	if m.Response {
		if p.from.Port() == port {
			r.heard(&m)
		}
		return
	}
	r.contested(&m)
	r.asked(&m, l, p.from)
}

// byName finds the service with that instance name.
func (r *Responder) byName(name string) *entry {
	for _, e := range r.entries {
		if same(e.instance, name) {
			return e
		}
	}
	return nil
}

// heard looks for ourselves, and for others under our names.
func (r *Responder) heard(m *dns.Msg) {
	now := time.Now()
	for _, list := range [][]dns.RR{m.Answer, m.Extra} {
		for _, rr := range list {
			srv, ok := rr.(*dns.SRV)
			if !ok || srv.Hdr.Ttl == 0 {
				continue
			}
			e := r.byName(srv.Hdr.Name)
			switch {
			case e == nil:
			case same(srv.Target, e.host) && int(srv.Port) == e.svc.Port:
				if e.announced() {
					e.seen = now
				}
			default:
				r.conflict(e, now)
			}
		}
	}
}

// conflict gives way: the next name is probed (RFC 6762 section 9).
func (r *Responder) conflict(e *entry, now time.Time) {
	e.choice++
	old := e.instance
	e.instance = e.svc.instance(e.choice)
	e.probes, e.announces, e.seen = 0, 0, time.Time{}
	e.next = now.Add(probeGap)
	if e.choice > 10 {
		e.next = now.Add(5 * time.Second) // somebody answers to every name
	}
	r.log.Warn("mdns: name is taken on this network, using another", "name", old, "now", e.instance)
}

// contested settles simultaneous probes (RFC 6762 section 8.2): the greater
// record wins, the other waits a second.
func (r *Responder) contested(m *dns.Msg) {
	for _, rr := range m.Ns {
		srv, ok := rr.(*dns.SRV)
		if !ok {
			continue
		}
		e := r.byName(srv.Hdr.Name)
		if e == nil || e.announced() || same(srv.Target, e.host) && int(srv.Port) == e.svc.Port {
			continue
		}
		if bytes.Compare(rdata(srv), rdata(e.srv())) > 0 {
			e.probes, e.next = 0, time.Now().Add(time.Second)
		}
	}
}

// rdata is the record's data as sent, uncompressed.
func rdata(s *dns.SRV) []byte {
	c := *s
	c.Hdr.Name = "."
	b := make([]byte, dns.Len(&c))
	n, err := dns.PackRR(&c, b, 0, nil, false)
	if err != nil {
		return nil
	}
	return b[:n]
}

// reply is an answer under construction.
type reply struct {
	batch
	now time.Time
	l   *link
}

// asked answers a query.
func (r *Responder) asked(m *dns.Msg, l *link, from netip.AddrPort) {
	legacy := from.Port() != port
	probe := len(m.Ns) > 0
	now := time.Now()
	multi := reply{batch{base: response()}, now, l}
	uni := reply{batch{base: response()}, now, l}
	if legacy {
		uni.base.Id = m.Id
		uni.base.Question = m.Question[:min(len(m.Question), 1)]
	}
	for _, q := range m.Question[:min(len(m.Question), 64)] {
		direct := legacy || q.Qclass&wantsQU != 0
		if class := q.Qclass &^ wantsQU; class != dns.ClassINET && class != dns.ClassANY {
			continue
		}
		out := &multi
		if direct {
			out = &uni
		}
		r.shared(&q, m, out, direct, l)
		r.unique(&q, out, probe, direct, l)
	}
	r.send(multi.out, l, netip.AddrPort{})
	if legacy {
		for _, o := range uni.out {
			tame(o)
		}
	}
	r.send(uni.out, l, from)
}

// tame makes an answer fit for an ordinary resolver (RFC 6762 section 6.7).
func tame(m *dns.Msg) {
	for _, list := range [][]dns.RR{m.Answer, m.Extra} {
		for _, rr := range list {
			h := rr.Header()
			h.Class &^= cacheFlush
			h.Ttl = min(h.Ttl, ttlLegacy)
		}
	}
}

// shared answers for names that others have too: browsing.
func (r *Responder) shared(q *dns.Question, m *dns.Msg, out *reply, direct bool, l *link) {
	if q.Qtype != dns.TypePTR && q.Qtype != dns.TypeANY {
		return
	}
	meta := same(q.Name, metaQuery)
	for _, e := range r.entries {
		if !e.announced() || !meta && !same(q.Name, e.svc.typeName()) {
			continue
		}
		if !meta && known(m, e) {
			continue
		}
		if direct {
			if meta {
				out.add(nil, []dns.RR{e.meta()}, nil, nil)
				return
			}
			out.add(nil, []dns.RR{e.ptr(ttlOther)}, nil, e.all(l)[1:])
			continue
		}
		p := r.pending[l.index]
		if p == nil {
			p = &pendingAnswer{at: out.now.Add(answerDelay + rand.N(answerJitter)), entries: make(map[*entry]bool)}
			r.pending[l.index] = p
		}
		if meta {
			p.meta = true
		} else {
			p.entries[e] = true
		}
	}
}

// known reports whether the asker has our answer (RFC 6762 section 7.1).
func known(m *dns.Msg, e *entry) bool {
	for _, rr := range m.Answer {
		if p, ok := rr.(*dns.PTR); ok && same(p.Ptr, e.instance) && same(p.Hdr.Name, e.svc.typeName()) && p.Hdr.Ttl >= ttlOther/2 {
			return true
		}
	}
	return false
}

// answerShared multicasts what was collected.
func (r *Responder) answerShared(index int, p *pendingAnswer, now time.Time) {
	for i := range r.links {
		l := &r.links[i]
		if l.index != index {
			continue
		}
		b := batch{base: response()}
		for _, e := range r.entries {
			if !e.announced() {
				continue
			}
			if p.meta {
				b.add(nil, []dns.RR{e.meta()}, nil, nil)
				p.meta = false
			}
			if p.entries[e] && now.Sub(e.sent[index]) >= repeatGap {
				e.sent[index] = now
				b.add(nil, []dns.RR{e.ptr(ttlOther)}, nil, e.all(l)[1:])
			}
		}
		r.send(b.out, l, netip.AddrPort{})
	}
}

// unique answers for names that are ours alone. Probes are answered however
// often they come; other multicasts once a second.
func (r *Responder) unique(q *dns.Question, out *reply, probe, direct bool, l *link) {
	for _, e := range r.entries {
		if !e.announced() {
			continue
		}
		is := func(t uint16) bool { return q.Qtype == t || q.Qtype == dns.TypeANY }
		var answer, extra []dns.RR
		switch {
		case same(q.Name, e.instance):
			if is(dns.TypeSRV) {
				answer = append(answer, e.srv())
				extra = e.addresses(l)
			}
			if is(dns.TypeTXT) {
				answer = append(answer, e.txt())
			}
			if answer == nil {
				answer = []dns.RR{nothingElse(e.instance, []dns.RR{e.srv(), e.txt()})}
			}
		case same(q.Name, e.host):
			all := e.addresses(l)
			for _, rr := range all {
				if is(rr.Header().Rrtype) {
					answer = append(answer, rr)
				}
			}
			if answer == nil {
				answer = []dns.RR{nothingElse(e.host, all)}
			} else if len(answer) < len(all) {
				extra = []dns.RR{nothingElse(e.host, all)}
			}
		default:
			continue
		}
		if !direct && !probe && out.now.Sub(e.sent[l.index]) < repeatGap {
			continue
		}
		if !direct {
			e.sent[l.index] = out.now
		}
		out.add(nil, answer, nil, extra)
	}
}
