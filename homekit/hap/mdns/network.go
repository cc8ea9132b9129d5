package mdns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const port = 5353

var (
	group4 = &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: port}
	group6 = &net.UDPAddr{IP: net.ParseIP("ff02::fb"), Port: port}
)

// link is an interface as it stands.
type link struct {
	index    int
	name     string
	prefixes []netip.Prefix
}

// onLink reports whether an address belongs to this link (RFC 6762 section
// 11: what comes from elsewhere is not answered).
func (l *link) onLink(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	if a.IsLinkLocalUnicast() {
		return true
	}
	return slices.ContainsFunc(l.prefixes, func(p netip.Prefix) bool { return p.Contains(a) })
}

// source4 is the address to send from: the routing table would take that of
// another interface where this one is not the default route's.
func (l *link) source4() net.IP {
	for _, p := range l.prefixes {
		if p.Addr().Is4() {
			return p.Addr().AsSlice()
		}
	}
	return nil
}

func signature(links []link) string {
	var b strings.Builder
	for _, l := range links {
		fmt.Fprintf(&b, "%d %s %v\n", l.index, l.name, l.prefixes)
	}
	return b.String()
}

// packet is one datagram received.
type packet struct {
	data  []byte
	from  netip.AddrPort
	index int // of the interface
}

// socket is what sends and receives on a set of links.
type socket interface {
	// receive calls f with each datagram until the socket is closed.
	receive(f func(packet))
	// send writes to the group on one link, or to one address there.
	send(b []byte, l *link, to netip.AddrPort) error
	close()
}

// network gives links and sockets; tests have one of their own.
type network interface {
	links(names []string) ([]link, error)
	open(links []link) (socket, error)
}

type system struct{}

// links lists the interfaces to serve: the named ones, else all that are up
// and multicast, else loopback.
func (system) links(names []string) ([]link, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("mdns: list interfaces: %w", err)
	}
	var out, loop []link
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 || len(names) > 0 && !slices.Contains(names, i.Name) {
			continue
		}
		isLoop := i.Flags&net.FlagLoopback != 0
		if !isLoop && i.Flags&net.FlagMulticast == 0 {
			continue
		}
		addrs, err := i.Addrs()
		if err != nil {
			continue // gone since
		}
		l := link{index: i.Index, name: i.Name}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok {
				ip, _ := netip.AddrFromSlice(n.IP)
				ones, _ := n.Mask.Size()
				l.prefixes = append(l.prefixes, netip.PrefixFrom(ip.Unmap(), ones))
			}
		}
		switch {
		case len(l.prefixes) == 0:
		case isLoop && len(names) == 0:
			loop = append(loop, l)
		default:
			out = append(out, l)
		}
	}
	if len(out) == 0 {
		out = loop
	}
	return out, nil
}

// open joins the groups on all links. One family is enough.
func (system) open(links []link) (socket, error) {
	s := &udp{}
	var errs []error
	if c, err := net.ListenUDP("udp4", group4); err != nil {
		errs = append(errs, err)
	} else if err := s.join4(ipv4.NewPacketConn(c), links); err != nil {
		errs = append(errs, err)
	}
	if c, err := net.ListenUDP("udp6", group6); err != nil {
		errs = append(errs, err)
	} else if err := s.join6(ipv6.NewPacketConn(c), links); err != nil {
		errs = append(errs, err)
	}
	if s.v4 == nil && s.v6 == nil {
		return nil, fmt.Errorf("mdns: open port %d: %w", port, errors.Join(errs...))
	}
	return s, nil
}

type udp struct {
	v4 *ipv4.PacketConn
	v6 *ipv6.PacketConn
}

func (s *udp) join4(c *ipv4.PacketConn, links []link) error {
	errs := []error{c.SetControlMessage(ipv4.FlagInterface, true), c.SetMulticastLoopback(true), c.SetMulticastTTL(255), c.SetTTL(255)}
	joined := 0
	for _, l := range links {
		err := c.JoinGroup(&net.Interface{Index: l.index}, group4)
		if err == nil {
			joined++
		}
		errs = append(errs, err)
	}
	if joined == 0 {
		c.Close()
		return errors.Join(errs...)
	}
	s.v4 = c
	return nil
}

func (s *udp) join6(c *ipv6.PacketConn, links []link) error {
	errs := []error{c.SetControlMessage(ipv6.FlagInterface, true), c.SetMulticastLoopback(true), c.SetMulticastHopLimit(255), c.SetHopLimit(255)}
	joined := 0
	for _, l := range links {
		err := c.JoinGroup(&net.Interface{Index: l.index}, group6)
		if err == nil {
			joined++
		}
		errs = append(errs, err)
	}
	if joined == 0 {
		c.Close()
		return errors.Join(errs...)
	}
	s.v6 = c
	return nil
}

func (s *udp) receive(f func(packet)) {
	done := make(chan struct{}, 2)
	n := 0
	loop := func(read func([]byte) (int, int, net.Addr, error)) {
		defer func() { done <- struct{}{} }()
		buf := make([]byte, 9000)
		for {
			k, index, from, err := read(buf)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err != nil {
				time.Sleep(10 * time.Millisecond) // an ICMP error told late, or no memory
				continue
			}
			if a, ok := from.(*net.UDPAddr); ok {
				f(packet{slices.Clone(buf[:k]), a.AddrPort(), index})
			}
		}
	}
	if s.v4 != nil {
		n++
		go loop(func(b []byte) (int, int, net.Addr, error) {
			k, cm, from, err := s.v4.ReadFrom(b)
			if cm == nil {
				return k, 0, from, err
			}
			return k, cm.IfIndex, from, err
		})
	}
	if s.v6 != nil {
		n++
		go loop(func(b []byte) (int, int, net.Addr, error) {
			k, cm, from, err := s.v6.ReadFrom(b)
			if cm == nil {
				return k, 0, from, err
			}
			return k, cm.IfIndex, from, err
		})
	}
	for range n {
		<-done
	}
}

func (s *udp) send(b []byte, l *link, to netip.AddrPort) error {
	var errs []error
	if s.v4 != nil && (!to.IsValid() || to.Addr().Unmap().Is4()) {
		dst := group4
		if to.IsValid() {
			dst = net.UDPAddrFromAddrPort(to)
		}
		_, err := s.v4.WriteTo(b, &ipv4.ControlMessage{IfIndex: l.index, Src: l.source4()}, dst)
		errs = append(errs, err)
	}
	if s.v6 != nil && (!to.IsValid() || !to.Addr().Unmap().Is4()) {
		dst := group6
		if to.IsValid() {
			dst = net.UDPAddrFromAddrPort(to)
		}
		_, err := s.v6.WriteTo(b, &ipv6.ControlMessage{IfIndex: l.index}, dst)
		errs = append(errs, err)
	}
	if slices.Contains(errs, nil) {
		return nil // one family got through: the other may have no address here
	}
	return errors.Join(errs...)
}

func (s *udp) close() {
	if s.v4 != nil {
		s.v4.Close()
	}
	if s.v6 != nil {
		s.v6.Close()
	}
}
