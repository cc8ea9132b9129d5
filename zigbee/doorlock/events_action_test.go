package doorlock

import (
	"strconv"
	"strings"

	"github.com/latchkeyd/latchkey/bridge"
)

// meaning is what an action's name says: the movement, the refusal, and the source if the name tells it.
type meaning struct {
	moves   bridge.ActionKind
	refused string
	source  bridge.Source
}

var actions = map[string]meaning{
	"lock": {moves: bridge.ActLock}, "unlock": {moves: bridge.ActUnlock}, "unknown": {}, "": {},
	"lock_failure_invalid_pin_or_id": {refused: refusedCode}, "lock_failure_invalid_schedule": {refused: refusedSchedule},
	"unlock_failure_invalid_pin_or_id": {refused: refusedCode}, "unlock_failure_invalid_schedule": {refused: refusedSchedule},
	"one_touch_lock": {moves: bridge.ActLock, source: bridge.SourceOneTouch}, "key_lock": {moves: bridge.ActLock, source: bridge.SourceKey},
	"key_unlock": {moves: bridge.ActUnlock, source: bridge.SourceKey}, "auto_lock": {moves: bridge.ActLock, source: bridge.SourceAuto},
	"schedule_lock": {moves: bridge.ActLock, source: bridge.SourceSchedule}, "schedule_unlock": {moves: bridge.ActUnlock, source: bridge.SourceSchedule},
	"manual_lock": {moves: bridge.ActLock, source: bridge.SourceManual}, "manual_unlock": {moves: bridge.ActUnlock, source: bridge.SourceManual},
	"non_access_user_operational_event": {refused: refusedDisabled},
	"keypad_unlock":                     {moves: bridge.ActUnlock, source: bridge.SourceKeypad}, "keypad_lock": {moves: bridge.ActLock, source: bridge.SourceKeypad},
	"password_unlock":    {moves: bridge.ActUnlock, source: bridge.SourceKeypad},
	"fingerprint_unlock": {moves: bridge.ActUnlock, source: bridge.SourceFingerprint}, "fingerprint_lock": {moves: bridge.ActLock, source: bridge.SourceFingerprint},
	"rfid_unlock": {moves: bridge.ActUnlock, source: bridge.SourceRFID}, "rfid_lock": {moves: bridge.ActLock, source: bridge.SourceRFID},
	"zigbee_unlock": {moves: bridge.ActUnlock, source: bridge.SourceRemote}, "lock_module": {moves: bridge.ActLock, source: bridge.SourceRemote},
	"manual_lock_touch":      {moves: bridge.ActLock, source: bridge.SourceOneTouch},
	"password_not_match":     {refused: refusedCode, source: bridge.SourceKeypad},
	"lock_opened_outside":    {moves: bridge.ActUnlock},
	"lock_opened_inside":     {moves: bridge.ActUnlock, source: bridge.SourceManual},
	"finger_open_admin_id3":  {moves: bridge.ActUnlock, source: bridge.SourceFingerprint},
	"finger_open_user_id161": {moves: bridge.ActUnlock, source: bridge.SourceFingerprint},
	"finger_open_admin_id5":  {moves: bridge.ActUnlock, source: bridge.SourceFingerprint},
	"password_open_user_id3": {moves: bridge.ActUnlock, source: bridge.SourceKeypad},
}

var sourceNames = map[string]bridge.Source{"keypad": bridge.SourceKeypad, "rf": bridge.SourceRemote, "manual": bridge.SourceManual, "rfid": bridge.SourceRFID,
	"fingerprint": bridge.SourceFingerprint, "touch_unlock": bridge.SourceFingerprint, "rfid_card_unlock": bridge.SourceRFID, "pairing": bridge.SourceUnknown}

var programmedNames = map[string]bridge.Programmed{"master_code_changed": bridge.ProgMasterChanged, "pin_code_added": bridge.ProgPINAdded,
	"pin_code_deleted": bridge.ProgPINDeleted, "pin_code_changed": bridge.ProgPINChanged, "rfid_code_added": bridge.ProgRFIDAdded,
	"rfid_code_deleted": bridge.ProgRFIDDeleted, "unknown": bridge.ProgOther}

func (c *comparison) action() {
	if f, ok := find[factProgrammed](c); ok {
		c.programmed(f)
		return
	}
	name, _ := c.e.Expected["action"].(string)
	f, ok := find[factOperation](c)
	switch {
	case c.e.Cluster == "0x0009":
		c.alarmAction(name, f, ok)
		return
	case strings.HasPrefix(c.e.Model, "lumi.") && !ok:
		// Bell, language, reverse lock, and positions that are told as the bolt's own.
		if c.e.warns("library-bug") {
			c.because("caution library-bug")
		}
		c.because("vendor action without movement")
		return
	case !ok:
		c.fail("no operation")
		return
	}
	want, known := actions[name]
	switch {
	case !known:
		c.fail("the action %q has no meaning", name)
		return
	case f.moves != want.moves && name == "unlock" && c.p.Events == eventsJAVIS && f.source == 0:
		c.because("vendor action without movement") // "unlock" while a tag is being paired
	case f.moves != want.moves && f.refused == "":
		c.fail("moves %v, want %v", f.moves, want.moves)
	}
	if f.refused != want.refused {
		c.fail("refused %q, want %q", f.refused, want.refused)
	}
	c.who(f, want)
}

// who compares source and user.
func (c *comparison) who(f factOperation, want meaning) {
	source := want.source
	told, hasSource := c.e.Expected["action_source_name"].(string)
	if hasSource && source == "" {
		source = sourceNames[told]
	} else if hasSource && source != sourceNames[told] {
		c.because("cause in place of action")
	}
	switch {
	case f.cause.Source == source:
	case c.e.warns("non-value"), c.e.warns("unnamed-value"):
		c.because("caution non-value")
	default:
		c.fail("source %q, want %q", f.cause.Source, source)
	}
	for _, key := range []string{"action_user", "action_source_user"} {
		switch user := c.e.Expected[key].(type) {
		case float64:
			if float64(f.user) != user {
				c.fail("user %d, want %v", f.user, user)
			}
			if f.cause.Slot == nil && user != 0 {
				c.because("users by manual operation")
			}
			if f.cause.Slot != nil && float64(*f.cause.Slot) != user {
				c.fail("slot %d, want %v", *f.cause.Slot, user)
			}
		case string: // "$NaN"
			if f.user != noUser || f.cause.Slot != nil {
				c.fail("user %d, want none", f.user)
			}
			c.because("caution non-value")
		}
	}
}

func (c *comparison) programmed(f factProgrammed) {
	name, _ := c.e.Expected["action"].(string)
	want := programmedNames[name]
	if want == "" {
		c.fail("the change %q has no meaning", name)
	}
	switch {
	case f.change == want:
	case c.e.Cluster == "0x0009":
		c.because("alarm not known there")
		return
	case f.change == bridge.ProgAllDeleted && want == bridge.ProgPINDeleted && (f.user == allUsers || f.user == noUser || f.user == allUsers<<8 && c.p.ShiftUser):
		if f.user == allUsers<<8 {
			c.because("caution no-shift")
		}
		c.because("programming of all")
	default:
		c.fail("change %q, want %q", f.change, want)
	}
	if told, ok := c.e.Expected["action_source_name"].(string); ok && f.source != sourceNames[told] {
		c.fail("source %q, want %q", f.source, told)
	}
	user, number := c.e.Expected["action_user"].(float64)
	switch {
	case !number:
		c.because("caution non-value")
	case float64(f.user) != user:
		c.fail("user %d, want %v", f.user, user)
	case f.slot == nil:
		c.because("programming of all")
	case c.p.ShiftUser && f.user >= 256:
		if *f.slot != bridge.Slot(f.user>>8) {
			c.fail("slot %d", *f.slot)
		}
		if c.e.warns("no-shift") {
			c.because("caution no-shift")
		} else {
			c.because("shift on the sister model")
		}
	case float64(*f.slot) != user:
		c.fail("slot %d, want %v", *f.slot, user)
	}
}

// alarmAction compares what the codes of cluster FC00 are called.
func (c *comparison) alarmAction(name string, f factOperation, moved bool) {
	switch want, known := actions[name]; {
	case name == "unknown":
		c.because("alarm not known there")
		if _, reread := find[factReread](c); !reread {
			c.fail("the bolt is not read")
		}
	case name == "error_jammed":
		if a, ok := find[factAlarm](c); !ok || !a.jam {
			c.fail("no jam")
		}
	case !known || !moved || f.moves != want.moves:
		c.fail("moves %v", f.moves)
	case want.source != "" && f.cause.Source != want.source:
		c.fail("source %q", f.cause.Source)
	}
}

// moreActions judges facts that the other library does not tell.
func (c *comparison) moreActions() {
	for _, f := range c.facts {
		switch f.(type) {
		case factOperation:
			switch {
			case c.e.Cluster == "0x0009", c.p.Events == eventsOnesti && c.e.MessageType == "attributeReport":
			case c.e.warns("dropped"):
				c.because("caution dropped")
			case !c.e.Handled, c.p.Events == eventsAqara, c.p.Events == eventsJAVIS, c.p.Events == eventsWyze, c.p.Battery == batteryAssa:
				c.because("not handled there")
			default:
				c.fail("an operation, and they say nothing")
			}
		case factProgrammed:
			if c.e.Handled && c.e.Cluster != "0x0009" {
				c.fail("programming, and they say nothing")
			}
			c.because("not handled there")
		case factAlarm:
			if c.e.Expected["alarm"] == nil {
				c.because("alarm not known there")
			}
		}
	}
}

// onesti compares attribute 0100.
func (c *comparison) onesti() {
	f, ok := find[factOperation](c)
	if !ok {
		c.fail("no operation")
		return
	}
	user, lock := c.e.Expected["last_lock_user"].(string)
	source, _ := c.e.Expected["last_lock_source"].(string)
	want := bridge.ActLock
	if !lock {
		want = bridge.ActUnlock
		user, _ = c.e.Expected["last_unlock_user"].(string)
		source, _ = c.e.Expected["last_unlock_source"].(string)
	}
	sources := map[string]bridge.Source{"zigbee": bridge.SourceRemote, "keypad": bridge.SourceKeypad, "fingerprintsensor": bridge.SourceFingerprint,
		"rfid": bridge.SourceRFID, "self": bridge.SourceAuto}
	if f.moves != want || f.cause.Source != sources[source] || user != strconv.Itoa(int(f.user)) {
		c.fail("%v by %q, user %d", f.moves, f.cause.Source, f.user)
	}
}
