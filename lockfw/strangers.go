package lockfw

import "time"

const cOnOff = 0x0006

// others are nodes that are no locks, as people have in their homes: a lamp that routes, and a button that sleeps. AddLock takes their names; what hands do
// at a door does nothing to them.
func others() []Family {
	return []Family{
		{Name: "lamp", Models: []string{"TRADFRI bulb E27 W opal 1000lm"}, Manufacturer: "IKEA of Sweden", MfrCode: 0x117C, Endpoint: 1, DeviceType: 0x0100,
			In: []hex16{cBasic, cIdentify, 0x0004, 0x0005, cOnOff, 0x0008}, Out: []hex16{cOTA}, Join: "six times on and off",
			Switches: map[string]string{"Router": "true", "NoRemote": "true", "Events": "none"}},
		{Name: "button", Models: []string{"SNZB-01"}, Manufacturer: "eWeLink", MfrCode: 0x1286, Endpoint: 1, DeviceType: 0x0000,
			In: []hex16{cBasic, cPower, cIdentify}, Out: []hex16{cIdentify, cOnOff}, Join: "hold the button",
			Switches: map[string]string{"NoRemote": "true", "Events": "none"}},
	}
}

// onOff serves the On/Off cluster (ZCL 3.8).
func (l *Lock) onOff(q *asked) {
	on := l.get(cOnOff, 0)
	switch q.cmd {
	case 0x00:
		on = 0
	case 0x01:
		on = 1
	case 0x02:
		on = 1 - on
	default:
		l.status(q, zclUnsupCommand)
		return
	}
	l.set(cOnOff, 0, on)
	l.status(q, zclSuccess)
}

// pollEvery is how often the node fetches what its parent holds for it. A router is told at once.
func (l *Lock) pollEvery(now time.Time) time.Duration {
	switch {
	case l.b.Router:
		return 0
	case now.Before(l.rx.awake):
		return l.h.scale(l.b.ShortPoll)
	}
	return l.h.scale(l.b.LongPoll)
}
