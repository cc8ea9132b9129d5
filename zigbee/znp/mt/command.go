package mt

import (
	"fmt"
)

// Command is the pair of command bytes, cmd0 high and cmd1 low. cmd0 holds the type and the subsystem.
type Command uint16

// Type is the kind of a message.
type Type uint8

// Types of messages.
const (
	POLL Type = 0x00
	SREQ Type = 0x20 // a request that is answered at once
	AREQ Type = 0x40 // a request or indication without an answer
	SRSP Type = 0x60 // the answer to an SREQ
)

// String names the type.
func (t Type) String() string {
	switch t {
	case POLL:
		return "POLL"
	case SREQ:
		return "SREQ"
	case AREQ:
		return "AREQ"
	case SRSP:
		return "SRSP"
	}
	return fmt.Sprintf("type %#02x", uint8(t))
}

// Subsystem is the part of the dongle that a message is for.
type Subsystem uint8

// Subsystems.
const (
	RPC    Subsystem = 0x00
	SYS    Subsystem = 0x01
	MAC    Subsystem = 0x02
	NWK    Subsystem = 0x03
	AF     Subsystem = 0x04
	ZDO    Subsystem = 0x05
	SAPI   Subsystem = 0x06
	UTIL   Subsystem = 0x07
	DEBUG  Subsystem = 0x08
	APP    Subsystem = 0x09
	APPCNF Subsystem = 0x0F
)

// String names the subsystem.
func (s Subsystem) String() string {
	switch s {
	case RPC:
		return "RPC"
	case SYS:
		return "SYS"
	case MAC:
		return "MAC"
	case NWK:
		return "NWK"
	case AF:
		return "AF"
	case ZDO:
		return "ZDO"
	case SAPI:
		return "SAPI"
	case UTIL:
		return "UTIL"
	case DEBUG:
		return "DEBUG"
	case APP:
		return "APP"
	case APPCNF:
		return "APP_CNF"
	}
	return fmt.Sprintf("subsystem %#02x", uint8(s))
}

// Type returns the kind of message.
func (c Command) Type() Type { return Type(c >> 8 & 0xE0) }

// Subsystem returns the part of the dongle that it is for.
func (c Command) Subsystem() Subsystem { return Subsystem(c >> 8 & 0x1F) }

// Reply returns the SRSP that answers the SREQ c.
func (c Command) Reply() Command { return c&0x1FFF | Command(SRSP)<<8 }

// Request returns the SREQ that the SRSP c answers.
func (c Command) Request() Command { return c&0x1FFF | Command(SREQ)<<8 }

// String names the command as the MT API does, the reply to a request with SRSP behind it.
func (c Command) String() string {
	if n := names[c]; n != "" {
		return n
	}
	if c.Type() == SRSP {
		if n := names[c.Request()]; n != "" {
			return n + " SRSP"
		}
	}
	return fmt.Sprintf("%v %v %#02x", c.Subsystem(), c.Type(), uint8(c))
}

// Commands. Requests are written as SREQ; Reply gives their SRSP.
const (
	RPCError Command = 0x6000

	SysResetReq      Command = 0x4100
	SysResetInd      Command = 0x4180
	SysPing          Command = 0x2101
	SysVersion       Command = 0x2102
	SysGetExtAddr    Command = 0x2104
	SysNVItemInit    Command = 0x2107
	SysNVRead        Command = 0x2108
	SysNVWrite       Command = 0x2109
	SysRandom        Command = 0x210C
	SysStackTune     Command = 0x210F
	SysNVDelete      Command = 0x2112
	SysNVLength      Command = 0x2113
	SysSetTxPower    Command = 0x2114
	SysNVReadExt     Command = 0x211C
	SysNVWriteExt    Command = 0x211D
	SysExtNVCreate   Command = 0x2130
	SysExtNVDelete   Command = 0x2131
	SysExtNVLength   Command = 0x2132
	SysExtNVRead     Command = 0x2133
	SysExtNVWrite    Command = 0x2134
	AFRegister       Command = 0x2400
	AFDataRequest    Command = 0x2401
	AFDataRequestExt Command = 0x2402
	AFDelete         Command = 0x2404
	AFDataStore      Command = 0x2411
	AFDataRetrieve   Command = 0x2412
	AFDataConfirm    Command = 0x4480
	AFIncomingMsg    Command = 0x4481
	AFIncomingMsgExt Command = 0x4482
	AFReflectError   Command = 0x4483

	ZDONwkAddrReq        Command = 0x2500
	ZDOIEEEAddrReq       Command = 0x2501
	ZDONodeDescReq       Command = 0x2502
	ZDOPowerDescReq      Command = 0x2503
	ZDOSimpleDescReq     Command = 0x2504
	ZDOActiveEPReq       Command = 0x2505
	ZDOMatchDescReq      Command = 0x2506
	ZDOBindReq           Command = 0x2521
	ZDOUnbindReq         Command = 0x2522
	ZDOMgmtLqiReq        Command = 0x2531
	ZDOMgmtRtgReq        Command = 0x2532
	ZDOMgmtBindReq       Command = 0x2533
	ZDOMgmtLeaveReq      Command = 0x2534
	ZDOMgmtPermitJoinReq Command = 0x2536
	ZDOMgmtNwkUpdateReq  Command = 0x2537
	ZDOMsgCBRegister     Command = 0x253E
	ZDOMsgCBRemove       Command = 0x253F
	ZDOStartupFromApp    Command = 0x2540
	ZDOSecDeviceRemove   Command = 0x2544
	ZDOExtRouteDisc      Command = 0x2545
	ZDOExtUpdateNwkKey   Command = 0x254E
	ZDOExtSwitchNwkKey   Command = 0x254F
	ZDOExtNwkInfo        Command = 0x2550
	ZDOSetRejoinParams   Command = 0x25CC

	ZDONwkAddrRsp        Command = 0x4580
	ZDOIEEEAddrRsp       Command = 0x4581
	ZDONodeDescRsp       Command = 0x4582
	ZDOPowerDescRsp      Command = 0x4583
	ZDOSimpleDescRsp     Command = 0x4584
	ZDOActiveEPRsp       Command = 0x4585
	ZDOMatchDescRsp      Command = 0x4586
	ZDOBindRsp           Command = 0x45A1
	ZDOUnbindRsp         Command = 0x45A2
	ZDOMgmtLqiRsp        Command = 0x45B1
	ZDOMgmtRtgRsp        Command = 0x45B2
	ZDOMgmtBindRsp       Command = 0x45B3
	ZDOMgmtLeaveRsp      Command = 0x45B4
	ZDOMgmtPermitJoinRsp Command = 0x45B6
	ZDOMgmtNwkUpdateRsp  Command = 0x45B8
	ZDOStateChangeInd    Command = 0x45C0
	ZDOEndDeviceAnnceInd Command = 0x45C1
	ZDOStatusErrorRsp    Command = 0x45C3
	ZDOSrcRtgInd         Command = 0x45C4
	ZDOConcentratorInd   Command = 0x45C8
	ZDOLeaveInd          Command = 0x45C9
	ZDOTCDevInd          Command = 0x45CA
	ZDOPermitJoinInd     Command = 0x45CB
	ZDOMsgCBIncoming     Command = 0x45FF

	UtilGetDeviceInfo         Command = 0x2700
	UtilGetNVInfo             Command = 0x2701
	UtilCallbackSub           Command = 0x2706
	UtilLEDControl            Command = 0x270A
	UtilAddrmgrExtAddrLookup  Command = 0x2740
	UtilAddrmgrNwkAddrLookup  Command = 0x2741
	UtilApsmeLinkKeyDataGet   Command = 0x2744
	UtilAssocCount            Command = 0x2748
	UtilAssocGetWithAddress   Command = 0x274A
	UtilAssocRemove           Command = 0x2763
	UtilAssocAdd              Command = 0x2764
	AppCnfAddInstallCode      Command = 0x2F04
	AppCnfStartCommissioning  Command = 0x2F05
	AppCnfSetJoinUsesInstall  Command = 0x2F06
	AppCnfSetChannel          Command = 0x2F08
	AppCnfSetTCRequireKeyExch Command = 0x2F09
	AppCnfSetNwkFrameCounter  Command = 0x2FFF
	AppCnfCommissioningNotify Command = 0x4F80
)

var names = map[Command]string{
	RPCError:    "RPC_ERROR",
	SysResetReq: "SYS_RESET_REQ", SysResetInd: "SYS_RESET_IND", SysPing: "SYS_PING", SysVersion: "SYS_VERSION", SysGetExtAddr: "SYS_GET_EXTADDR",
	SysNVItemInit: "SYS_OSAL_NV_ITEM_INIT", SysNVRead: "SYS_OSAL_NV_READ", SysNVWrite: "SYS_OSAL_NV_WRITE", SysRandom: "SYS_RANDOM",
	SysStackTune: "SYS_STACK_TUNE", SysNVDelete: "SYS_OSAL_NV_DELETE", SysNVLength: "SYS_OSAL_NV_LENGTH", SysSetTxPower: "SYS_SET_TX_POWER",
	SysNVReadExt: "SYS_OSAL_NV_READ_EXT", SysNVWriteExt: "SYS_OSAL_NV_WRITE_EXT", SysExtNVCreate: "SYS_NV_CREATE", SysExtNVDelete: "SYS_NV_DELETE",
	SysExtNVLength: "SYS_NV_LENGTH", SysExtNVRead: "SYS_NV_READ", SysExtNVWrite: "SYS_NV_WRITE",
	AFRegister: "AF_REGISTER", AFDataRequest: "AF_DATA_REQUEST", AFDataRequestExt: "AF_DATA_REQUEST_EXT", AFDelete: "AF_DELETE",
	AFDataStore: "AF_DATA_STORE", AFDataRetrieve: "AF_DATA_RETRIEVE", AFDataConfirm: "AF_DATA_CONFIRM", AFIncomingMsg: "AF_INCOMING_MSG",
	AFIncomingMsgExt: "AF_INCOMING_MSG_EXT", AFReflectError: "AF_REFLECT_ERROR",
	ZDONwkAddrReq: "ZDO_NWK_ADDR_REQ", ZDOIEEEAddrReq: "ZDO_IEEE_ADDR_REQ", ZDONodeDescReq: "ZDO_NODE_DESC_REQ", ZDOPowerDescReq: "ZDO_POWER_DESC_REQ",
	ZDOSimpleDescReq: "ZDO_SIMPLE_DESC_REQ", ZDOActiveEPReq: "ZDO_ACTIVE_EP_REQ", ZDOMatchDescReq: "ZDO_MATCH_DESC_REQ", ZDOBindReq: "ZDO_BIND_REQ",
	ZDOUnbindReq: "ZDO_UNBIND_REQ", ZDOMgmtLqiReq: "ZDO_MGMT_LQI_REQ", ZDOMgmtRtgReq: "ZDO_MGMT_RTG_REQ", ZDOMgmtBindReq: "ZDO_MGMT_BIND_REQ",
	ZDOMgmtLeaveReq: "ZDO_MGMT_LEAVE_REQ", ZDOMgmtPermitJoinReq: "ZDO_MGMT_PERMIT_JOIN_REQ", ZDOMgmtNwkUpdateReq: "ZDO_MGMT_NWK_UPDATE_REQ",
	ZDOMsgCBRegister: "ZDO_MSG_CB_REGISTER", ZDOMsgCBRemove: "ZDO_MSG_CB_REMOVE", ZDOStartupFromApp: "ZDO_STARTUP_FROM_APP",
	ZDOSecDeviceRemove: "ZDO_SEC_DEVICE_REMOVE", ZDOExtRouteDisc: "ZDO_EXT_ROUTE_DISC", ZDOExtUpdateNwkKey: "ZDO_EXT_UPDATE_NWK_KEY",
	ZDOExtSwitchNwkKey: "ZDO_EXT_SWITCH_NWK_KEY", ZDOExtNwkInfo: "ZDO_EXT_NWK_INFO", ZDOSetRejoinParams: "ZDO_SET_REJOIN_PARAMETERS",
	ZDONwkAddrRsp: "ZDO_NWK_ADDR_RSP", ZDOIEEEAddrRsp: "ZDO_IEEE_ADDR_RSP", ZDONodeDescRsp: "ZDO_NODE_DESC_RSP", ZDOPowerDescRsp: "ZDO_POWER_DESC_RSP",
	ZDOSimpleDescRsp: "ZDO_SIMPLE_DESC_RSP", ZDOActiveEPRsp: "ZDO_ACTIVE_EP_RSP", ZDOMatchDescRsp: "ZDO_MATCH_DESC_RSP", ZDOBindRsp: "ZDO_BIND_RSP",
	ZDOUnbindRsp: "ZDO_UNBIND_RSP", ZDOMgmtLqiRsp: "ZDO_MGMT_LQI_RSP", ZDOMgmtRtgRsp: "ZDO_MGMT_RTG_RSP", ZDOMgmtBindRsp: "ZDO_MGMT_BIND_RSP",
	ZDOMgmtLeaveRsp: "ZDO_MGMT_LEAVE_RSP", ZDOMgmtPermitJoinRsp: "ZDO_MGMT_PERMIT_JOIN_RSP", ZDOMgmtNwkUpdateRsp: "ZDO_MGMT_NWK_UPDATE_NOTIFY",
	ZDOStateChangeInd: "ZDO_STATE_CHANGE_IND", ZDOEndDeviceAnnceInd: "ZDO_END_DEVICE_ANNCE_IND", ZDOStatusErrorRsp: "ZDO_STATUS_ERROR_RSP",
	ZDOSrcRtgInd: "ZDO_SRC_RTG_IND", ZDOConcentratorInd: "ZDO_CONCENTRATOR_IND", ZDOLeaveInd: "ZDO_LEAVE_IND", ZDOTCDevInd: "ZDO_TC_DEV_IND",
	ZDOPermitJoinInd: "ZDO_PERMIT_JOIN_IND", ZDOMsgCBIncoming: "ZDO_MSG_CB_INCOMING",
	UtilGetDeviceInfo: "UTIL_GET_DEVICE_INFO", UtilGetNVInfo: "UTIL_GET_NV_INFO", UtilCallbackSub: "UTIL_CALLBACK_SUB_CMD",
	UtilLEDControl: "UTIL_LED_CONTROL", UtilAddrmgrExtAddrLookup: "UTIL_ADDRMGR_EXT_ADDR_LOOKUP", UtilAddrmgrNwkAddrLookup: "UTIL_ADDRMGR_NWK_ADDR_LOOKUP",
	UtilApsmeLinkKeyDataGet: "UTIL_APSME_LINK_KEY_DATA_GET", UtilAssocCount: "UTIL_ASSOC_COUNT", UtilAssocGetWithAddress: "UTIL_ASSOC_GET_WITH_ADDRESS",
	UtilAssocRemove: "UTIL_ASSOC_REMOVE", UtilAssocAdd: "UTIL_ASSOC_ADD",
	AppCnfAddInstallCode: "APP_CNF_BDB_ADD_INSTALLCODE", AppCnfStartCommissioning: "APP_CNF_BDB_START_COMMISSIONING",
	AppCnfSetJoinUsesInstall: "APP_CNF_BDB_SET_JOINUSESINSTALLCODEKEY", AppCnfSetChannel: "APP_CNF_BDB_SET_CHANNEL",
	AppCnfSetTCRequireKeyExch: "APP_CNF_BDB_SET_TC_REQUIRE_KEY_EXCHANGE", AppCnfSetNwkFrameCounter: "APP_CNF_SET_NWK_FRAME_COUNTER",
	AppCnfCommissioningNotify: "APP_CNF_BDB_COMMISSIONING_NOTIFICATION",
}
