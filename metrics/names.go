package metrics

import (
	"github.com/latchkeyd/latchkey/bridge"
)

const prefix = "latchkey_"

// The values of enumerated labels. Every combination exists from the start, so that rate() and alerts see the first increase.
var (
	boltStates = []string{"locked", "unlocked", "partial", "jammed", "unknown"}
	doorStates = []string{"closed", "open", "jammed", "forced", "unknown"}
	actions    = []string{"lock", "unlock"}
	sources    = []string{"keypad", "manual", "homekit", "matter", "api", "auto", "rfid", "unknown"}
	alarms     = []string{"jam", "tamper", "forced", "wrong_code_limit", "rf_cycled", "factory_reset"}
	results    = []string{"ok", "asleep", "unreachable", "rejected", "jammed", "not_seen", "superseded", "dongle_down", "error"}
	ends       = []string{"ok", "failed"} // of commands that are not the bolt's: codes and resets
	stages     = []string{"queue", "serial", "radio", "ack", "report", "total"}
	resetEnds  = []string{"done", "cancelled"}
	resetSteps = []string{"idle", "plan", "erasing", "waiting", "rejoining", "securing", "restoring", "testing", "stuck"}
	joinEnds   = []string{"joined", "ready", "interview_failed", "refused"}
	frameTypes = []string{"sreq", "srsp", "areq"}
	frameWoes  = []string{"fcs", "length", "timeout", "unexpected"}
	authWoes   = []string{"no_token", "bad_token", "scope", "bad_password", "rate", "host", "origin"}
	codeKinds  = []string{"2xx", "3xx", "4xx", "5xx"}
)

// boltBuckets are seconds. A lock that is awake answers within a few hundredths, its bolt takes one to three seconds, a sleeping one wakes within ten.
var boltBuckets = []float64{.01, .025, .05, .1, .25, .5, 1, 2, 3, 5, 10, 15}

// stepBuckets are seconds of a reset's stage, most of which wait for a person.
var stepBuckets = []float64{1, 5, 15, 30, 60, 120, 300, 600}

// commitBuckets are seconds of a store commit.
var commitBuckets = []float64{.001, .0025, .005, .01, .025, .1, .5, 1}

func sourceLabel(s bridge.Source) string {
	switch s {
	case bridge.SourceKeypad:
		return "keypad"
	case bridge.SourceManual, bridge.SourceKey, bridge.SourceOneTouch:
		return "manual"
	case bridge.SourceHomeKit:
		return "homekit"
	case bridge.SourceMatter:
		return "matter"
	case bridge.SourceAPI:
		return "api"
	case bridge.SourceAuto, bridge.SourceSchedule, bridge.SourceBridge:
		return "auto"
	case bridge.SourceRFID, bridge.SourceFingerprint:
		return "rfid"
	}
	return "unknown"
}

func boltLabel(b bridge.Bolt) string { return b.String() }

func doorLabel(d bridge.Door) string {
	switch d {
	case bridge.DoorClosed:
		return "closed"
	case bridge.DoorOpen:
		return "open"
	case bridge.DoorJammed:
		return "jammed"
	case bridge.DoorForced:
		return "forced"
	}
	return "unknown"
}

// alarmLabel is "" for alarms that have a metric of their own or no meaning.
func alarmLabel(a bridge.Alarm) string {
	switch a {
	case bridge.AlarmJam:
		return "jam"
	case bridge.AlarmTamper:
		return "tamper"
	case bridge.AlarmForced:
		return "forced"
	case bridge.AlarmWrongCodeLimit:
		return "wrong_code_limit"
	case bridge.AlarmPowerCycled:
		return "rf_cycled"
	case bridge.AlarmFactoryReset:
		return "factory_reset"
	}
	return ""
}

// resultLabel folds the results that mean the same to whoever looks at a graph.
func resultLabel(r bridge.Result) string {
	switch r {
	case bridge.ResultUnsupported:
		return "rejected"
	case bridge.ResultCancelled:
		return "superseded"
	case bridge.ResultOK, bridge.ResultAsleep, bridge.ResultUnreachable, bridge.ResultRejected, bridge.ResultJammed, bridge.ResultNotSeen,
		bridge.ResultSuperseded, bridge.ResultDown:
		return string(r)
	}
	return "error"
}

// commandLabels are the command and the result as labels. Only the bolt's commands are told apart in full; the budget of series is spent where doors are.
func commandLabels(f bridge.CommandFinished) (command, result string) {
	switch f.Command {
	case "lock", "unlock":
		return f.Command, resultLabel(f.Result)
	case "reset":
		command = "reset"
	default:
		command = "code"
	}
	if f.Result == bridge.ResultOK {
		return command, "ok"
	}
	return command, "failed"
}

func resetLabel(stage string) string {
	switch bridge.ResetStage(stage) {
	case bridge.ResetPlanned, bridge.ResetConfirmed, bridge.ResetGuarded:
		return "plan"
	case bridge.ResetErasing:
		return "erasing"
	case bridge.ResetWaiting:
		return "waiting"
	case bridge.ResetRejoining, bridge.ResetSecuring, bridge.ResetRestoring, bridge.ResetTesting, bridge.ResetStuck:
		return stage
	}
	return "idle"
}

func codeLabel(status int) string {
	switch status / 100 {
	case 2:
		return "2xx"
	case 3:
		return "3xx"
	case 4:
		return "4xx"
	}
	return "5xx"
}
