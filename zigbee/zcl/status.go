package zcl

import "fmt"

// Status is the result of a command (ZCL section 2.6.3).
type Status uint8

// Status codes.
const (
	StatusSuccess               Status = 0x00
	StatusFailure               Status = 0x01
	StatusNotAuthorized         Status = 0x7E
	StatusMalformedCommand      Status = 0x80
	StatusUnsupClusterCommand   Status = 0x81
	StatusUnsupGeneralCommand   Status = 0x82
	StatusUnsupManufCluster     Status = 0x83
	StatusUnsupManufGeneral     Status = 0x84
	StatusInvalidField          Status = 0x85
	StatusUnsupportedAttribute  Status = 0x86
	StatusInvalidValue          Status = 0x87
	StatusReadOnly              Status = 0x88
	StatusInsufficientSpace     Status = 0x89
	StatusDuplicateExists       Status = 0x8A
	StatusNotFound              Status = 0x8B
	StatusUnreportableAttribute Status = 0x8C
	StatusInvalidDataType       Status = 0x8D
	StatusInvalidSelector       Status = 0x8E
	StatusWriteOnly             Status = 0x8F
	StatusInconsistentState     Status = 0x90
	StatusDefinedOutOfBand      Status = 0x91
	StatusInconsistent          Status = 0x92
	StatusActionDenied          Status = 0x93
	StatusTimeout               Status = 0x94
	StatusAbort                 Status = 0x95
	StatusInvalidImage          Status = 0x96
	StatusWaitForData           Status = 0x97
	StatusNoImageAvailable      Status = 0x98
	StatusRequireMoreImage      Status = 0x99
	StatusNotificationPending   Status = 0x9A
	StatusHardwareFailure       Status = 0xC0
	StatusSoftwareFailure       Status = 0xC1
	StatusCalibrationError      Status = 0xC2
	StatusUnsupportedCluster    Status = 0xC3
	StatusLimitReached          Status = 0xC4
)

var statusNames = map[Status]string{
	StatusSuccess: "success", StatusFailure: "failure", StatusNotAuthorized: "not authorised", StatusMalformedCommand: "malformed command",
	StatusUnsupClusterCommand: "unsupported cluster command", StatusUnsupGeneralCommand: "unsupported general command",
	StatusUnsupManufCluster: "unsupported manufacturer cluster command", StatusUnsupManufGeneral: "unsupported manufacturer general command",
	StatusInvalidField: "invalid field", StatusUnsupportedAttribute: "unsupported attribute", StatusInvalidValue: "invalid value",
	StatusReadOnly: "read only", StatusInsufficientSpace: "insufficient space", StatusDuplicateExists: "duplicate exists", StatusNotFound: "not found",
	StatusUnreportableAttribute: "unreportable attribute", StatusInvalidDataType: "invalid data type", StatusInvalidSelector: "invalid selector",
	StatusWriteOnly: "write only", StatusInconsistentState: "inconsistent startup state", StatusDefinedOutOfBand: "defined out of band",
	StatusInconsistent: "inconsistent", StatusActionDenied: "action denied", StatusTimeout: "timeout", StatusAbort: "abort",
	StatusInvalidImage: "invalid image", StatusWaitForData: "wait for data", StatusNoImageAvailable: "no image available",
	StatusRequireMoreImage: "require more image", StatusNotificationPending: "notification pending", StatusHardwareFailure: "hardware failure",
	StatusSoftwareFailure: "software failure", StatusCalibrationError: "calibration error", StatusUnsupportedCluster: "unsupported cluster",
	StatusLimitReached: "limit reached",
}

// String names the status.
func (s Status) String() string {
	if n, ok := statusNames[s]; ok {
		return n
	}
	return fmt.Sprintf("status 0x%02x", uint8(s))
}

// OK tells whether the command succeeded.
func (s Status) OK() bool { return s == StatusSuccess }

// Unsupported tells whether the receiver does not know the command or the attribute, so that asking again is useless.
func (s Status) Unsupported() bool {
	switch s {
	case StatusUnsupClusterCommand, StatusUnsupGeneralCommand, StatusUnsupManufCluster, StatusUnsupManufGeneral, StatusUnsupportedAttribute,
		StatusUnsupportedCluster, StatusUnreportableAttribute:
		return true
	default:
		return false
	}
}

// StatusError is a status as an error.
type StatusError struct{ Status Status }

// Error names the status.
func (e StatusError) Error() string { return "the device answered: " + e.Status.String() }
