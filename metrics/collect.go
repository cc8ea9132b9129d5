package metrics

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/latchkeyd/latchkey/bridge"
)

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

var (
	dBuild      = desc("build_info", "The running program; always 1.", "version", "commit")
	dLock       = desc("lock_info", "A lock; always 1.", "lock", "model", "firmware", "ieee")
	dBolt       = desc("lock_state", "1 for the bolt's position as the lock last reported it.", "lock", "state")
	dDoor       = desc("lock_door_state", "1 for the door's position as the lock last reported it; only locks with a door sensor.", "lock", "state")
	dReachable  = desc("lock_reachable", "1 while the lock is heard.", "lock")
	dBattery    = desc("lock_battery_ratio", "Battery charge as last reported, 0 to 1.", "lock")
	dLow        = desc("lock_battery_low", "1 while the lock reports a low battery.", "lock")
	dLQI        = desc("lock_link_quality", "Link quality of the last frame heard, 0 to 255.", "lock")
	dSeen       = desc("lock_last_seen_timestamp_seconds", "When the lock was last heard.", "lock")
	dQueue      = desc("command_queue_length", "Commands that wait for the lock.", "lock")
	dSlots      = desc("code_slots", "Codes that the lock can hold.", "lock")
	dUsed       = desc("code_slots_used", "Codes that the lock holds.", "lock")
	dUnsync     = desc("code_slots_out_of_sync", "Codes on the lock that are not as they should be.", "lock")
	dSynced     = desc("code_sync_last_success_timestamp_seconds", "When a code was last seen to be as it should be.", "lock")
	dReset      = desc("reset_state", "1 for the step in which the lock's factory reset stands; idle if there is none.", "lock", "state")
	dFrames     = desc("radio_frames_total", "Frames on the dongle's line.", "direction", "type")
	dFrameWoes  = desc("radio_frame_errors_total", "Frames on the dongle's line that went wrong.", "reason")
	dConnected  = desc("dongle_connected", "1 while the Zigbee dongle works.")
	dDongle     = desc("dongle_info", "The Zigbee dongle; 1 while it works.", "product", "revision", "channel")
	dReconnects = desc("dongle_reconnects_total", "Times that the dongle came back.")
	dPermit     = desc("permit_join_remaining_seconds", "For how long the network stays open to new devices; 0: closed.")
	dSessions   = desc("homekit_sessions", "Verified HomeKit connections.")
	dPairings   = desc("homekit_pairings", "HomeKit controllers that are paired, over all accessories.")
	dAdvertised = desc("homekit_advertised", "1 while every HomeKit accessory is seen on the network.")
	dPairWoes   = desc("homekit_pair_failures_total", "Wrong setup codes that were tried.")
	dSize       = desc("store_size_bytes", "Size of the state on disk.")
	dStoreWoes  = desc("store_errors_total", "Changes of the state that could not be made durable.")
	dBackup     = desc("backup_last_success_timestamp_seconds", "When a backup was last made; 0: never.")
)

// Describe implements prometheus.Collector.
func (e *Exporter) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{dBuild, dLock, dBolt, dDoor, dReachable, dBattery, dLow, dLQI, dSeen, dQueue, dSlots, dUsed, dUnsync, dSynced, dReset, dFrames,
		dFrameWoes, dConnected, dDongle, dReconnects, dPermit, dSessions, dPairings, dAdvertised, dPairWoes, dSize, dStoreWoes, dBackup} {
		ch <- d
	}
}

// Collect implements prometheus.Collector: what is measured is taken from one snapshot, so that a scrape is consistent and a forgotten lock is gone.
func (e *Exporter) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v uint64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v), labels...)
	}
	snap := e.cfg.Bridge.Snapshot()
	gauge(dBuild, 1, e.cfg.Version, e.cfg.Commit)
	gauge(dConnected, bit(snap.Dongle.Up))
	if snap.Dongle.Product != "" {
		gauge(dDongle, bit(snap.Dongle.Up), snap.Dongle.Product, strconv.FormatUint(uint64(snap.Dongle.Revision), 10), strconv.Itoa(int(snap.Dongle.Channel)))
	}
	gauge(dPermit, max(time.Until(snap.PermitJoin).Seconds(), 0))
	for i := range snap.Locks {
		e.lock(gauge, &snap.Locks[i])
	}
	if f := e.cfg.Sources.Radio; f != nil {
		r := f()
		for _, t := range frameTypes {
			counter(dFrames, r.Sent[t], "out", t)
			counter(dFrames, r.Received[t], "in", t)
		}
		for _, w := range frameWoes {
			counter(dFrameWoes, r.Errors[w], w)
		}
		counter(dReconnects, r.Reconnects)
	}
	if f := e.cfg.Sources.HomeKit; f != nil {
		h := f()
		gauge(dSessions, float64(h.Sessions))
		gauge(dPairings, float64(h.Pairings))
		gauge(dAdvertised, bit(h.Advertised))
		counter(dPairWoes, h.PairFailures)
	}
	if f := e.cfg.Sources.Store; f != nil {
		s := f()
		gauge(dSize, float64(s.Size))
		counter(dStoreWoes, s.Errors)
		gauge(dBackup, unix(s.LastBackup))
	}
}

func (e *Exporter) lock(gauge func(*prometheus.Desc, float64, ...string), l *bridge.LockView) {
	gauge(dLock, 1, l.Slug, l.Info.Model, l.Info.Firmware, string(l.ID))
	set(gauge, dBolt, l.Slug, boltStates, boltLabel(l.Bolt))
	if l.Info.Traits.DoorSensor || l.Door != bridge.DoorUnknown {
		set(gauge, dDoor, l.Slug, doorStates, doorLabel(l.Door))
	}
	gauge(dReachable, bit(l.Reachable), l.Slug)
	if l.Battery != nil {
		gauge(dBattery, *l.Battery/100, l.Slug)
	}
	gauge(dLow, bit(l.BatteryLow), l.Slug)
	gauge(dLQI, float64(l.LQI), l.Slug)
	gauge(dSeen, unix(l.LastSeen), l.Slug)
	gauge(dQueue, float64(l.Pending), l.Slug)
	gauge(dSlots, float64(l.Info.Traits.Slots), l.Slug)
	gauge(dUsed, float64(l.CodesUsed), l.Slug)
	gauge(dUnsync, float64(l.CodesUnsync), l.Slug)
	e.mu.Lock()
	at, ok := e.synced[l.Slug]
	e.mu.Unlock()
	if ok {
		gauge(dSynced, unix(at), l.Slug)
	}
	set(gauge, dReset, l.Slug, resetSteps, resetLabel(l.ResetStage))
}

func set(gauge func(*prometheus.Desc, float64, ...string), d *prometheus.Desc, slug string, states []string, is string) {
	for _, s := range states {
		gauge(d, bit(s == is), slug, s)
	}
}

func bit(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
