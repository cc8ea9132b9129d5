package mt

import (
	"fmt"
	"io"

	"github.com/dyrkin/znp-go"
)

// The vocabulary of these enumerations, with their names, is znp-go's.
type (
	// Status is the status of a reply, a confirm or a ZDO response.
	Status = znp.Status
	// DeviceState is the state of the ZDO device object.
	DeviceState = znp.DeviceState
	// Reason says why a dongle was reset.
	Reason = znp.Reason
	// AddrMode tells the kinds of destination address apart.
	AddrMode = znp.AddrMode
	// Relation is an associated device's relation to the dongle.
	Relation = znp.Relation
	// LogicalType is a node's logical type.
	LogicalType = znp.LogicalType
	// CommissioningMode is a mode of base device behaviour commissioning.
	CommissioningMode = znp.CommissioningMode
	// CommissioningStatus is the outcome of commissioning.
	CommissioningStatus = znp.CommissioningStatus
)

// Values that code names often.
const (
	Success            = znp.StatusSuccess
	Failure            = znp.StatusFailure
	CoordinatorStarted = znp.DeviceStateStartedAsZigBeeCoordinator

	// NVCreated is SYS_OSAL_NV_ITEM_INIT's answer for an item that did not exist before.
	NVCreated = znp.StatusItemCreatedAndInitialized
)

// Key is a 128-bit key. It does not print itself.
type Key [16]byte

// Format hides the key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, hiddenKey) }

// MarshalText hides the key from JSON and from logs.
func (Key) MarshalText() ([]byte, error) { return []byte(hiddenKey), nil }

const hiddenKey = "[key]"

// InstallCodeFormat says what APP_CNF_BDB_ADD_INSTALLCODE carries. (znp-go counts these from 0, firmware from 1.)
type InstallCodeFormat uint8

// Formats of an install code.
const (
	InstallCodeAndCRC InstallCodeFormat = 1 // 16 bytes of code and its CRC-16
	InstallCodeKey    InstallCodeFormat = 2 // the 16-byte key derived from the code
)

// Options of an AF data request.
const (
	OptionAPSAck      = 0x10
	OptionAPSSecurity = 0x40
)

// Capability bits of a Device_annce and a node descriptor (Zigbee specification section 2.3.2.3.6).
const (
	CapabilityRouter       = 0x02
	CapabilityMainsPowered = 0x04
	CapabilityRxOnWhenIdle = 0x08
	CapabilityAllocateAddr = 0x80
)

// Items of the dongle's non-volatile memory that this project reads or writes.
const (
	NVExtAddr          = 0x0001
	NVStartupOption    = 0x0003
	NVNIB              = 0x0021
	NVExtendedPANID    = 0x002D
	NVActiveKeyInfo    = 0x003A
	NVAlternateKeyInfo = 0x003B
	NVApsUseExtPANID   = 0x0047
	NVConfigured       = 0x0060 // 0x55 once a Z-Stack 3 network was configured
	NVPrecfgKey        = 0x0062
	NVPrecfgKeyEnable  = 0x0063
	NVNwkSecMaterial   = 0x0075 // first of the legacy table of frame counters
	NVNwkKey           = 0x0082
	NVPANID            = 0x0083
	NVChannelList      = 0x0084
	NVLogicalType      = 0x0087
	NVZDODirectCB      = 0x008F
	NVTCLKSeed         = 0x0101
	NVTCLKTable        = 0x0111 // first of the legacy table of trust-centre link keys
)

// Bits of the startup option item.
const (
	StartupClearConfig = 0x01
	StartupClearState  = 0x02
)
