package mdns

import (
	"net"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// Times to live, in seconds (RFC 6762 section 10).
const (
	ttlHost   = 120
	ttlOther  = 4500
	ttlLegacy = 10 // RFC 6762 section 6.7
)

const (
	cacheFlush = 1 << 15
	wantsQU    = 1 << 15
	metaQuery  = "_services._dns-sd._udp.local."
)

func header(name string, typ uint16, ttl uint32, unique bool) dns.RR_Header {
	h := dns.RR_Header{Name: name, Rrtype: typ, Class: dns.ClassINET, Ttl: ttl}
	if unique {
		h.Class |= cacheFlush
	}
	return h
}

func (e *entry) ptr(ttl uint32) dns.RR {
	return &dns.PTR{Hdr: header(e.svc.typeName(), dns.TypePTR, ttl, false), Ptr: e.instance}
}

func (e *entry) srv() *dns.SRV {
	return &dns.SRV{Hdr: header(e.instance, dns.TypeSRV, ttlHost, true), Port: uint16(e.svc.Port), Target: e.host}
}

func (e *entry) txt() dns.RR {
	t := make([]string, len(e.svc.TXT))
	for i, s := range e.svc.TXT {
		t[i] = escapeText(clip(s, 255))
	}
	if len(t) == 0 {
		t = []string{""}
	}
	return &dns.TXT{Hdr: header(e.instance, dns.TypeTXT, ttlOther, true), Txt: t}
}

// escapeText guards backslashes, which miekg/dns would take for escapes.
func escapeText(s string) string { return strings.ReplaceAll(s, `\`, `\\`) }

func (e *entry) meta() dns.RR {
	return &dns.PTR{Hdr: header(metaQuery, dns.TypePTR, ttlOther, false), Ptr: e.svc.typeName()}
}

// addresses are the host's on one link.
func (e *entry) addresses(l *link) []dns.RR {
	var out []dns.RR
	for _, p := range l.prefixes {
		ip := net.IP(p.Addr().AsSlice())
		if p.Addr().Is4() {
			out = append(out, &dns.A{Hdr: header(e.host, dns.TypeA, ttlHost, true), A: ip})
		} else {
			out = append(out, &dns.AAAA{Hdr: header(e.host, dns.TypeAAAA, ttlHost, true), AAAA: ip})
		}
	}
	return out
}

// nothingElse says which types a name has (RFC 6762 section 6.1).
func nothingElse(name string, have []dns.RR) dns.RR {
	n := &dns.NSEC{Hdr: header(name, dns.TypeNSEC, ttlHost, true), NextDomain: name}
	for _, rr := range have {
		if t := rr.Header().Rrtype; !slices.Contains(n.TypeBitMap, t) {
			n.TypeBitMap = append(n.TypeBitMap, t)
		}
	}
	slices.Sort(n.TypeBitMap)
	return n
}

// all are the records of an announcement.
func (e *entry) all(l *link) []dns.RR {
	return append([]dns.RR{e.ptr(ttlOther), e.srv(), e.txt()}, e.addresses(l)...)
}

// maxMessage keeps a datagram within an Ethernet frame.
const maxMessage = 1400

// batch packs records of many services in as few messages as hold them; the
// records of one add stay together.
type batch struct {
	base dns.Msg
	cur  *dns.Msg
	size int
	out  []*dns.Msg
}

func (b *batch) add(question []dns.Question, answer, ns, extra []dns.RR) {
	size := 0
	for _, q := range question {
		size += len(q.Name) + 6
	}
	for _, list := range [][]dns.RR{answer, ns, extra} {
		for _, rr := range list {
			size += dns.Len(rr)
		}
	}
	if b.cur == nil || b.size+size > maxMessage {
		m := b.base
		b.cur, b.size = &m, 12
		b.out = append(b.out, b.cur)
	}
	b.size += size
	b.cur.Question = append(b.cur.Question, question...)
	b.cur.Answer = append(b.cur.Answer, answer...)
	b.cur.Ns = append(b.cur.Ns, ns...)
	b.cur.Extra = append(b.cur.Extra, extra...)
}

func response() dns.Msg {
	return dns.Msg{MsgHdr: dns.MsgHdr{Response: true, Authoritative: true}, Compress: true}
}
