package zcl

// Command identifiers of the general clusters.
const (
	CmdBasicReset       uint8 = 0x00
	CmdIdentify         uint8 = 0x00
	CmdIdentifyQuery    uint8 = 0x01
	CmdAlarm            uint8 = 0x00
	CmdResetAlarm       uint8 = 0x00
	CmdResetAllAlarms   uint8 = 0x01
	CmdGetAlarm         uint8 = 0x02
	CmdGetAlarmResponse uint8 = 0x01
	CmdCheckIn          uint8 = 0x00
	CmdFastPollStop     uint8 = 0x01
	CmdSetLongPoll      uint8 = 0x02
	CmdSetShortPoll     uint8 = 0x03
	CmdQueryNextImage   uint8 = 0x01
	CmdNextImage        uint8 = 0x02
)

func newGeneral(rt Route) Message {
	if rt.Cluster == ClusterAssaC4 {
		return newAssa(rt)
	}
	switch [3]uint16{rt.Cluster, uint16(rt.Direction), uint16(rt.Command)} {
	case [3]uint16{ClusterBasic, uint16(ToServer), uint16(CmdBasicReset)}:
		return new(ResetToFactoryDefaults)
	case [3]uint16{ClusterIdentify, uint16(ToServer), uint16(CmdIdentify)}:
		return new(Identify)
	case [3]uint16{ClusterIdentify, uint16(ToServer), uint16(CmdIdentifyQuery)}:
		return new(IdentifyQuery)
	case [3]uint16{ClusterIdentify, uint16(ToClient), uint16(CmdIdentifyQuery) - 1}:
		return new(IdentifyQueryResponse)
	case [3]uint16{ClusterAlarms, uint16(ToClient), uint16(CmdAlarm)}:
		return new(Alarm)
	case [3]uint16{ClusterAlarms, uint16(ToClient), uint16(CmdGetAlarmResponse)}:
		return new(GetAlarmResponse)
	case [3]uint16{ClusterAlarms, uint16(ToServer), uint16(CmdResetAlarm)}:
		return new(ResetAlarm)
	case [3]uint16{ClusterAlarms, uint16(ToServer), uint16(CmdResetAllAlarms)}:
		return new(ResetAllAlarms)
	case [3]uint16{ClusterAlarms, uint16(ToServer), uint16(CmdGetAlarm)}:
		return new(GetAlarm)
	case [3]uint16{ClusterPollControl, uint16(ToClient), uint16(CmdCheckIn)}:
		return new(CheckIn)
	case [3]uint16{ClusterPollControl, uint16(ToServer), uint16(CmdCheckIn)}:
		return new(CheckInResponse)
	case [3]uint16{ClusterPollControl, uint16(ToServer), uint16(CmdFastPollStop)}:
		return new(FastPollStop)
	case [3]uint16{ClusterPollControl, uint16(ToServer), uint16(CmdSetLongPoll)}:
		return new(SetLongPollInterval)
	case [3]uint16{ClusterPollControl, uint16(ToServer), uint16(CmdSetShortPoll)}:
		return new(SetShortPollInterval)
	case [3]uint16{ClusterOTA, uint16(ToServer), uint16(CmdQueryNextImage)}:
		return new(QueryNextImage)
	case [3]uint16{ClusterOTA, uint16(ToClient), uint16(CmdNextImage)}:
		return new(QueryNextImageResponse)
	default:
		return nil
	}
}

func command(cluster uint16, d Direction, cmd uint8) Route {
	return Route{Cluster: cluster, Type: ClusterSpecific, Direction: d, Command: cmd}
}

// ResetToFactoryDefaults restores the attributes of all clusters of a device (ZCL section 3.2.2.3.1). By the standard network and bindings stay; some Yale
// locks wipe all user codes as well.
type ResetToFactoryDefaults struct{}

// Route implements Message.
func (*ResetToFactoryDefaults) Route() Route { return command(ClusterBasic, ToServer, CmdBasicReset) }

func (*ResetToFactoryDefaults) appendPayload(dst []byte) []byte { return dst }
func (*ResetToFactoryDefaults) parse(*reader)                   {}

// Identify makes a device show itself for a time (ZCL section 3.5.2.3.1).
type Identify struct{ Seconds uint16 }

// Route implements Message.
func (*Identify) Route() Route { return command(ClusterIdentify, ToServer, CmdIdentify) }

func (m *Identify) appendPayload(dst []byte) []byte { return appendU16(dst, m.Seconds) }
func (m *Identify) parse(r *reader)                 { m.Seconds = r.u16("identify time") }

// IdentifyQuery asks who is showing itself (ZCL section 3.5.2.3.2).
type IdentifyQuery struct{}

// Route implements Message.
func (*IdentifyQuery) Route() Route { return command(ClusterIdentify, ToServer, CmdIdentifyQuery) }

func (*IdentifyQuery) appendPayload(dst []byte) []byte { return dst }
func (*IdentifyQuery) parse(*reader)                   {}

// IdentifyQueryResponse tells for how long the device will show itself (ZCL section 3.5.2.4.1).
type IdentifyQueryResponse struct{ Seconds uint16 }

// Route implements Message.
func (*IdentifyQueryResponse) Route() Route {
	return command(ClusterIdentify, ToClient, CmdIdentifyQuery-1)
}

func (m *IdentifyQueryResponse) appendPayload(dst []byte) []byte { return appendU16(dst, m.Seconds) }
func (m *IdentifyQueryResponse) parse(r *reader)                 { m.Seconds = r.u16("time-out") }

// Alarm tells that an alarm of a cluster went off (ZCL section 3.11.2.4.1). For Door Lock the codes are DoorLockAlarm values; with cluster FC00 they are
// AssaAlarm values.
type Alarm struct {
	Code    uint8
	Cluster uint16
}

// Route implements Message.
func (*Alarm) Route() Route { return command(ClusterAlarms, ToClient, CmdAlarm) }

func (m *Alarm) appendPayload(dst []byte) []byte { return appendU16(append(dst, m.Code), m.Cluster) }
func (m *Alarm) parse(r *reader) {
	m.Code, m.Cluster = r.u8("alarm code"), r.u16("cluster")
}

// ResetAlarm resets one alarm (ZCL section 3.11.2.3.1).
type ResetAlarm struct {
	Code    uint8
	Cluster uint16
}

// Route implements Message.
func (*ResetAlarm) Route() Route { return command(ClusterAlarms, ToServer, CmdResetAlarm) }

func (m *ResetAlarm) appendPayload(dst []byte) []byte {
	return appendU16(append(dst, m.Code), m.Cluster)
}
func (m *ResetAlarm) parse(r *reader) {
	m.Code, m.Cluster = r.u8("alarm code"), r.u16("cluster")
}

// ResetAllAlarms resets all alarms (ZCL section 3.11.2.3.2).
type ResetAllAlarms struct{}

// Route implements Message.
func (*ResetAllAlarms) Route() Route { return command(ClusterAlarms, ToServer, CmdResetAllAlarms) }

func (*ResetAllAlarms) appendPayload(dst []byte) []byte { return dst }
func (*ResetAllAlarms) parse(*reader)                   {}

// GetAlarm takes the earliest alarm out of the device's table (ZCL section 3.11.2.3.3).
type GetAlarm struct{}

// Route implements Message.
func (*GetAlarm) Route() Route { return command(ClusterAlarms, ToServer, CmdGetAlarm) }

func (*GetAlarm) appendPayload(dst []byte) []byte { return dst }
func (*GetAlarm) parse(*reader)                   {}

// GetAlarmResponse answers GetAlarm (ZCL section 3.11.2.4.2). Only Status is sent unless it is success.
type GetAlarmResponse struct {
	Status  Status
	Code    uint8
	Cluster uint16
	Time    uint32 // seconds since 2000
}

// Route implements Message.
func (*GetAlarmResponse) Route() Route { return command(ClusterAlarms, ToClient, CmdGetAlarmResponse) }

func (m *GetAlarmResponse) appendPayload(dst []byte) []byte {
	dst = append(dst, byte(m.Status))
	if m.Status != StatusSuccess {
		return dst
	}
	return appendU32(appendU16(append(dst, m.Code), m.Cluster), m.Time)
}

func (m *GetAlarmResponse) parse(r *reader) {
	m.Status = Status(r.u8("status"))
	if m.Status == StatusSuccess {
		m.Code, m.Cluster, m.Time = r.u8("alarm code"), r.u16("cluster"), r.u32("time stamp")
	}
}
