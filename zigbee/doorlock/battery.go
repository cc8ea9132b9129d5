package doorlock

import "github.com/latchkeyd/latchkey/bridge"

// lowPercent is where a battery counts as low even without the lock's own alarm.
const lowPercent = 15

// repeatsToLatch is how many values above 100 prove that a family said to count percents counts half percents.
const repeatsToLatch = 2

// battery makes percents of what a lock says. Families disagree about the unit, and some send placeholders after a boot.
type battery struct {
	p       *profile
	half    bool // proven to count half percents; kept over restarts
	above   int  // values above 100 so far
	booted  bool // the next value is the first after a boot
	low     bool // the lock's own alarm
	known   bool
	percent float64
}

// value takes the number of the battery attribute. ok is false while its meaning is open; latched tells that it has just become clear.
func (b *battery) value(raw uint8) (percent float64, ok, latched bool) {
	first := b.booted
	b.booted = false
	if first && b.p.BootBattery && (raw == 0 || raw == 200) {
		return 0, false, false
	}
	switch b.p.Battery {
	case batteryHalf:
		percent = float64(raw) / 2
	case batteryAssa:
		percent = float64(raw)
	case batteryVolt, batteryNone:
		return 0, false, false // the voltage tells, or nothing does
	default: // percents, unless shown otherwise
		if raw > 100 && !b.half {
			if first {
				return 0, false, false
			}
			if b.above++; b.above < repeatsToLatch {
				return 0, false, false
			}
			b.half, latched = true, true
		}
		percent = float64(raw)
		if b.half {
			percent /= 2
		}
	}
	b.percent, b.known = min(percent, 100), true
	return b.percent, true, latched
}

// volt takes a voltage in mV, where the family's battery is told by it.
func (b *battery) volt(mv int) (percent float64, ok bool) {
	empty, full := b.p.Volt[0], b.p.Volt[1]
	if b.p.Battery != batteryVolt || full <= empty {
		return 0, false
	}
	b.percent = max(0, min(100, float64(mv-empty)*100/float64(full-empty)))
	b.known = true
	return b.percent, true
}

// event is what is told of the battery; nil while nothing is known of it.
func (b *battery) event() bridge.Body {
	switch {
	case b.known:
		return bridge.BatteryRead{Percent: b.percent, Low: b.low || b.percent <= lowPercent}
	case b.low:
		return bridge.Alarmed{Alarm: bridge.AlarmBattery}
	default:
		return nil
	}
}
