package lockfw

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"
)

//go:embed families.json
var familiesJSON []byte

// Family is what locks of one make have in common.
type Family struct {
	Name         string            `json:"family"`
	Models       []string          `json:"models"`
	Manufacturer string            `json:"manufacturer"`
	MfrCode      hex16             `json:"mfr_code"`
	Endpoint     uint8             `json:"endpoint"`
	DeviceType   hex16             `json:"device_type"`
	In           []hex16           `json:"in"`
	Out          []hex16           `json:"out"`
	More         []uint8           `json:"more_endpoints"` // further endpoints, with Power Configuration alone
	Slots        int               `json:"slots"`
	First        int               `json:"first"` // first slot for a user
	Last         int               `json:"last"`  // last slot for a user; 0 = slots-1
	Masters      []int             `json:"masters"`
	PINMin       int               `json:"pin_min"`
	PINMax       int               `json:"pin_max"`
	RFID         int               `json:"rfid"`
	Schedules    bool              `json:"schedules"`
	Settings     bool              `json:"settings"` // relock, volume and language can be written
	DoorSensor   bool              `json:"door_sensor"`
	Defaults     Defaults          `json:"defaults"`
	Reset        ResetProcedure    `json:"reset"`
	Join         string            `json:"join"` // how a person starts joining, in words
	Switches     map[string]string `json:"behaviour"`
	PerModel     map[string]map[string]string
}

// Defaults says which codes a factory-new lock knows.
type Defaults struct {
	Kind  string         `json:"kind"` // none, master_first, fixed, sticker
	Codes map[int]string `json:"codes"`
	// Master is a programming code that is no user's slot.
	Master string `json:"master"`
	// Sticker locks have a random programming code of this length and two user codes, the same after each reset.
	StickerMaster int `json:"sticker_master"`
	StickerUser   int `json:"sticker_user"`
}

// ResetProcedure is what hands must do for a factory reset of this family. Assumed marks one that no source gives.
type ResetProcedure struct {
	PowerCycle bool     `json:"power_cycle"` // batteries out first, refitted while the button is held
	Hold       duration `json:"hold"`        // how long the button is held with power
	Presses    int      `json:"presses"`     // or how often it is pushed
	Confirm    string   `json:"confirm"`     // "", "press" (once more), "default code" (typed at the keypad)
	Assumed    bool     `json:"assumed"`
}

type hex16 uint16

func (h *hex16) UnmarshalJSON(b []byte) error {
	v, err := strconv.ParseUint(strings.Trim(string(b), `"`), 0, 16)
	*h = hex16(v)
	return err
}

type duration time.Duration

func (d *duration) UnmarshalJSON(b []byte) error {
	v, err := time.ParseDuration(strings.Trim(string(b), `"`))
	*d = duration(v)
	return err
}

var families = sync.OnceValue(func() []Family {
	var f []Family
	if err := json.Unmarshal(familiesJSON, &f); err != nil {
		panic("lockfw: families.json: " + err.Error())
	}
	return f
})

// Families lists all families, in the order of families.json.
func Families() []Family { return families() }

// ErrModel tells that no family has such a model.
var ErrModel = errors.New("lockfw: no such lock model")

// FamilyOf finds a family by one of its model ids, or by its own name for locks without a model id. A model that ends in " *" stands for any ending. "lamp"
// and "button" are nodes that are no locks, which Families does not list.
func FamilyOf(model string) (Family, error) {
	for _, f := range families() {
		if f.Name == model {
			return f, nil
		}
		for _, m := range f.Models {
			if m == model {
				return f, nil
			}
			if p, ok := strings.CutSuffix(m, "*"); ok && strings.HasPrefix(model, p) {
				return f, nil
			}
		}
	}
	for _, f := range others() {
		if f.Name == model {
			return f, nil
		}
	}
	return Family{}, fmt.Errorf("%w: %q", ErrModel, model)
}

// modelID is what the lock answers to Basic 0x0005.
func (f *Family) modelID(model string) string {
	if model != f.Name {
		return strings.TrimSuffix(model, " *")
	}
	return strings.TrimSuffix(f.Models[0], " *")
}

func (f *Family) behaviour(model string) (Behaviour, error) {
	b := baseBehaviour()
	for _, m := range []map[string]string{f.Switches, f.PerModel[model]} {
		for k, v := range m {
			if err := b.Set(k, v); err != nil {
				return b, fmt.Errorf("family %s: %w", f.Name, err)
			}
		}
	}
	return b, nil
}

func (f *Family) lastSlot() int {
	if f.Last > 0 {
		return f.Last
	}
	return f.Slots - 1
}

func (f *Family) isMaster(slot int) bool {
	for _, m := range f.Masters {
		if m == slot {
			return true
		}
	}
	return false
}
