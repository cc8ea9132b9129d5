package zcl

import "time"

// QuarterSeconds is the unit of Poll Control (ZCL section 3.16.4).
type QuarterSeconds uint32

// Duration converts to Go's unit.
func (q QuarterSeconds) Duration() time.Duration { return time.Duration(q) * (time.Second / 4) }

// QuartersOf rounds a duration up to whole quarter-seconds.
func QuartersOf(d time.Duration) QuarterSeconds {
	return QuarterSeconds((max(0, d) + time.Second/4 - 1) / (time.Second / 4))
}

// CheckIn tells that a sleepy device is awake and asks whether something waits for it (ZCL section 3.16.5.1).
type CheckIn struct{}

// Route implements Message.
func (*CheckIn) Route() Route { return command(ClusterPollControl, ToClient, CmdCheckIn) }

func (*CheckIn) appendPayload(dst []byte) []byte { return dst }
func (*CheckIn) parse(*reader)                   {}

// CheckInResponse answers CheckIn (ZCL section 3.16.5.2): whether to poll fast, and for how long.
type CheckInResponse struct {
	StartFastPolling bool
	FastPollTimeout  uint16 // quarter-seconds; 0 means the device's own FastPollTimeout
}

// Route implements Message.
func (*CheckInResponse) Route() Route { return command(ClusterPollControl, ToServer, CmdCheckIn) }

func (m *CheckInResponse) appendPayload(dst []byte) []byte {
	return appendU16(appendBool(dst, m.StartFastPolling), m.FastPollTimeout)
}

func (m *CheckInResponse) parse(r *reader) {
	m.StartFastPolling = r.u8("start fast polling") == 1
	m.FastPollTimeout = r.u16("fast poll time-out")
}

// FastPollStop ends fast polling (ZCL section 3.16.5.3).
type FastPollStop struct{}

// Route implements Message.
func (*FastPollStop) Route() Route { return command(ClusterPollControl, ToServer, CmdFastPollStop) }

func (*FastPollStop) appendPayload(dst []byte) []byte { return dst }
func (*FastPollStop) parse(*reader)                   {}

// SetLongPollInterval sets how often the device polls when nothing is expected (ZCL section 3.16.5.4).
type SetLongPollInterval struct{ Interval QuarterSeconds }

// Route implements Message.
func (*SetLongPollInterval) Route() Route {
	return command(ClusterPollControl, ToServer, CmdSetLongPoll)
}

func (m *SetLongPollInterval) appendPayload(dst []byte) []byte {
	return appendU32(dst, uint32(m.Interval))
}

func (m *SetLongPollInterval) parse(r *reader) { m.Interval = QuarterSeconds(r.u32("interval")) }

// SetShortPollInterval sets how often the device polls while it expects something (ZCL section 3.16.5.5).
type SetShortPollInterval struct{ Interval uint16 } // quarter-seconds

// Route implements Message.
func (*SetShortPollInterval) Route() Route {
	return command(ClusterPollControl, ToServer, CmdSetShortPoll)
}

func (m *SetShortPollInterval) appendPayload(dst []byte) []byte { return appendU16(dst, m.Interval) }
func (m *SetShortPollInterval) parse(r *reader)                 { m.Interval = r.u16("interval") }
