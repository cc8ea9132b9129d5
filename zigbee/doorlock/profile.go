package doorlock

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/latchkeyd/latchkey/bridge"
)

//go:embed profiles.json
var profilesJSON []byte

// Family names the profile of an unknown lock.
const genericFamily = "st_generic"

// eventStyle says how a family tells what happened at the door.
type eventStyle string

const (
	eventsZCL        eventStyle = ""           // operation and programming events of the standard, possibly cut short
	eventsAlarms     eventStyle = "alarms"     // codes of the Alarms cluster that name cluster FC00
	eventsYMC        eventStyle = "ymc"        // the event's first byte is a 16-value action
	eventsOnesti     eventStyle = "onesti"     // attribute 0100, and short events with codes of their own
	eventsEasyAccess eventStyle = "easyaccess" // short events with codes of their own
	eventsAqara      eventStyle = "aqara"      // attributes FFF6, FF10, FF11, or FF30 of Basic
	eventsJAVIS      eventStyle = "javis"      // attribute 4200 of Basic
	eventsWyze       eventStyle = "wyze"       // frames of cluster FC00, which tell the state
	eventsNone       eventStyle = "none"
)

// batteryScale says what unit the battery's number has.
type batteryScale string

const (
	batteryHalf     batteryScale = ""         // 0.5 %, as the standard says
	batteryPercent  batteryScale = "percent"  // 1 %, until a value above 100 repeats
	batteryAdaptive batteryScale = "adaptive" // 1 % or 0.5 %, sources conflict: 1 % until a value above 100 repeats
	batteryVolt     batteryScale = "volt"     // the voltage, from empty to full
	batteryAssa     batteryScale = "assa"     // attribute 0015 of cluster FC00, 1 %
	batteryNone     batteryScale = "none"
)

// profile is what is known of a family. The zero value of each field is the standard's behaviour.
type profile struct {
	Family           string   `json:"family"`
	Title            string   `json:"title"`
	Manufacturer     string   `json:"manufacturer"`
	Models           []string `json:"models"` // a trailing * stands for anything
	ManufacturerCode uint16   `json:"manufacturer_code"`

	Endpoint  uint8   `json:"endpoint"`  // 0: the first that has Door Lock
	Endpoints []uint8 `json:"endpoints"` // all that may speak for the lock, beside Endpoint

	Slots       int           `json:"slots"` // 0: no codes by radio; -1: read NumberOfPINUsersSupported
	FirstSlot   bridge.Slot   `json:"first_slot"`
	LastSlot    bridge.Slot   `json:"last_slot"` // 0: follows from Slots
	MasterSlots []bridge.Slot `json:"master_slots"`
	PINMin      int           `json:"pin_min"` // 0: read, else 4
	PINMax      int           `json:"pin_max"` // 0: read, else 8
	SameLength  bool          `json:"same_length"`
	GetPIN      string        `json:"get_pin"` // yes, no, probe

	InnerLengthPIN      bool `json:"inner_length_pin"`       // a length byte inside the PIN of UnlockDoor
	VolatilePINs        bool `json:"volatile_pins"`          // the lock's codes expire by themselves
	SameCodeIsDuplicate bool `json:"same_code_is_duplicate"` // writing a slot's own code again is answered with "duplicate"
	ShiftUser           bool `json:"shift_user"`             // user ids of programming events from 256 on stand 8 bits too high

	Remote  string            `json:"remote"` // "": lock and unlock; samsung: its own unlock only; none
	Events  eventStyle        `json:"events"`
	Sources map[string]string `json:"sources"` // event sources with another meaning, or none

	Battery     batteryScale `json:"battery"`
	Volt        [2]int       `json:"volt"`         // mV, empty and full
	BootBattery bool         `json:"boot_battery"` // the first value after a boot is a placeholder
	BatteryMin  uint16       `json:"battery_min"`  // s, reporting; 0: defaultBatteryMin
	BatteryMax  uint16       `json:"battery_max"`  // s
	HiddenPower bool         `json:"hidden_power"` // Power Configuration is there but not in the simple descriptor

	NoBind          bool     `json:"no_bind"` // bind nothing but Bind
	Bind            []string `json:"bind"`    // more clusters to bind
	NoPowerBind     bool     `json:"no_power_bind"`
	NoLockReport    bool     `json:"no_lock_report"`    // LockState cannot be reported
	LockReportMax   uint16   `json:"lock_report_max"`   // s; 0: an hour
	IgnoreLockState bool     `json:"ignore_lock_state"` // LockState is not true
	Reread          bool     `json:"reread"`            // read LockState after each event and 5 s after a command
	Silent          bool     `json:"silent"`            // nothing of the lock says where the bolt is
	DoorSensor      bool     `json:"door_sensor"`
	AlwaysSleepy    bool     `json:"always_sleepy"` // whatever its node descriptor says

	NoSettings bool   `json:"no_settings"`
	Relock     string `json:"relock"` // seconds, switch7 (1 means seven seconds), idlock, assa, or "": none
	Sound      uint8  `json:"sound"`  // greatest volume; 0: none
	SoundVia   string `json:"sound_via"`

	Resets       []bridge.ResetWay `json:"resets"`
	ReportsReset bool              `json:"reports_reset"`
	RFID         bool              `json:"rfid"`
	Fingerprint  bool              `json:"fingerprint"`

	Variants []json.RawMessage `json:"variants"` // models of the family that differ: the same fields, with the models they hold for
}

var profiles = sync.OnceValue(func() []profile {
	ps, err := parseProfiles(profilesJSON)
	if err != nil {
		panic(err) // embedded, and held by a test
	}
	return ps
})

// parseProfiles reads the profiles and unfolds their variants, which come first so that they match first.
func parseProfiles(b []byte) ([]profile, error) {
	var file struct {
		Version  int
		Profiles []json.RawMessage
	}
	if err := json.Unmarshal(b, &file); err != nil {
		return nil, fmt.Errorf("doorlock: profiles: %w", err)
	}
	if file.Version != 1 {
		return nil, fmt.Errorf("doorlock: profiles: version %d is not known", file.Version)
	}
	var out []profile
	for _, base := range file.Profiles {
		var p profile
		if err := json.Unmarshal(base, &p); err != nil {
			return nil, fmt.Errorf("doorlock: profiles: %w", err)
		}
		for _, raw := range p.Variants {
			var v profile // decoded anew, so that it shares no slice with the family
			err := json.Unmarshal(base, &v)
			if err == nil {
				err = json.Unmarshal(raw, &v)
			}
			if err != nil {
				return nil, fmt.Errorf("doorlock: profiles: variant of %s: %w", p.Family, err)
			}
			v.Variants = nil
			out = append(out, v)
		}
		p.Variants = nil
		out = append(out, p)
	}
	return out, nil
}

func (p *profile) matches(model string) bool {
	return slices.ContainsFunc(p.Models, func(m string) bool {
		if pre, ok := strings.CutSuffix(m, "*"); ok {
			return strings.HasPrefix(model, pre)
		}
		return m == model
	})
}

// profileOf finds the profile of a lock by what it says of itself. A lock that nobody described gets the generic one.
func profileOf(manufacturer, model string, code uint16) *profile {
	ps := profiles()
	for i := range ps {
		p := &ps[i]
		switch {
		case model != "" && p.matches(model):
			return p
		case model == "" && p.matches("") && strings.EqualFold(manufacturer, p.Manufacturer):
			return p
		case model == "" && p.ManufacturerCode != 0 && p.ManufacturerCode == code:
			return p
		}
	}
	return profileByFamily(genericFamily)
}

func profileByFamily(family string) *profile {
	ps := profiles()
	for i := range ps {
		if ps[i].Family == family {
			return &ps[i]
		}
	}
	return &ps[len(ps)-1]
}

// known tells whether any family lists the model.
func knownModel(model string) bool {
	return model != "" && slices.ContainsFunc(profiles(), func(p profile) bool { return p.matches(model) })
}

// clusters is Bind as numbers.
func (p *profile) clusters() []uint16 {
	var out []uint16
	for _, s := range p.Bind {
		if n, err := strconv.ParseUint(s, 0, 16); err == nil {
			out = append(out, uint16(n))
		}
	}
	return out
}

// remote says what the radio can do to the bolt.
func (p *profile) remote() bridge.RemoteControl {
	switch p.Remote {
	case "none":
		return bridge.RemoteNone
	case "samsung":
		return bridge.RemoteUnlockOnly
	default:
		return bridge.RemoteFull
	}
}

// traits is what the profile alone says. An interview refines it.
func (p *profile) traits() bridge.Traits {
	t := bridge.Traits{
		Remote: p.remote(), Slots: max(0, p.Slots), FirstSlot: p.FirstSlot, LastSlot: p.LastSlot, MasterSlots: p.MasterSlots,
		PINMin: p.PINMin, PINMax: p.PINMax, SameLength: p.SameLength, DoorSensor: p.DoorSensor, Sleepy: true,
		AutoRelock: p.Relock != "" && !p.NoSettings, Sound: p.Sound != 0 && !p.NoSettings, RFID: p.RFID, Fingerprint: p.Fingerprint,
		ReportsReset: p.ReportsReset, RemoteResets: p.Resets, SelfMovesOnly: p.Silent, VolatilePINs: p.VolatilePINs, ProgrammingShift: p.ShiftUser,
	}
	if t.Slots > 0 && t.LastSlot == 0 {
		t.LastSlot = lastSlot(t.Slots)
	}
	if t.PINMin == 0 {
		t.PINMin = 4
	}
	if t.PINMax == 0 {
		t.PINMax = 8
	}
	switch p.GetPIN {
	case "yes":
		t.ReadBack = bridge.ReadBackFull
	case "no":
		t.ReadBack = bridge.ReadBackNone
	}
	switch p.Battery {
	case batteryHalf:
		t.BatteryUnit = "half percent"
	case batteryPercent, batteryAssa:
		t.BatteryUnit = "percent"
	case batteryVolt:
		t.BatteryUnit = "volt"
	default:
		t.BatteryUnit = "unknown"
	}
	return t
}

// lastSlot is the highest slot of a lock with that many. User ids count from 0 (NumberOfPINUsersSupported, ZCL section 7.3.2.11.3), so that it is one less than
// the number, masters' slots included. Some Yale locks may have one more; offering a slot that may not exist is worse than leaving one unused.
func lastSlot(slots int) bridge.Slot { return bridge.Slot(slots - 1) }
