package mdns

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// Times of RFC 6762 sections 6 and 8, and our own.
const (
	probeGap     = 250 * time.Millisecond
	announceGap  = time.Second
	pollGap      = 2 * time.Second // how soon a change of interfaces is seen
	browseGap    = 2 * time.Minute // how often we look for ourselves
	seenFor      = 5 * time.Minute // how long having been seen lasts
	repeatGap    = time.Second     // between multicasts of one record
	answerJitter = 100 * time.Millisecond
	answerDelay  = 20 * time.Millisecond
)

// Config says where to announce.
type Config struct {
	Interfaces []string     // names, empty for all
	Logger     *slog.Logger // nil discards
}

// Responder announces services.
type Responder struct {
	cfg  Config
	log  *slog.Logger
	net  network
	wake chan struct{}

	mu      sync.Mutex
	entries map[string]*entry // by Key
	sock    socket
	links   []link
	sign    string
	broken  bool // the last open failed, and was told
	opened  time.Time
	pending map[int]*pendingAnswer // by interface
	poll    time.Time
	browse  time.Time
}

// entry is a service as it is announced.
type entry struct {
	svc       Service
	choice    int // of instance name
	instance  string
	host      string
	probes    int // sent
	announces int // sent
	next      time.Time
	seen      time.Time
	sent      map[int]time.Time // last multicast, by interface
}

func (e *entry) announced() bool { return e.announces > 0 }

// pendingAnswer collects the shared answers of one link, sent together.
type pendingAnswer struct {
	at      time.Time
	entries map[*entry]bool
	meta    bool
}

// New returns a responder; nothing starts before Run.
func New(cfg Config) *Responder {
	r := &Responder{cfg: cfg, log: cfg.Logger, net: system{}, wake: make(chan struct{}, 1),
		entries: make(map[string]*entry), pending: make(map[int]*pendingAnswer)}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	return r
}

// Publish announces a service, or replaces the one with the same key. It does
// not block; before Run it waits for Run.
func (r *Responder) Publish(s Service) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.stir()
	if e := r.entries[s.Key]; e != nil && e.svc.Name == s.Name && e.svc.Type == s.Type && e.svc.Host == s.Host && e.svc.Port == s.Port {
		e.svc.TXT = s.TXT
		if e.announced() {
			e.announces, e.next = 1, time.Now().Add(announceGap) // told at once, and once more
			r.announce(e)
		}
		return
	}
	r.goodbye(r.entries[s.Key])
	r.entries[s.Key] = &entry{svc: s, instance: s.instance(0), host: s.hostName(), sent: make(map[int]time.Time),
		next: time.Now().Add(rand.N(probeGap))}
}

// Withdraw says goodbye for the service with that key.
func (r *Responder) Withdraw(key string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.goodbye(r.entries[key])
	delete(r.entries, key)
}

// Seen reports whether our own announcement of the service came back from the
// network lately.
func (r *Responder) Seen(key string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[key]
	return e != nil && !e.seen.IsZero() && time.Since(e.seen) < seenFor
}

func (r *Responder) stir() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run works until ctx ends, then says goodbye for all.
func (r *Responder) Run(ctx context.Context) error {
	packets := make(chan packet, 64)
	var readers sync.WaitGroup
	defer readers.Wait()
	inner, stop := context.WithCancel(ctx)
	defer stop()
	start := func(s socket) {
		readers.Go(func() {
			s.receive(func(p packet) {
				select {
				case packets <- p:
				case <-inner.Done():
				}
			})
		})
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			r.shut()
			return nil
		case p := <-packets:
			r.mu.Lock()
			r.receive(p)
		case <-timer.C:
			r.mu.Lock()
		case <-r.wake:
			r.mu.Lock()
		}
		now := time.Now()
		if s := r.follow(now); s != nil {
			start(s)
		}
		timer.Reset(time.Until(r.work(now)))
		r.mu.Unlock()
	}
}

// follow keeps the socket in step with the interfaces. It returns a new one.
func (r *Responder) follow(now time.Time) socket {
	if now.Before(r.poll) {
		return nil
	}
	r.poll = now.Add(pollGap)
	links, err := r.net.links(r.cfg.Interfaces)
	if err != nil {
		r.complain("mdns: interfaces unknown", err)
		return nil
	}
	sign := signature(links)
	if sign == r.sign && r.sock != nil && !r.deaf(now) {
		return nil
	}
	if r.sock != nil {
		r.sock.close()
		r.sock = nil
	}
	r.links, r.sign = links, sign
	if len(links) == 0 {
		return nil
	}
	sock, err := r.net.open(links)
	if err != nil {
		r.complain("mdns: cannot announce, trying again", err)
		return nil
	}
	r.broken, r.sock, r.opened = false, sock, now
	r.browse = now.Add(browseGap)
	for _, e := range r.entries {
		e.seen = time.Time{}
		clear(e.sent)
		if e.announced() {
			e.announces, e.next = 0, now
		}
	}
	return sock
}

// deaf reports that an announcement was not heard for long: the socket may
// have lost its groups without an error.
func (r *Responder) deaf(now time.Time) bool {
	if now.Sub(r.opened) < 2*browseGap+pollGap {
		return false
	}
	for _, e := range r.entries {
		if e.announces >= 2 && now.Sub(e.seen) > 2*browseGap {
			r.log.Warn("mdns: own announcements are not heard, opening anew", "service", e.svc.Name)
			return true
		}
	}
	return false
}

// complain logs a failure once until it is over.
func (r *Responder) complain(what string, err error) {
	if !r.broken {
		r.log.Warn(what, "error", err)
	}
	r.broken = true
}

// work does what is due and says when the next is.
func (r *Responder) work(now time.Time) time.Time {
	next := r.poll
	if r.sock == nil {
		return next
	}
	soon := func(t time.Time) {
		if t.Before(next) {
			next = t
		}
	}
	var probing, announcing []*entry
	for _, e := range r.entries {
		if e.announces >= 2 {
			continue
		}
		if e.next.After(now) {
			soon(e.next)
			continue
		}
		if e.probes < 3 {
			e.probes++
			e.next = now.Add(probeGap)
			probing = append(probing, e)
		} else {
			e.announces++
			e.next = now.Add(announceGap)
			announcing = append(announcing, e)
		}
		soon(e.next)
	}
	r.probe(probing)
	r.announce(announcing...)
	for index, p := range r.pending {
		if p.at.After(now) {
			soon(p.at)
			continue
		}
		delete(r.pending, index)
		r.answerShared(index, p, now)
	}
	if !now.Before(r.browse) {
		r.browse = now.Add(browseGap)
		r.lookForSelf()
	}
	soon(r.browse)
	return next
}

// probe asks whether the names are free (RFC 6762 section 8.1).
func (r *Responder) probe(es []*entry) {
	if len(es) == 0 {
		return
	}
	b := batch{base: dns.Msg{Compress: true}}
	for _, e := range es {
		b.add([]dns.Question{
			{Name: e.instance, Qtype: dns.TypeANY, Qclass: dns.ClassINET | wantsQU},
		}, nil, []dns.RR{unflushed(e.srv())}, nil)
	}
	r.multicast(b.out)
}

func unflushed(rr dns.RR) dns.RR {
	rr.Header().Class &^= cacheFlush
	return rr
}

// announce sends all records of the services on all links.
func (r *Responder) announce(es ...*entry) {
	if len(es) == 0 || r.sock == nil {
		return
	}
	for i := range r.links {
		l := &r.links[i]
		b := batch{base: response()}
		for _, e := range es {
			b.add(nil, e.all(l), nil, nil)
			e.sent[l.index] = time.Now()
		}
		r.send(b.out, l, netip.AddrPort{})
	}
}

// goodbye takes a service out of others' caches.
func (r *Responder) goodbye(e *entry) {
	if e == nil || !e.announced() || r.sock == nil {
		return
	}
	b := batch{base: response()}
	b.add(nil, []dns.RR{e.ptr(0)}, nil, nil)
	r.multicast(b.out)
}

// lookForSelf browses as another would, so that our answer comes back to us
// if we can be seen; who was seen lately need not answer.
func (r *Responder) lookForSelf() {
	b := batch{base: dns.Msg{Compress: true}}
	types := make(map[string]bool)
	for _, e := range r.entries {
		if t := e.svc.typeName(); e.announced() && !types[t] {
			types[t] = true
			b.add([]dns.Question{{Name: t, Qtype: dns.TypePTR, Qclass: dns.ClassINET}}, nil, nil, nil)
		}
	}
	r.multicast(b.out)
}

func (r *Responder) multicast(ms []*dns.Msg) {
	for i := range r.links {
		r.send(ms, &r.links[i], netip.AddrPort{})
	}
}

func (r *Responder) send(ms []*dns.Msg, l *link, to netip.AddrPort) {
	if r.sock == nil {
		return
	}
	for _, m := range ms {
		b, err := m.Pack()
		if err == nil {
			err = r.sock.send(b, l, to)
		}
		if err != nil {
			r.log.Debug("mdns: not sent", "interface", l.name, "error", err)
		}
	}
}

// shut withdraws everything.
func (r *Responder) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := batch{base: response()}
	for _, e := range r.entries {
		if e.announced() {
			b.add(nil, []dns.RR{e.ptr(0)}, nil, nil)
		}
	}
	if r.sock == nil {
		return
	}
	r.multicast(b.out)
	r.sock.close()
	r.sock = nil
}

func same(a, b string) bool { return strings.EqualFold(a, b) }
