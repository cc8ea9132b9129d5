package bridge

import (
	"context"
	"time"
)

// LockID is the lock's IEEE address in the form 00:0d:6f:00:0a:90:69:e7. It never changes and is never reused for another lock.
type LockID string

// Slot is the number under which a lock keeps a code (User ID, ZCL 7.3.2.14).
type Slot uint16

// Bolt is the position that the lock itself reported.
type Bolt uint8

// Bolt positions (LockState, ZCL 7.3.2.2.1). Moving and Jammed are Partial with the driver's reading of why.
const (
	BoltUnknown Bolt = iota
	Locked
	Unlocked
	Partial // not fully locked: in transit, or neither
	Jammed
)

func (b Bolt) String() string {
	return [...]string{"unknown", "locked", "unlocked", "partial", "jammed"}[min(int(b), 4)]
}

// Door is the door's own position, where a lock reports it (DoorState, ZCL 7.3.2.2.4).
type Door uint8

// Door positions.
const (
	DoorUnknown Door = iota
	DoorClosed
	DoorOpen
	DoorJammed
	DoorForced
	DoorError
)

func (d Door) String() string {
	return [...]string{"unknown", "closed", "open", "jammed", "forced open", "error"}[min(int(d), 5)]
}

// Info is what is known of a lock from its interview and its family's profile.
type Info struct {
	ID           LockID `json:"id,omitempty"`
	Manufacturer string `json:"manufacturer,omitempty"`
	Model        string `json:"model,omitempty"`        // the model identifier, as the lock gives it
	Family       string `json:"family,omitempty"`       // the profile's name: yale_assure, kwikset, …, generic
	FamilyTitle  string `json:"family_title,omitempty"` // for people: "Yale Assure"
	Firmware     string `json:"firmware,omitempty"`
	Ready        bool   `json:"ready,omitempty"` // the interview is complete
	Traits       Traits `json:"traits,omitzero"`
}

// RemoteControl says what the radio can do to the bolt.
type RemoteControl uint8

// Ways of remote control.
const (
	RemoteFull       RemoteControl = iota // lock and unlock
	RemoteUnlockOnly                      // no lock command
	RemoteNone                            // read-only
)

// ReadBack says whether a slot's content can be read.
type ReadBack uint8

// Kinds of read-back.
const (
	ReadBackUnknown ReadBack = iota // not probed yet
	ReadBackFull                    // digits come back
	ReadBackStatus                  // occupied or empty, digits hidden (SendPINOverTheAir = 0)
	ReadBackNone
)

// Traits are the abilities and limits of one lock.
type Traits struct {
	Remote           RemoteControl `json:"remote,omitempty"`
	Slots            int           `json:"slots,omitempty"`        // how many codes it holds; zero: it cannot hold codes that are set by radio
	FirstSlot        Slot          `json:"first_slot,omitempty"`   // first slot for people's codes
	LastSlot         Slot          `json:"last_slot,omitempty"`    // last one
	MasterSlots      []Slot        `json:"master_slots,omitempty"` // never touched
	PINMin           int           `json:"pin_min,omitempty"`
	PINMax           int           `json:"pin_max,omitempty"`     // digits
	SameLength       bool          `json:"same_length,omitempty"` // all codes must have one length
	ReadBack         ReadBack      `json:"read_back,omitempty"`
	WeekDays         int           `json:"week_days,omitempty"`      // week-day schedules a user; zero: the lock has none
	YearDays         int           `json:"year_days,omitempty"`      // year-day schedules a user
	Clock            LockClock     `json:"clock,omitzero"`           // what its schedules go by
	PINForRemote     bool          `json:"pin_for_remote,omitempty"` // RequirePINforRFOperation is on
	DoorSensor       bool          `json:"door_sensor,omitempty"`
	Sleepy           bool          `json:"sleepy,omitempty"`
	AutoRelock       bool          `json:"auto_relock,omitempty"` // AutoRelockTime can be set
	Sound            bool          `json:"sound,omitempty"`       // SoundVolume can be set
	RFID             bool          `json:"rfid,omitempty"`        // it may hold RFID tags, which are lost in a reset
	Fingerprint      bool          `json:"fingerprint,omitempty"`
	ReportsReset     bool          `json:"reports_reset,omitempty"`     // sends the alarm "reset to factory defaults"
	RemoteResets     []ResetWay    `json:"remote_resets,omitempty"`     // what the profile or a probe says the radio can do
	SelfMovesOnly    bool          `json:"self_moves_only,omitempty"`   // bolt state is not reported: shown unknown until read
	BatteryUnit      string        `json:"battery_unit,omitempty"`      // "half percent", "percent", "volt", "unknown"
	VolatilePINs     bool          `json:"volatile_pins,omitempty"`     // codes are ephemeral on the lock (easyiot)
	ProgrammingShift bool          `json:"programming_shift,omitempty"` // user ids of programming events come shifted by 8 bits
}

// LockClock is what is known of a lock's own clock. Schedules on a lock are in the time that it shows.
type LockClock struct {
	Set     bool `json:"set,omitempty"`     // it has asked for the time
	Offset  int  `json:"offset,omitempty"`  // seconds east of UTC that it was last set by
	Follows bool `json:"follows,omitempty"` // it knows when summer time begins and ends
}

// Shows tells whether the lock shows the time of a place that is so many seconds east of UTC.
func (c LockClock) Shows(offset int) bool { return c.Set && (c.Follows || c.Offset == offset) }

// Capacity is how many codes of people the lock holds: its slots without those that are not for people.
func (t Traits) Capacity() int {
	first, last := t.firstLast()
	if t.Slots <= 0 || last < first {
		return max(t.Slots, 0)
	}
	n := int(last) - int(first) + 1
	for _, m := range t.MasterSlots {
		if m >= first && m <= last {
			n--
		}
	}
	return min(n, t.Slots)
}

// ResetWay is one of the things that people call a remote reset.
type ResetWay string

// Ways of resetting.
const (
	ResetClearCodes ResetWay = "clear-codes" // ClearAllPINCodes: codes only (ZCL 7.3.2.17.9)
	ResetBasic      ResetWay = "basic"       // Basic ResetToFactoryDefaults (ZCL 3.2.2.3.1): by the specification attributes only; some makers wipe codes
	ResetLeave      ResetWay = "leave"       // leaves the network; assume that the codes stay
	ResetHands      ResetWay = "hands"       // a person at the door, guided
)

// ActionKind is what is asked of the bolt.
type ActionKind uint8

// Actions. There is no toggle: a person asks for a state.
const (
	ActLock ActionKind = iota + 1
	ActUnlock
)

func (k ActionKind) String() string {
	switch k {
	case ActLock:
		return "lock"
	case ActUnlock:
		return "unlock"
	}
	return "unknown"
}

// Wants is the bolt position that the action asks for.
func (k ActionKind) Wants() Bolt {
	if k == ActLock {
		return Locked
	}
	return Unlocked
}

// Stage is how far a command has come.
type Stage uint8

// Stages, in order. Only Moved is the bolt's own word.
const (
	StageNone      Stage = iota
	StageQueued          // in the lock's mailbox
	StageSent            // handed to the radio
	StageWritten         // its bytes are on the dongle's line
	StageDelivered       // the lock's radio acknowledged it
	StageAccepted        // the lock answered yes
	StageMoved           // the lock reported the bolt where it was asked to be
)

func (s Stage) String() string {
	return [...]string{"none", "queued", "sent", "written", "delivered", "accepted", "moved"}[min(int(s), 6)]
}

// Action is one request to move the bolt. It lives as long as the context it is given with, and no longer.
type Action struct {
	Kind     ActionKind
	PIN      PIN         // for locks that want one; zero otherwise
	Cause    Cause       // who asked, and from where
	Asked    time.Time   // when; zero means now. The Bridge sets it
	Progress func(Stage) // called once for each stage reached, from any goroutine; must not block; may be nil
}

// CredentialState is what reading a slot showed.
type CredentialState uint8

// States of a slot.
const (
	SlotUnknown    CredentialState = iota // not read
	SlotEmpty                             // nothing there
	SlotUnreadable                        // something is there, the digits are hidden
	SlotKnown                             // the digits came back
)

func (s CredentialState) String() string {
	return [...]string{"unknown", "empty", "unreadable", "known"}[min(int(s), 3)]
}

// Credential is the content of a slot.
type Credential struct {
	State    CredentialState
	PIN      PIN  // with SlotKnown
	Disabled bool // occupied, but does not open (UserStatus 3)
	Type     uint8
}

// Settings are the lock's own settings that a reset erases and a restore brings back; nil means not known or not supported.
type Settings struct {
	AutoRelock     *time.Duration `json:"auto_relock,omitempty"`  // zero: off (AutoRelockTime, ZCL 7.3.2.5.5)
	Sound          *uint8         `json:"sound,omitempty"`        // 0 silent to 2 high (SoundVolume)
	Language       *string        `json:"language,omitempty"`     // two letters (ISO 639-1)
	OperatingMode  *uint8         `json:"mode,omitempty"`         // 0 normal, 1 vacation, 2 privacy, 3 no RF, 4 passage
	OneTouch       *bool          `json:"one_touch,omitempty"`    // EnableOneTouchLocking
	WrongCodeLimit *uint8         `json:"wrong_limit,omitempty"`  // WrongCodeEntryLimit
	DisableSeconds *uint8         `json:"disable_secs,omitempty"` // UserCodeTemporaryDisableTime, seconds
	SendPIN        *bool          `json:"send_pin,omitempty"`     // SendPINOverTheAir
}

// Lock is one lock as a driver gives it. It is safe for concurrent use; every method blocks until answered or until ctx ends, and nothing of what it
// does happens after ctx has ended.
type Lock interface {
	ID() LockID
	Info() Info
	// Actuate returns nil when the lock accepted; the movement arrives as BoltMoved. It is never sent after ctx ended, after a later Actuate, or twice.
	Actuate(ctx context.Context, a Action) error
	// Refresh reads bolt, door and battery; what is read arrives as events.
	Refresh(ctx context.Context) error
	// WritePIN stores a code. Nil means that the lock said yes, which ReadSlot may disprove.
	WritePIN(ctx context.Context, s Slot, p PIN) error
	ClearPIN(ctx context.Context, s Slot) error
	ReadSlot(ctx context.Context, s Slot) (Credential, error)
	// WriteSchedule sets the lock's own schedule for a slot that holds a code (week-day and year-day, ZCL 7.3.2.17.12 and .15); ErrUnsupported if it has none
	// that fits. Nil means that the lock said yes, and that what it then shows of the schedule, if it shows any, is what was written; else ErrNotStored.
	WriteSchedule(ctx context.Context, s Slot, sch Schedule) error
	ClearSchedule(ctx context.Context, s Slot) error
	ReadSettings(ctx context.Context) (Settings, error)
	WriteSettings(ctx context.Context, s Settings) error
	// Reset starts one of the remote ways; ErrNeedsHands or ErrUnsupported where the lock has no such way. Nil means that the lock said yes, no more.
	Reset(ctx context.Context, way ResetWay) error
}

// Join is a request to open the network.
type Join struct {
	Window      time.Duration // how long, at most 254 s; zero closes the network
	Only        LockID        // let only this one in, where the dongle can; everything else that comes is sent away and reported
	InstallCode []byte        // registered for Device before it joins
	Device      LockID
}

// Driver brings locks. It does not know people.
type Driver interface {
	// Run works until ctx ends. emit is called from one goroutine, in order, with Seq zero; it does not block.
	Run(ctx context.Context, emit func(Event)) error
	Lock(id LockID) (Lock, error)
	Locks() []LockID
	Admit(ctx context.Context, j Join) error
	// Forget removes the lock from the network and from the driver's memory; force forgets it even if it cannot be told.
	Forget(ctx context.Context, id LockID, force bool) error
}
