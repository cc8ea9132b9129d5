package zcl

import "fmt"

// Clusters that locks have.
const (
	ClusterBasic       uint16 = 0x0000
	ClusterPowerConfig uint16 = 0x0001
	ClusterIdentify    uint16 = 0x0003
	ClusterAlarms      uint16 = 0x0009
	ClusterTime        uint16 = 0x000A
	ClusterOTA         uint16 = 0x0019
	ClusterPollControl uint16 = 0x0020
	ClusterDoorLock    uint16 = 0x0101
	ClusterYaleYMC     uint16 = 0x100F // Yale YMC420 and YDM60; its commands are not publicly described
	ClusterAssaC4      uint16 = 0xFC00 // Yale's Control4 module; YRD256-TSDB names it in alarms
	ClusterWyze        uint16 = 0xFC00
	ClusterAqara       uint16 = 0xFCC0 // encrypted with a key from the maker's cloud
)

// AttributeID names an attribute of a cluster.
type AttributeID uint16

// String writes the number as 0x and four hex digits.
func (a AttributeID) String() string { return fmt.Sprintf("0x%04x", uint16(a)) }

// Attributes of Basic (ZCL section 3.2.2.2).
const (
	BasicZCLVersion         AttributeID = 0x0000
	BasicApplicationVersion AttributeID = 0x0001
	BasicStackVersion       AttributeID = 0x0002
	BasicHWVersion          AttributeID = 0x0003
	BasicManufacturerName   AttributeID = 0x0004
	BasicModelIdentifier    AttributeID = 0x0005
	BasicDateCode           AttributeID = 0x0006
	BasicPowerSource        AttributeID = 0x0007
	BasicLocation           AttributeID = 0x0010
	BasicDeviceEnabled      AttributeID = 0x0012
	BasicAlarmMask          AttributeID = 0x0013
	BasicDisableLocalConfig AttributeID = 0x0014 // bit 0: the reset button does not restore factory defaults
	BasicSWBuildID          AttributeID = 0x4000
	BasicClusterRevision    AttributeID = 0xFFFD
)

// Attributes of Power Configuration (ZCL section 3.3.2.2).
const (
	PowerMainsVoltage               AttributeID = 0x0000
	PowerBatteryVoltage             AttributeID = 0x0020 // u8, 100 mV; FF unknown
	PowerBatteryPercentageRemaining AttributeID = 0x0021 // u8, 0.5 %; some makers count 1 %
	PowerBatterySize                AttributeID = 0x0031
	PowerBatteryQuantity            AttributeID = 0x0033
	PowerBatteryRatedVoltage        AttributeID = 0x0034
	PowerBatteryAlarmMask           AttributeID = 0x0035
	PowerBatteryVoltageMinThreshold AttributeID = 0x0036
	PowerBatteryAlarmState          AttributeID = 0x003E // map32; bits 0–3 of each battery's ten: below the minimum or a threshold
)

// Attributes of Identify (ZCL section 3.5.2.2).
const IdentifyTime AttributeID = 0x0000 // u16, seconds

// Attributes of Alarms (ZCL section 3.11.2.2).
const AlarmCount AttributeID = 0x0000

// Attributes of Time (ZCL section 3.12.2.2). Times count seconds since 2000-01-01 00:00.
const (
	TimeTime         AttributeID = 0x0000 // UTC
	TimeStatus       AttributeID = 0x0001 // map8: bit 0 master, 1 synchronised, 2 master for zone and DST, 3 superseding
	TimeZone         AttributeID = 0x0002 // i32, seconds from UTC
	TimeDstStart     AttributeID = 0x0003 // u32, UTC
	TimeDstEnd       AttributeID = 0x0004 // u32, UTC
	TimeDstShift     AttributeID = 0x0005 // i32, seconds
	TimeStandardTime AttributeID = 0x0006 // u32, zone without DST
	TimeLocalTime    AttributeID = 0x0007 // u32, zone with DST
	TimeLastSetTime  AttributeID = 0x0008
	TimeValidUntil   AttributeID = 0x0009
)

// Attributes of Poll Control (ZCL section 3.16.4), in quarter-seconds.
const (
	PollCheckInInterval     AttributeID = 0x0000 // u32
	PollLongPollInterval    AttributeID = 0x0001 // u32
	PollShortPollInterval   AttributeID = 0x0002 // u16
	PollFastPollTimeout     AttributeID = 0x0003 // u16
	PollCheckInIntervalMin  AttributeID = 0x0004 // u32
	PollLongPollIntervalMin AttributeID = 0x0005 // u32
	PollFastPollTimeoutMax  AttributeID = 0x0006 // u16
)
