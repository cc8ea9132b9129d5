package mdns

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// lan is a network in memory: what one sends to the group all hear.
type lan struct {
	mu    sync.Mutex
	socks map[*fakeSocket]bool
	mute  bool // nothing arrives
	opens int
	fail  bool
	ifs   []link
}

func newLAN() *lan {
	return &lan{socks: make(map[*fakeSocket]bool), ifs: []link{{1, "eth0", []netip.Prefix{netip.MustParsePrefix("192.0.2.1/24")}}}}
}

type fakeSocket struct {
	n    *lan
	in   chan packet
	done chan struct{}
	addr netip.AddrPort
}

func (n *lan) links([]string) ([]link, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]link(nil), n.ifs...), nil
}

func (n *lan) open([]link) (socket, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail {
		return nil, fmt.Errorf("address in use")
	}
	n.opens++
	return n.attach(netip.MustParseAddrPort("192.0.2.1:5353")), nil
}

func (n *lan) attach(addr netip.AddrPort) *fakeSocket {
	s := &fakeSocket{n: n, in: make(chan packet, 1000), done: make(chan struct{}), addr: addr}
	n.socks[s] = true
	return s
}

func (s *fakeSocket) receive(f func(packet)) {
	for {
		select {
		case p := <-s.in:
			f(p)
		case <-s.done:
			return
		}
	}
}

func (s *fakeSocket) send(b []byte, l *link, to netip.AddrPort) error {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	for o := range s.n.socks {
		if !s.n.mute && (!to.IsValid() || o.addr == to) {
			o.in <- packet{append([]byte(nil), b...), s.addr, l.index}
		}
	}
	return nil
}

func (s *fakeSocket) close() {
	s.n.mu.Lock()
	defer s.n.mu.Unlock()
	if s.n.socks[s] {
		delete(s.n.socks, s)
		close(s.done)
	}
}

// observer is another machine.
type observer struct {
	t testing.TB
	s *fakeSocket
}

func (n *lan) observer(t testing.TB, addr string) *observer {
	n.mu.Lock()
	defer n.mu.Unlock()
	return &observer{t, n.attach(netip.MustParseAddrPort(addr))}
}

// heard drains what came, decoded.
func (o *observer) heard() []*dns.Msg {
	var out []*dns.Msg
	for {
		select {
		case p := <-o.s.in:
			if len(p.data) > 1500 {
				o.t.Errorf("a datagram of %d octets", len(p.data))
			}
			m := new(dns.Msg)
			if err := m.Unpack(p.data); err != nil {
				o.t.Errorf("undecodable: %v", err)
			}
			out = append(out, m)
		default:
			return out
		}
	}
}

// answers counts the records of a type among responses.
func answers(ms []*dns.Msg, typ uint16) []dns.RR {
	var out []dns.RR
	for _, m := range ms {
		if !m.Response {
			continue
		}
		for _, rr := range append(append([]dns.RR(nil), m.Answer...), m.Extra...) {
			if rr.Header().Rrtype == typ {
				out = append(out, rr)
			}
		}
	}
	return out
}

func (o *observer) ask(name string, typ, class uint16, known ...dns.RR) {
	o.t.Helper()
	m := dns.Msg{Question: []dns.Question{{Name: name, Qtype: typ, Qclass: class}}, Answer: known}
	m.Id = 77
	b, err := m.Pack()
	if err != nil {
		o.t.Fatal(err)
	}
	o.s.send(b, &link{index: 1}, netip.AddrPort{})
}

func run(t testing.TB, n *lan, services ...Service) (*Responder, func()) {
	r := New(Config{})
	r.net = n
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for _, s := range services {
		r.Publish(s)
	}
	var once sync.Once
	stop := func() {
		once.Do(func() {
			cancel()
			if err := <-done; err != nil {
				t.Errorf("Run: %v", err)
			}
		})
	}
	t.Cleanup(stop)
	return r, stop
}

func gadget(i int) Service {
	return Service{Key: fmt.Sprint("k", i), Name: fmt.Sprintf("Front door %d", i), Type: "_hap._tcp", Host: fmt.Sprintf("AABBCCDDEE%02X", i),
		Port: 51826 + i, TXT: []string{"c#=1", "ff=0", `md=a\b`, "sf=1"}}
}
