package mdns

import (
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func FuzzReceive(f *testing.F) {
	m := dns.Msg{Question: []dns.Question{{Name: "_hap._tcp.local.", Qtype: dns.TypePTR, Qclass: dns.ClassINET}}}
	b, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b, uint16(5353))
	e := entryOf(gadget(1))
	a := response()
	a.Answer = []dns.RR{&dns.SRV{Hdr: header(e.instance, dns.TypeSRV, 120, true), Port: 1, Target: "x.local."}}
	if b, err = a.Pack(); err != nil {
		f.Fatal(err)
	}
	f.Add(b, uint16(5353))
	f.Add(b[:20], uint16(9))
	f.Fuzz(func(t *testing.T, data []byte, port uint16) {
		n := newLAN()
		r := New(Config{})
		r.links, _ = n.links(nil)
		sock := &counting{}
		r.sock = sock
		e := entryOf(gadget(1))
		e.probes, e.announces = 3, 2
		r.entries["k1"] = e
		r.receive(packet{data, netip.AddrPortFrom(netip.MustParseAddr("192.0.2.9"), port), 1})
		for i, p := range r.pending {
			r.answerShared(i, p, time.Now())
		}
		if sock.octets > 64*1500 {
			t.Errorf("%d octets in answer to %d", sock.octets, len(data))
		}
	})
}

func entryOf(s Service) *entry {
	return &entry{svc: s, instance: s.instance(0), host: s.hostName(), sent: make(map[int]time.Time)}
}

type counting struct{ octets int }

func (c *counting) receive(func(packet)) {}
func (c *counting) send(b []byte, _ *link, _ netip.AddrPort) error {
	c.octets += len(b)
	return nil
}
func (c *counting) close() {}
