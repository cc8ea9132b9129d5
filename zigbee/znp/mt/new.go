package mt

// New makes an empty message for the command, or nil where this package has no layout for it. Several commands share the types whose Cmd tells them apart.
func New(c Command) Message {
	switch c {
	case AFDelete:
		return new(Delete)
	case AFDataRequest:
		return new(DataRequest)
	case AFDataRequestExt:
		return new(DataRequestExt)
	case AFDataStore:
		return new(DataStore)
	case AFDataRetrieve:
		return new(DataRetrieve)
	case AFDataRetrieve ^ srsp:
		return new(DataRetrieveRsp)
	case AFDataConfirm:
		return new(DataConfirm)
	case AFIncomingMsg:
		return new(IncomingMsg)
	case AFIncomingMsgExt:
		return new(IncomingMsgExt)
	case AFReflectError:
		return new(ReflectError)
	case AppCnfAddInstallCode:
		return new(AddInstallCode)
	case AppCnfStartCommissioning:
		return new(StartCommissioning)
	case AppCnfSetJoinUsesInstall:
		return new(SetJoinUsesInstallCode)
	case AppCnfSetChannel:
		return new(SetChannel)
	case AppCnfSetTCRequireKeyExch:
		return new(SetTCRequireKeyExchange)
	case AppCnfSetNwkFrameCounter:
		return new(SetNwkFrameCounter)
	case AppCnfCommissioningNotify:
		return new(CommissioningNotify)
	case RPCError:
		return new(RPCErrorRsp)
	case SysVersion ^ srsp:
		return new(VersionRsp)
	case AFRegister:
		return new(Register)
	case ZDOSimpleDescRsp:
		return new(SimpleDescRsp)
	case ZDOPowerDescRsp:
		return new(PowerDescRsp)
	case SysNVItemInit:
		return new(NVItemInit)
	case SysNVRead:
		return new(NVRead)
	case SysNVRead ^ srsp:
		return new(NVReadRsp)
	case SysNVWrite:
		return new(NVWrite)
	case SysNVDelete:
		return new(NVDelete)
	case SysNVLength:
		return new(NVLength)
	case SysNVLength ^ srsp:
		return new(NVLengthRsp)
	case SysNVReadExt:
		return new(NVReadExt)
	case SysNVReadExt ^ srsp:
		return new(NVReadExtRsp)
	case SysNVWriteExt:
		return new(NVWriteExt)
	case SysExtNVCreate:
		return new(ExtNVCreate)
	case SysExtNVDelete:
		return new(ExtNVDelete)
	case SysExtNVLength:
		return new(ExtNVLength)
	case SysExtNVLength ^ srsp:
		return new(ExtNVLengthRsp)
	case SysExtNVRead:
		return new(ExtNVRead)
	case SysExtNVRead ^ srsp:
		return new(ExtNVReadRsp)
	case SysExtNVWrite:
		return new(ExtNVWrite)
	case SysResetReq:
		return new(ResetReq)
	case SysResetInd:
		return new(ResetInd)
	case SysPing ^ srsp:
		return new(PingRsp)
	case SysGetExtAddr ^ srsp:
		return new(ExtAddrRsp)
	case SysRandom ^ srsp:
		return new(RandomRsp)
	case SysStackTune:
		return new(StackTune)
	case SysStackTune ^ srsp:
		return new(StackTuneRsp)
	case SysSetTxPower:
		return new(SetTxPower)
	case SysSetTxPower ^ srsp:
		return new(SetTxPowerRsp)
	case UtilGetDeviceInfo ^ srsp:
		return new(DeviceInfoRsp)
	case UtilGetNVInfo ^ srsp:
		return new(NVInfoRsp)
	case UtilCallbackSub:
		return new(CallbackSub)
	case UtilLEDControl:
		return new(LEDControl)
	case UtilAddrmgrExtAddrLookup:
		return new(ExtAddrLookup)
	case UtilAddrmgrExtAddrLookup ^ srsp:
		return new(ExtAddrLookupRsp)
	case UtilAddrmgrNwkAddrLookup:
		return new(NwkAddrLookup)
	case UtilAddrmgrNwkAddrLookup ^ srsp:
		return new(NwkAddrLookupRsp)
	case UtilApsmeLinkKeyDataGet:
		return new(LinkKeyDataGet)
	case UtilApsmeLinkKeyDataGet ^ srsp:
		return new(LinkKeyDataGetRsp)
	case UtilAssocCount:
		return new(AssocCount)
	case UtilAssocCount ^ srsp:
		return new(AssocCountRsp)
	case UtilAssocGetWithAddress:
		return new(AssocGet)
	case UtilAssocGetWithAddress ^ srsp:
		return new(AssocGetRsp)
	case UtilAssocRemove:
		return new(AssocRemove)
	case UtilAssocAdd:
		return new(AssocAdd)
	case ZDOStateChangeInd:
		return new(StateChangeInd)
	case ZDOEndDeviceAnnceInd:
		return new(EndDeviceAnnceInd)
	case ZDOSrcRtgInd:
		return new(SrcRtgInd)
	case ZDOConcentratorInd:
		return new(ConcentratorInd)
	case ZDOLeaveInd:
		return new(LeaveInd)
	case ZDOTCDevInd:
		return new(TCDevInd)
	case ZDOPermitJoinInd:
		return new(PermitJoinInd)
	case ZDOMsgCBIncoming:
		return new(MsgCBIncoming)
	case ZDONwkAddrReq:
		return new(NwkAddrReq)
	case ZDOIEEEAddrReq:
		return new(IEEEAddrReq)
	case ZDOSimpleDescReq:
		return new(SimpleDescReq)
	case ZDOMatchDescReq:
		return new(MatchDescReq)
	case ZDOMgmtLeaveReq:
		return new(MgmtLeaveReq)
	case ZDOMgmtPermitJoinReq:
		return new(MgmtPermitJoinReq)
	case ZDOMgmtNwkUpdateReq:
		return new(MgmtNwkUpdateReq)
	case ZDOMsgCBRegister:
		return new(MsgCB)
	case ZDOMsgCBRemove:
		return new(MsgCBRemove)
	case ZDOStartupFromApp:
		return new(StartupFromApp)
	case ZDOSecDeviceRemove:
		return new(SecDeviceRemove)
	case ZDOExtRouteDisc:
		return new(ExtRouteDisc)
	case ZDOExtUpdateNwkKey:
		return new(ExtUpdateNwkKey)
	case ZDOExtSwitchNwkKey:
		return new(ExtSwitchNwkKey)
	case ZDOSetRejoinParams:
		return new(SetRejoinParams)
	case ZDOExtNwkInfo ^ srsp:
		return new(ExtNwkInfoRsp)
	case ZDOMgmtNwkUpdateRsp:
		return new(NwkUpdateNotify)
	case ZDONodeDescRsp:
		return new(NodeDescRsp)
	case SysPing, SysVersion, SysGetExtAddr, SysRandom, ZDOExtNwkInfo, UtilGetDeviceInfo, UtilGetNVInfo:
		return &Empty{c}
	case ZDONodeDescReq, ZDOPowerDescReq, ZDOActiveEPReq:
		return &NodeReq{Cmd: c}
	case ZDOMgmtLqiReq, ZDOMgmtRtgReq, ZDOMgmtBindReq:
		return &TableReq{Cmd: c}
	case ZDOBindReq, ZDOUnbindReq:
		return &BindReq{Cmd: c}
	case ZDONwkAddrRsp, ZDOIEEEAddrRsp:
		return &NodeAddrRsp{Cmd: c}
	case ZDOActiveEPRsp, ZDOMatchDescRsp:
		return &EndpointsRsp{Cmd: c}
	case ZDOMgmtLqiRsp, ZDOMgmtRtgRsp, ZDOMgmtBindRsp:
		return &TableRsp{Cmd: c}
	case ZDOBindRsp, ZDOUnbindRsp, ZDOMgmtLeaveRsp, ZDOMgmtPermitJoinRsp, ZDOStatusErrorRsp:
		return &ZDOStatusRsp{Cmd: c}
	}
	// Every other reply to a command known here is a status alone.
	if c.Type() == SRSP && names[c.Request()] != "" {
		return &StatusRsp{Cmd: c}
	}
	return nil
}

// srsp turns an SREQ into its SRSP where a constant is needed.
const srsp = Command(SREQ^SRSP) << 8
