package lockfw

import (
	"slices"
	"time"

	"github.com/latchkeyd/latchkey/zigbee"
)

const (
	scanTime   = 700 * time.Millisecond // one scan of all channels
	scanAgain  = 3 * time.Second
	joinWindow = time.Minute // how long a lock looks for an open network
)

// PressJoin does what a person does to start joining, in the way of this family. On a lock that is on a network, it leaves first; a lock whose first
// press leaves must be pressed again.
func (l *Lock) PressJoin() {
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if !l.powered {
		return
	}
	if l.net.joined {
		l.leave(false, false)
		if l.b.FirstPressLeaves {
			l.show("double beep")
			return
		}
		l.h.after(time.Second, func() { l.scan(time.Now().Add(l.h.scale(joinWindow))) })
		return
	}
	l.scan(time.Now().Add(l.h.scale(joinWindow)))
}

// scan looks for an open network until till.
func (l *Lock) scan(till time.Time) {
	l.h.cancel(l.joining)
	l.show("green")
	l.joining = l.h.after(scanTime, func() {
		switch {
		case !l.powered || l.net.joined:
		case !l.off && l.admitted():
		case time.Now().Before(till):
			l.joining = l.h.after(scanAgain, func() { l.scan(till) })
		default:
			l.show("error beep")
		}
	})
}

// admitted joins if somebody lets the lock in.
func (l *Lock) admitted() bool {
	parent, ok := l.h.dongle.admits(l)
	if ok {
		l.associate(parent)
	}
	return ok
}

// admits tells whether the trust centre lets a lock in, and who is its parent: the dongle, the router that some locks join through, or a router among the nodes
// that a client opened by itself.
func (d *Dongle) admits(l *Lock) (parent zigbee.NWK, ok bool) {
	if _, known := d.codes[l.id]; !d.up() || !known && (d.needCode || l.b.NeedsInstallCode) {
		return 0, false
	}
	switch {
	case l.b.BehindRouter && !d.h.router:
		return 0, false
	case d.open && l.b.BehindRouter:
		return routerNWK, true
	case d.open:
		return zigbee.Coordinator, true
	}
	for _, r := range d.h.locks {
		if r.b.Router && r != l && r.powered && d.hears(r) && d.h.router && time.Now().Before(r.permits) {
			return r.net.nwk, true
		}
	}
	return 0, false
}

// associate joins: network address, network key, the trust centre's link key, then the announcement.
func (l *Lock) associate(parent zigbee.NWK) {
	d := l.h.dongle
	nwk := l.h.newNWK()
	if c := d.assoc[l.id]; c != nil {
		nwk = c.nwk
	}
	l.net = network{joined: true, nwk: nwk, pan: d.pan, epid: d.epid, key: d.key, coordinator: d.nv.ieee(), heard: d.counter, viaRouter: parent != zigbee.Coordinator}
	l.h.byNWK[nwk] = l
	l.rx.pending = nil // what an earlier parent holds expires there
	d.admit(l)
	d.send(areq|subZDO, 0xCA, put16(l.id.AppendLE(put16(nil, uint16(nwk))), uint16(parent)))
	l.stayAwake(l.b.JoinAwake)
	life := l.net
	l.h.after(400*time.Millisecond, func() {
		if l.net.nwk == life.nwk && l.net.joined {
			l.show("green")
			l.announce()
			l.settle()
		}
	})
	if l.b.LeaveAfterInterview {
		l.h.after(20*time.Second, func() { l.leave(false, false) })
	}
}

func (d *Dongle) admit(l *Lock) {
	c := d.assoc[l.id]
	if c == nil {
		c = &child{index: -1}
	}
	c.nwk, c.relation = l.net.nwk, 1
	if l.net.viaRouter {
		c.relation = 0xFF
	}
	d.nv.setChild(l.id, c)
	d.assoc[l.id] = c
}

// announce broadcasts Device_annce.
func (l *Lock) announce() {
	capability := byte(0x80)
	if l.b.Router {
		capability = 0x8E
	}
	body := append(l.id.AppendLE(put16([]byte{l.seq}, uint16(l.net.nwk))), capability)
	l.transmit(&frame{cluster: 0x0013, payload: body})
}

// settle asks for the time and for firmware, as locks do some while after they came up.
func (l *Lock) settle() {
	if slices.Contains(l.f.Out, hex16(cTime)) {
		l.h.after(5*time.Second, func() { l.ask(cTime, 0x10, 0x00, []byte{0x00, 0x00, 0x07, 0x00}) })
	}
	if slices.Contains(l.f.Out, hex16(cOTA)) {
		l.h.after(90*time.Second, func() {
			l.ask(cOTA, 0x01, 0x01, put32(put16(put16([]byte{0}, uint16(l.f.MfrCode)), otaImage), otaVersion))
		})
	}
	l.h.cancel(l.hour)
	if l.b.Events == "wyze" {
		l.hour = l.h.after(time.Hour, l.hourly)
	}
	l.armCheckIn()
}

// armCheckIn sets the timer of the next Poll Control check-in (ZCL 3.16.5.3).
func (l *Lock) armCheckIn() {
	l.h.cancel(l.checkIn)
	every := time.Duration(l.get(cPoll, 0)) * 250 * time.Millisecond
	if !l.b.FastPollCheckIn || every == 0 || !l.net.joined {
		return
	}
	l.checkIn = l.h.after(every, func() {
		if ep, ok := l.bound(cPoll); ok {
			l.notify(cPoll, ep, 0x00, nil)
			l.stayAwake(8 * time.Second)
		}
		l.armCheckIn()
	})
}

// leave takes the lock off its network. Silent: it says nothing.
func (l *Lock) leave(rejoin, silent bool) {
	if !l.net.joined {
		return
	}
	d, was := l.h.dongle, l.net
	if !silent && l.powered && !l.off && (!was.viaRouter || l.h.router) {
		l.h.after(l.h.cfg.Delay, func() { d.departed(l.id, was, rejoin) })
	}
	if rejoin {
		l.h.after(time.Second, l.rejoin)
		return
	}
	if l.h.byNWK[was.nwk] == l {
		delete(l.h.byNWK, was.nwk)
	}
	l.net = network{}
	l.binds = nil
	l.dropReports()
	l.h.cancel(l.checkIn)
	l.rx.pendingLost(l.h)
}

// pendingLost leaves what the parent still holds to expire there.
func (k *link) pendingLost(h *Home) {
	h.cancel(k.poll)
	k.poll = nil
}

func (l *Lock) dropReports() {
	for _, r := range l.reports {
		l.h.cancel(r.timer)
	}
	l.reports = nil
}

// departed is the dongle's end of a leave.
func (d *Dongle) departed(id zigbee.EUI64, was network, rejoin bool) {
	if !d.up() || was.epid != d.epid || was.key != d.key {
		return
	}
	d.send(areq|subZDO, 0xC9, append(id.AppendLE(put16(nil, uint16(was.nwk))), 0, 0, b2u(rejoin)))
	if !rejoin {
		d.forget(id)
	}
}

// rejoin comes back to the network whose keys the lock has.
func (l *Lock) rejoin() {
	if !l.powered || l.off || !l.net.joined {
		return
	}
	d := l.h.dongle
	if !d.up() || d.epid != l.net.epid || d.key != l.net.key {
		l.h.after(30*time.Second, l.rejoin)
		return
	}
	if d.assoc[l.id] == nil {
		d.admit(l)
	}
	l.h.byNWK[l.net.nwk] = l
	l.stayAwake(10 * time.Second)
	l.announce()
	l.settle()
}
