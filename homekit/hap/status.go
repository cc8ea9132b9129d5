package hap

import "strconv"

// Status is a HAP status code (R2 table 6-11).
type Status int

// The status codes of R2 table 6-11, and -70411 of later releases.
const (
	StatusOK                       Status = 0
	StatusInsufficientPrivileges   Status = -70401 // the controller may not do this
	StatusUnreachable              Status = -70402 // the accessory could not carry it out
	StatusBusy                     Status = -70403 // try again later
	StatusReadOnly                 Status = -70404
	StatusWriteOnly                Status = -70405
	StatusNotificationsUnsupported Status = -70406
	StatusOutOfResources           Status = -70407
	StatusTimedOut                 Status = -70408 // no result within HomeKit's patience
	StatusNotFound                 Status = -70409
	StatusInvalidValue             Status = -70410
	StatusNotAuthorized            Status = -70411
)

var statusText = map[Status]string{
	StatusOK:                       "ok",
	StatusInsufficientPrivileges:   "insufficient privileges",
	StatusUnreachable:              "unable to communicate",
	StatusBusy:                     "busy",
	StatusReadOnly:                 "read only",
	StatusWriteOnly:                "write only",
	StatusNotificationsUnsupported: "notifications unsupported",
	StatusOutOfResources:           "out of resources",
	StatusTimedOut:                 "timed out",
	StatusNotFound:                 "not found",
	StatusInvalidValue:             "invalid value",
	StatusNotAuthorized:            "not authorised",
}

func (s Status) String() string {
	if t, ok := statusText[s]; ok {
		return t
	}
	return "status " + strconv.Itoa(int(s))
}

// valid maps what a handler returned onto the standard's set.
func (s Status) valid() Status {
	if _, ok := statusText[s]; ok {
		return s
	}
	return StatusUnreachable
}
