package mt

import (
	"fmt"
	"strconv"

	"github.com/dyrkin/bin"
	"github.com/dyrkin/znp-go"

	"github.com/latchkeyd/latchkey/zigbee"
)

// The messages of this file are spoken a few times in a node's life. They are encoded and decoded by way of znp-go's model and its reflective codec, which
// is right for them on the wire, and have plain types towards the rest of the program, because the model writes addresses as text.

// Register makes an endpoint of the dongle known to it.
type Register struct {
	Endpoint uint8
	Profile  uint16
	Device   uint16
	Version  uint8
	Latency  uint8
	In       []uint16
	Out      []uint16
}

// Command implements Message.
func (*Register) Command() Command { return AFRegister }

// AppendPayload implements Message.
func (m *Register) AppendPayload(dst []byte) []byte {
	return appendModel(dst, &znp.AfRegister{EndPoint: m.Endpoint, AppProfID: m.Profile, AppDeviceID: m.Device, AddDevVer: m.Version,
		LatencyReq: znp.Latency(m.Latency), AppInClusterList: m.In, AppOutClusterList: m.Out})
}

// ParsePayload implements Message.
func (m *Register) ParsePayload(p []byte) error {
	var w znp.AfRegister
	if err := parseModel(AFRegister, p, &w); err != nil {
		return err
	}
	*m = Register{w.EndPoint, w.AppProfID, w.AppDeviceID, w.AddDevVer, uint8(w.LatencyReq), w.AppInClusterList, w.AppOutClusterList}
	return nil
}

// BindReq asks a node to bind or to unbind a cluster. Cmd tells which.
type BindReq struct {
	Cmd         Command // ZDOBindReq or ZDOUnbindReq
	Dst         zigbee.NWK
	Src         zigbee.EUI64
	SrcEndpoint uint8
	Cluster     uint16
	Mode        AddrMode
	To          zigbee.EUI64 // a group's number where Mode is AddrModeAddrGroup
	ToEndpoint  uint8
}

// Command implements Message.
func (m *BindReq) Command() Command { return m.Cmd }

// AppendPayload implements Message.
func (m *BindReq) AppendPayload(dst []byte) []byte {
	return appendModel(dst, &znp.ZdoBindUnbindReq{DstAddr: text16(m.Dst), SrcAddress: text64(m.Src), SrcEndpoint: m.SrcEndpoint, ClusterID: m.Cluster,
		DstAddrMode: m.Mode, DstAddress: text64(m.To), DstEndpoint: m.ToEndpoint})
}

// ParsePayload implements Message.
func (m *BindReq) ParsePayload(p []byte) error {
	var w znp.ZdoBindUnbindReq
	if err := parseModel(m.Cmd, p, &w); err != nil {
		return err
	}
	m.Dst, m.Src, m.SrcEndpoint, m.Cluster = value16(w.DstAddr), value64(w.SrcAddress), w.SrcEndpoint, w.ClusterID
	m.Mode, m.To, m.ToEndpoint = w.DstAddrMode, value64(w.DstAddress), w.DstEndpoint
	return nil
}

// SimpleDescRsp is a simple descriptor (Zigbee specification section 2.3.2.5).
type SimpleDescRsp struct {
	Src      zigbee.NWK
	Status   Status // what follows NWK is absent unless Success
	NWK      zigbee.NWK
	Endpoint uint8
	Profile  uint16
	Device   uint16
	Version  uint8
	In       []uint16
	Out      []uint16
}

// Command implements Message.
func (*SimpleDescRsp) Command() Command { return ZDOSimpleDescRsp }

// AppendPayload implements Message.
func (m *SimpleDescRsp) AppendPayload(dst []byte) []byte {
	if m.Status != Success {
		return append(put16(append(put16(dst, m.Src), byte(m.Status)), m.NWK), 0)
	}
	return appendModel(dst, &znp.ZdoSimpleDescRsp{SrcAddr: text16(m.Src), Status: m.Status, NWKAddr: text16(m.NWK),
		Len: uint8(8 + 2*len(m.In) + 2*len(m.Out)), Endpoint: m.Endpoint, ProfileID: m.Profile, DeviceID: m.Device, DeviceVersion: m.Version,
		InClusterList: m.In, OutClusterList: m.Out})
}

// ParsePayload implements Message.
func (m *SimpleDescRsp) ParsePayload(p []byte) error {
	failed, err := head(ZDOSimpleDescRsp, p, &m.Src, &m.Status, &m.NWK)
	if failed || err != nil {
		*m = SimpleDescRsp{Src: m.Src, Status: m.Status, NWK: m.NWK}
		return err
	}
	var w znp.ZdoSimpleDescRsp
	if err := parseModel(ZDOSimpleDescRsp, p, &w); err != nil {
		return err
	}
	m.Endpoint, m.Profile, m.Device, m.Version = w.Endpoint, w.ProfileID, w.DeviceID, w.DeviceVersion
	m.In, m.Out = w.InClusterList, w.OutClusterList
	return nil
}

// EndpointsRsp is a list of endpoints: all active ones, or those that match. Cmd tells which.
type EndpointsRsp struct {
	Cmd       Command // ZDOActiveEPRsp or ZDOMatchDescRsp
	Src       zigbee.NWK
	Status    Status // the list is absent unless Success
	NWK       zigbee.NWK
	Endpoints []uint8
}

// Command implements Message.
func (m *EndpointsRsp) Command() Command { return m.Cmd }

// AppendPayload implements Message.
func (m *EndpointsRsp) AppendPayload(dst []byte) []byte {
	return appendModel(dst, &znp.ZdoActiveEpRsp{SrcAddr: text16(m.Src), Status: m.Status, NWKAddr: text16(m.NWK), ActiveEPList: m.Endpoints})
}

// ParsePayload implements Message.
func (m *EndpointsRsp) ParsePayload(p []byte) error {
	failed, err := head(m.Cmd, p, &m.Src, &m.Status, &m.NWK)
	if m.Endpoints = nil; failed || err != nil {
		return err
	}
	var w znp.ZdoActiveEpRsp // a match descriptor response has the same layout
	if err := parseModel(m.Cmd, p, &w); err != nil {
		return err
	}
	m.Endpoints = w.ActiveEPList
	return nil
}

// PowerDescRsp is a power descriptor (Zigbee specification section 2.3.2.4).
type PowerDescRsp struct {
	Src       zigbee.NWK
	Status    Status // what follows NWK is absent unless Success
	NWK       zigbee.NWK
	Mode      uint8
	Available uint8 // bits: 1 mains, 2 rechargeable battery, 4 battery
	Source    uint8 // one of these bits
	Level     uint8 // 0 critical, 4 33 %, 8 66 %, 12 100 %
}

// Command implements Message.
func (*PowerDescRsp) Command() Command { return ZDOPowerDescRsp }

// AppendPayload implements Message.
func (m *PowerDescRsp) AppendPayload(dst []byte) []byte {
	return appendModel(dst, &znp.ZdoPowerDescRsp{SrcAddr: text16(m.Src), Status: m.Status, NWKAddr: text16(m.NWK), CurrentPowerMode: m.Mode,
		AvailablePowerSources: m.Available, CurrentPowerSource: m.Source, CurrentPowerSourceLevel: m.Level})
}

// ParsePayload implements Message.
func (m *PowerDescRsp) ParsePayload(p []byte) error {
	failed, err := head(ZDOPowerDescRsp, p, &m.Src, &m.Status, &m.NWK)
	if m.Mode, m.Available, m.Source, m.Level = 0, 0, 0, 0; failed || err != nil {
		return err
	}
	var w znp.ZdoPowerDescRsp
	if err := parseModel(ZDOPowerDescRsp, p, &w); err != nil {
		return err
	}
	m.Mode, m.Available, m.Source, m.Level = w.CurrentPowerMode, w.AvailablePowerSources, w.CurrentPowerSource, w.CurrentPowerSourceLevel
	return nil
}

// head reads the fields that begin a descriptor response and tells whether its status is a failure, behind which the network address may be absent.
func head(cmd Command, p []byte, src *zigbee.NWK, st *Status, nwk *zigbee.NWK) (failed bool, err error) {
	r := reader{b: p}
	*src, *st, *nwk = r.nwk(), r.status(), 0
	failed = *st != Success
	if !failed || len(r.b) >= 2 {
		*nwk = r.nwk()
	}
	return failed, r.done(cmd)
}

func appendModel(dst []byte, model any) []byte { return append(dst, bin.Encode(model)...) }

// parseModel decodes p. The codec reads a truncated payload as zeros, so what it made of it is measured afterwards.
func parseModel(cmd Command, p []byte, model any) error {
	bin.Decode(p, model)
	if len(bin.Encode(model)) > len(p) {
		return fmt.Errorf("%v: %w", cmd, ErrShort)
	}
	return nil
}

// text16 and text64 write an address as the model wants it.
func text16(n zigbee.NWK) string   { return fmt.Sprintf("0x%04x", uint16(n)) }
func text64(e zigbee.EUI64) string { return fmt.Sprintf("0x%016x", uint64(e)) }

// value16 and value64 read what the model wrote.
func value16(s string) zigbee.NWK {
	v, _ := strconv.ParseUint(s, 0, 16)
	return zigbee.NWK(v)
}

func value64(s string) zigbee.EUI64 {
	v, _ := strconv.ParseUint(s, 0, 64)
	return zigbee.EUI64(v)
}
