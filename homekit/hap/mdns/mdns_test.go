package mdns

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestAnnouncesAfterProbing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		o := n.observer(t, "192.0.2.9:5353")
		r, stop := run(t, n, gadget(1))
		time.Sleep(500 * time.Millisecond)
		if ms := o.heard(); len(ms) == 0 || len(answers(ms, dns.TypePTR)) != 0 || len(ms[0].Ns) != 1 {
			t.Errorf("probes first: %v", ms)
		}
		if r.Seen("k1") {
			t.Error("seen before announced")
		}
		time.Sleep(3 * time.Second)
		ms := o.heard()
		ptr, txt := answers(ms, dns.TypePTR), answers(ms, dns.TypeTXT)
		if len(ptr) != 2 || len(answers(ms, dns.TypeA)) != 2 || len(txt) != 2 {
			t.Fatalf("announced %v", ms)
		}
		if p := ptr[0].(*dns.PTR); p.Hdr.Name != "_hap._tcp.local." || p.Ptr != `Front\ door\ 1._hap._tcp.local.` {
			t.Errorf("%v", p)
		}
		if x := strings.Join(txt[0].(*dns.TXT).Txt, " "); x != `c#=1 ff=0 md=a\\b sf=1` {
			t.Errorf("TXT %s", x)
		}
		if !r.Seen("k1") || r.Seen("k2") {
			t.Error("Seen")
		}
		stop()
		if bye := answers(o.heard(), dns.TypePTR); len(bye) != 1 || bye[0].Header().Ttl != 0 {
			t.Errorf("goodbye %v", bye)
		}
	})
}

func TestTXTChangeIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		o := n.observer(t, "192.0.2.9:5353")
		r, _ := run(t, n, gadget(1))
		time.Sleep(5 * time.Second)
		o.heard()
		s := gadget(1)
		s.TXT = []string{"sf=0"}
		r.Publish(s)
		synctest.Wait()
		txt := answers(o.heard(), dns.TypeTXT)
		if len(txt) != 1 || txt[0].(*dns.TXT).Txt[0] != "sf=0" || txt[0].Header().Class&cacheFlush == 0 {
			t.Errorf("%v", txt)
		}
		time.Sleep(3 * time.Second)
		if n := len(answers(o.heard(), dns.TypeTXT)); n != 1 {
			t.Errorf("told %d more times", n)
		}
	})
}

func TestConflictTakesAnotherName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		run(t, n, gadget(1))
		time.Sleep(5 * time.Second)
		other := gadget(2)
		other.Name = gadget(1).Name
		r2, _ := run(t, n, other)
		time.Sleep(5 * time.Second)
		r2.mu.Lock()
		got := r2.entries["k2"].instance
		r2.mu.Unlock()
		if got != `Front\ door\ 1\ \(2\)._hap._tcp.local.` {
			t.Errorf("named %s", got)
		}
		if !r2.Seen("k2") {
			t.Error("not announced under the other name")
		}
	})
}

func TestSimultaneousProbes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		other := gadget(2)
		other.Name = gadget(1).Name
		a, _ := run(t, n, gadget(1))
		b, _ := run(t, n, other)
		time.Sleep(10 * time.Second)
		a.mu.Lock()
		x := a.entries["k1"].instance
		a.mu.Unlock()
		b.mu.Lock()
		y := b.entries["k2"].instance
		b.mu.Unlock()
		if x == y || !a.Seen("k1") || !b.Seen("k2") {
			t.Errorf("%s and %s", x, y)
		}
	})
}

func TestQueries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		o := n.observer(t, "192.0.2.9:5353")
		run(t, n, gadget(1), gadget(2))
		time.Sleep(5 * time.Second)
		o.heard()
		count := func(typ uint16) int {
			time.Sleep(200 * time.Millisecond)
			return len(answers(o.heard(), typ))
		}
		o.ask("_hap._tcp.local.", dns.TypePTR, dns.ClassINET)
		if c := count(dns.TypePTR); c != 2 {
			t.Errorf("browse: %d", c)
		}
		o.ask("_hap._tcp.local.", dns.TypePTR, dns.ClassINET)
		if c := count(dns.TypePTR); c != 0 {
			t.Errorf("browse again within a second: %d", c)
		}
		time.Sleep(2 * time.Second)
		ka := &dns.PTR{Hdr: header("_hap._tcp.local.", dns.TypePTR, ttlOther, false), Ptr: `Front\ door\ 1._hap._tcp.local.`}
		o.ask("_hap._tcp.local.", dns.TypePTR, dns.ClassINET, ka)
		if c := count(dns.TypePTR); c != 1 {
			t.Errorf("with a known answer: %d", c)
		}
		o.ask("_HAP._tcp.local.", dns.TypePTR, dns.ClassINET|wantsQU)
		if c := count(dns.TypeSRV); c != 2 {
			t.Errorf("unicast: %d", c)
		}
		time.Sleep(2 * time.Second)
		o.ask(metaQuery, dns.TypePTR, dns.ClassINET)
		if c := count(dns.TypePTR); c != 1 {
			t.Errorf("types: %d", c)
		}
		o.ask("AABBCCDDEE01.local.", dns.TypeA, dns.ClassINET)
		if c := count(dns.TypeA); c != 1 {
			t.Errorf("address: %d", c)
		}
		time.Sleep(2 * time.Second)
		o.ask("aabbccddee01.local.", dns.TypeAAAA, dns.ClassINET)
		if c := count(dns.TypeNSEC); c != 1 {
			t.Errorf("no such address: %d", c)
		}
		o.ask("_ipp._tcp.local.", dns.TypePTR, dns.ClassINET)
		if c := count(dns.TypePTR); c != 0 {
			t.Errorf("another type: %d", c)
		}
		far := n.observer(t, "203.0.113.5:5353")
		far.ask("_hap._tcp.local.", dns.TypePTR, dns.ClassINET)
		if c := count(dns.TypePTR); c != 0 {
			t.Errorf("asked from another network: %d", c)
		}
	})
}

func TestLegacyResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		run(t, n, gadget(1))
		time.Sleep(5 * time.Second)
		o := n.observer(t, "192.0.2.9:40000")
		o.ask("_hap._tcp.local.", dns.TypePTR, dns.ClassINET)
		synctest.Wait()
		var got *dns.Msg
		for _, m := range o.heard() {
			if m.Response {
				got = m
			}
		}
		if got == nil || got.Id != 77 || len(got.Question) != 1 || len(got.Answer) != 1 {
			t.Fatalf("%v", got)
		}
		for _, rr := range append(got.Answer, got.Extra...) {
			if rr.Header().Ttl > ttlLegacy || rr.Header().Class&cacheFlush != 0 {
				t.Errorf("%v", rr)
			}
		}
	})
}

func TestInterfaceChangeIsFollowed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		o := n.observer(t, "192.0.2.9:5353")
		r, _ := run(t, n, gadget(1))
		time.Sleep(5 * time.Second)
		n.mu.Lock()
		was := n.ifs
		n.ifs = nil
		n.mu.Unlock()
		time.Sleep(3 * time.Second)
		if r.Seen("k1") {
			o.heard()
		}
		n.mu.Lock()
		n.ifs = []link{{2, "eth0", []netip.Prefix{netip.MustParsePrefix("192.0.2.7/24")}}}
		n.mu.Unlock()
		o.heard()
		time.Sleep(5 * time.Second)
		a := answers(o.heard(), dns.TypeA)
		if len(a) == 0 || a[0].(*dns.A).A.String() != "192.0.2.7" || !r.Seen("k1") {
			t.Errorf("after the change: %v (was %v)", a, was)
		}
	})
}

func TestOpenIsTriedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		n.fail = true
		r, _ := run(t, n, gadget(1))
		time.Sleep(time.Minute)
		if r.Seen("k1") {
			t.Error("seen without a socket")
		}
		n.mu.Lock()
		n.fail = false
		n.mu.Unlock()
		time.Sleep(5 * time.Second)
		if !r.Seen("k1") {
			t.Error("not announced after the port was free")
		}
	})
}

func TestNotBeingSeenIsNoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		r, _ := run(t, n, gadget(1))
		time.Sleep(time.Hour)
		if !r.Seen("k1") {
			t.Error("not seen in a quiet hour")
		}
		n.mu.Lock()
		n.mute = true
		opens := n.opens
		n.mu.Unlock()
		time.Sleep(6 * time.Minute)
		if r.Seen("k1") {
			t.Error("seen on a mute network")
		}
		n.mu.Lock()
		n.mute = false
		again := n.opens
		n.mu.Unlock()
		if again <= opens {
			t.Error("not opened anew")
		}
		time.Sleep(6 * time.Minute)
		if !r.Seen("k1") {
			t.Error("not seen again")
		}
	})
}

func TestHundredServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := newLAN()
		o := n.observer(t, "192.0.2.9:5353")
		var all []Service
		for i := range 100 {
			all = append(all, gadget(i))
		}
		r, _ := run(t, n, all...)
		time.Sleep(5 * time.Second)
		o.heard()
		for i := range 100 {
			if !r.Seen(fmt.Sprint("k", i)) {
				t.Fatalf("%d is not seen", i)
			}
		}
		start := time.Now()
		o.ask("_hap._tcp.local.", dns.TypePTR, dns.ClassINET)
		time.Sleep(answerDelay + answerJitter)
		if c := len(answers(o.heard(), dns.TypePTR)); c != 100 {
			t.Errorf("%d of 100 answered in %v", c, time.Since(start))
		}
	})
}

// TestSystemNetwork uses real sockets on loopback.
func TestSystemNetwork(t *testing.T) {
	r := New(Config{Interfaces: []string{"lo"}})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	r.Publish(gadget(1))
	for range 500 {
		if r.Seen("k1") {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if !r.Seen("k1") {
		t.Error("own announcement does not come back on loopback")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestNames(t *testing.T) {
	s := Service{Name: strings.Repeat("ä", 40), Type: "_hap._tcp"}
	m := new(dns.Msg)
	m.SetQuestion(s.instance(12), dns.TypeSRV)
	b, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	var back dns.Msg
	if err := back.Unpack(b); err != nil || back.Question[0].Name != s.instance(12) {
		t.Errorf("%q came back as %q, %v", s.instance(12), back.Question[0].Name, err)
	}
	odd := Service{Name: `a.b "c"\d;(e)@'`, Type: "_hap._tcp"}
	m.SetQuestion(odd.instance(0), dns.TypeSRV)
	if b, err = m.Pack(); err != nil {
		t.Fatal(err)
	}
	if err := back.Unpack(b); err != nil || back.Question[0].Name != odd.instance(0) {
		t.Errorf("%q came back as %q, %v", odd.instance(0), back.Question[0].Name, err)
	}
}
