package zcl_test

import "github.com/latchkeyd/latchkey/zigbee/zcl"

func attributeReading(as []zcl.Attribute) any {
	out := []any{}
	for _, a := range as {
		out = append(out, args{"attrId": num(a.ID), "dataType": num(a.Value.Type), "attrData": value(a.Value)})
	}
	return out
}

func foundationReading(m zcl.Message) (any, bool) {
	out := []any{}
	switch m := m.(type) {
	case *zcl.ReadAttributes:
		for _, a := range m.Attributes {
			out = append(out, args{"attrId": num(a)})
		}
	case *zcl.ReadAttributesResponse:
		for _, r := range m.Records {
			a := args{"attrId": num(r.ID), "status": num(r.Status)}
			if r.Status.OK() {
				a["dataType"], a["attrData"] = num(r.Value.Type), value(r.Value)
			}
			out = append(out, a)
		}
	case *zcl.WriteAttributes:
		return attributeReading(m.Attributes), true
	case *zcl.ReportAttributes:
		return attributeReading(m.Attributes), true
	case *zcl.WriteAttributesResponse:
		if len(m.Failed) == 0 {
			return []any{args{"status": 0}}, true
		}
		for _, r := range m.Failed {
			out = append(out, args{"attrId": num(r.ID), "status": num(r.Status)})
		}
	case *zcl.ConfigureReporting:
		for _, r := range m.Records {
			out = append(out, reportingReading(args{"direction": num(r.Direction), "attrId": num(r.ID)}, r))
		}
	case *zcl.ConfigureReportingResponse:
		if len(m.Failed) == 0 {
			return []any{args{"status": 0}}, true
		}
		for _, r := range m.Failed {
			out = append(out, args{"attrId": num(r.ID), "status": num(r.Status), "direction": num(r.Direction)})
		}
	case *zcl.ReadReportingConfig:
		for _, r := range m.Records {
			out = append(out, args{"direction": num(r.Direction), "attrId": num(r.ID)})
		}
	case *zcl.ReadReportingConfigResponse:
		for _, r := range m.Records {
			a := args{"direction": num(r.Direction), "attrId": num(r.ID), "status": num(r.Status)}
			if r.Status.OK() {
				reportingReading(a, r.Reporting)
			}
			out = append(out, a)
		}
	case *zcl.DefaultResponse:
		return args{"cmdId": num(m.Command), "statusCode": num(m.Status)}, true
	case *zcl.DiscoverAttributes:
		return args{"startAttrId": num(m.Start), "maxAttrIds": num(m.Max)}, true
	default:
		return nil, false
	}
	return out, true
}

func reportingReading(a args, r zcl.Reporting) args {
	a["dataType"], a["minRepIntval"], a["maxRepIntval"] = num(r.Type), num(r.Min), num(r.Max)
	if r.Type.Analog() {
		a["repChange"] = r.Change
	}
	return a
}

func codeReading(m zcl.Message) (any, bool) {
	code := func(user uint16, s zcl.UserStatus, t zcl.UserType, p zcl.PIN, f zcl.Form) (any, bool) {
		return withPIN(args{"userid": num(user), "userstatus": num(s), "usertype": num(t)}, "pincodevalue", p, f), true
	}
	user := func(u uint16) (any, bool) { return args{"userid": num(u)}, true }
	status := func(s uint8) (any, bool) { return args{"status": num(s)}, true }
	switch m := m.(type) {
	case *zcl.SetPINCode:
		return code(m.User, m.Status, m.Type, m.PIN, m.Form)
	case *zcl.GetPINCodeResponse:
		return code(m.User, m.Status, m.Type, m.PIN, m.Form)
	case *zcl.SetRFIDCode:
		return code(m.User, m.Status, m.Type, m.PIN, m.Form)
	case *zcl.GetRFIDCodeResponse:
		return code(m.User, m.Status, m.Type, m.PIN, m.Form)
	case *zcl.GetPINCode:
		return user(m.User)
	case *zcl.ClearPINCode:
		return user(m.User)
	case *zcl.GetRFIDCode:
		return user(m.User)
	case *zcl.ClearRFIDCode:
		return user(m.User)
	case *zcl.GetUserStatus:
		return user(m.User)
	case *zcl.GetUserType:
		return user(m.User)
	case *zcl.SetPINCodeResponse:
		return status(uint8(m.Status))
	case *zcl.SetRFIDCodeResponse:
		return status(uint8(m.Status))
	case *zcl.ClearPINCodeResponse:
		return status(uint8(m.Result))
	case *zcl.ClearRFIDCodeResponse:
		return status(uint8(m.Result))
	case *zcl.ClearAllPINCodesResponse:
		return status(uint8(m.Result))
	case *zcl.ClearAllRFIDCodesResponse:
		return status(uint8(m.Result))
	case *zcl.SetUserStatusResponse:
		return status(uint8(m.Result))
	case *zcl.SetUserTypeResponse:
		return status(uint8(m.Result))
	case *zcl.SetUserStatus:
		return args{"userid": num(m.User), "userstatus": num(m.Status)}, true
	case *zcl.GetUserStatusResponse:
		return args{"userid": num(m.User), "userstatus": num(m.Status)}, true
	case *zcl.SetUserType:
		return args{"userid": num(m.User), "usertype": num(m.Type)}, true
	case *zcl.GetUserTypeResponse:
		return args{"userid": num(m.User), "usertype": num(m.Type)}, true
	}
	return nil, false
}

func weekDay(a args, s zcl.WeekDaySchedule) args {
	a["daysmask"], a["starthour"], a["startminute"] = num(s.Days), num(s.StartHour), num(s.StartMinute)
	a["endhour"], a["endminute"] = num(s.EndHour), num(s.EndMinute)
	return a
}

func span(a args, start, end zcl.LocalTime) args {
	a["zigbeelocalstarttime"], a["zigbeelocalendtime"] = num(start), num(end)
	return a
}

func scheduleReading(m zcl.Message) (any, bool) {
	key := func(id uint8, user uint16) args { return args{"scheduleid": num(id), "userid": num(user)} }
	holiday := func(id uint8) args { return args{"holidayscheduleid": num(id)} }
	status := func(a args, s uint8) args { a["status"] = num(s); return a }
	switch m := m.(type) {
	case *zcl.SetWeekDaySchedule:
		return weekDay(key(m.ID, m.User), m.WeekDaySchedule), true
	case *zcl.GetWeekDaySchedule:
		return key(m.ID, m.User), true
	case *zcl.ClearWeekDaySchedule:
		return key(m.ID, m.User), true
	case *zcl.GetWeekDayScheduleResponse:
		a := status(key(m.ID, m.User), uint8(m.Status))
		if m.Status.OK() {
			weekDay(a, m.WeekDaySchedule)
		}
		return a, true
	case *zcl.SetYearDaySchedule:
		return span(key(m.ID, m.User), m.Start, m.End), true
	case *zcl.GetYearDaySchedule:
		return key(m.ID, m.User), true
	case *zcl.ClearYearDaySchedule:
		return key(m.ID, m.User), true
	case *zcl.GetYearDayScheduleResponse:
		a := status(key(m.ID, m.User), uint8(m.Status))
		if m.Status.OK() {
			span(a, m.Start, m.End)
		}
		return a, true
	case *zcl.SetHolidaySchedule:
		a := span(holiday(m.ID), m.Start, m.End)
		a["opermodelduringholiday"] = num(m.Mode)
		return a, true
	case *zcl.GetHolidaySchedule:
		return holiday(m.ID), true
	case *zcl.ClearHolidaySchedule:
		return holiday(m.ID), true
	case *zcl.GetHolidayScheduleResponse:
		a := status(holiday(m.ID), uint8(m.Status))
		if m.Status.OK() {
			span(a, m.Start, m.End)["opermodelduringholiday"] = num(m.Mode)
		}
		return a, true
	case *zcl.SetWeekDayScheduleResponse:
		return status(args{}, uint8(m.Result)), true
	case *zcl.ClearWeekDayScheduleResponse:
		return status(args{}, uint8(m.Result)), true
	case *zcl.SetYearDayScheduleResponse:
		return status(args{}, uint8(m.Result)), true
	case *zcl.ClearYearDayScheduleResponse:
		return status(args{}, uint8(m.Result)), true
	case *zcl.SetHolidayScheduleResponse:
		return status(args{}, uint8(m.Result)), true
	case *zcl.ClearHolidayScheduleResponse:
		return status(args{}, uint8(m.Result)), true
	}
	return nil, false
}
