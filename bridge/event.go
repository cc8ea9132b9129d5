package bridge

import "time"

// Event is a fact in the journal. It never holds a PIN.
type Event struct {
	Seq   uint64 // from 1, without gaps, over restarts; zero before the bridge has taken it in
	At    time.Time
	Lock  LockID // empty: concerns no single lock
	Cause Cause
	Body  Body
}

// Cause is who or what brought an event about, as far as is known.
type Cause struct {
	Source Source `json:"source,omitempty"`
	Slot   *Slot  `json:"slot,omitempty"`  // the lock's user id, nil: none given
	User   UserID `json:"user,omitempty"`  // filled in by the bridge
	Name   string `json:"name,omitempty"`  // the user's name at that time, filled in by the bridge
	Actor  string `json:"actor,omitempty"` // which controller, token or terminal asked, for remote causes
}

// Source is the way in which something came about.
type Source string

// Sources.
const (
	SourceUnknown     Source = ""
	SourceKeypad      Source = "keypad"
	SourceManual      Source = "manual" // thumb turn
	SourceKey         Source = "key"
	SourceOneTouch    Source = "one-touch"
	SourceAuto        Source = "auto" // the lock's own relock timer
	SourceSchedule    Source = "schedule"
	SourceRFID        Source = "rfid"
	SourceFingerprint Source = "fingerprint"
	SourceRemote      Source = "remote" // by radio or Bluetooth, not asked by us
	SourceHomeKit     Source = "homekit"
	SourceMatter      Source = "matter"
	SourceAPI         Source = "api" // HTTP API, page and command line
	SourceBridge      Source = "bridge"
)

// Body is what happened. The set of bodies is sealed: front-ends switch over it. Kind is its stable name in JSON.
type Body interface {
	Kind() string
	body()
}

type (
	// BoltMoved: the lock reported another position than before. The only body that moves a shown bolt, together with BoltRead.
	BoltMoved struct {
		From Bolt `json:"from"`
		To   Bolt `json:"to"`
	}
	// BoltRead: the lock reported its position without a movement: at start, after silence, or when asked. With a cause, it tells late who made the last movement.
	BoltRead struct {
		Bolt Bolt `json:"bolt"`
	}
	// DoorMoved: the door sensor's report.
	DoorMoved struct {
		From Door `json:"from"`
		To   Door `json:"to"`
	}
	// BatteryRead: Percent is 0–100.
	BatteryRead struct {
		Percent float64 `json:"percent"`
		Low     bool    `json:"low"`
	}
	// Alarmed: the lock raised an alarm.
	Alarmed struct {
		Alarm Alarm `json:"alarm"`
		Code  uint8 `json:"code"` // raw, as sent
	}
	// EntryRefused: somebody tried and the lock stayed as it was.
	EntryRefused struct {
		Action ActionKind `json:"action"`
		Why    string     `json:"why"` // "wrong code", "outside its schedule", "disabled"
	}
	// LockProgrammed: the lock's codes were changed, by keypad or radio. Ours is true when it follows our own write.
	LockProgrammed struct {
		Change Programmed `json:"change"`
		Slot   *Slot      `json:"slot,omitempty"`
		Ours   bool       `json:"ours,omitempty"`
	}
	// Reached: the lock was heard again, or is taken for gone.
	Reached struct {
		Reachable bool  `json:"reachable"`
		LQI       uint8 `json:"lqi,omitempty"`
	}
	// Heard: sign of life with link quality; not kept in the durable journal.
	Heard struct {
		LQI uint8 `json:"lqi"`
	}
	// LockJoined: a lock came (back) to the network. Known tells that it had been here before.
	LockJoined struct {
		Known bool `json:"known"`
	}
	// LockReady: the interview is complete, or learnt something new.
	LockReady struct {
		Info Info `json:"info"`
	}
	// LockLeft: the lock left the network by itself or was told to.
	LockLeft struct{}
	// InterviewFailed: with a sentence.
	InterviewFailed struct {
		Why string `json:"why"`
	}
	// StrangerRefused: something that is not a lock, or not the awaited lock, joined and was sent away.
	StrangerRefused struct {
		Address string `json:"address"`
		Why     string `json:"why"`
	}
	// DongleMoved: the coordinator came or went.
	DongleMoved struct {
		Up       bool   `json:"up"`
		Fault    string `json:"fault,omitempty"` // what is wrong and what to do
		Product  string `json:"product,omitempty"`
		Port     string `json:"port,omitempty"`
		Revision uint32 `json:"revision,omitempty"`
		Channel  uint8  `json:"channel,omitempty"`
		PAN      uint16 `json:"pan,omitempty"`
		Address  string `json:"address,omitempty"`
	}
	// PermitJoinMoved: the network opened or closed.
	PermitJoinMoved struct {
		Remaining time.Duration `json:"remaining"`
	}

	// CommandFinished: a command of a person ended, well or not.
	CommandFinished struct {
		Command   string                  `json:"command"` // lock, unlock, set-code, clear-code, reset
		Result    Result                  `json:"result"`
		Stage     Stage                   `json:"stage"` // how far it came
		Why       string                  `json:"why,omitempty"`
		Durations map[Stage]time.Duration `json:"durations,omitempty"` // from the request to each stage reached
		Retries   int                     `json:"retries,omitempty"`
	}
	// CodeMoved: the state of a code on a lock changed.
	CodeMoved struct {
		Slot   Slot      `json:"slot"`
		State  CodeState `json:"state"` // empty: removed, and seen to be gone
		Reason string    `json:"reason,omitempty"`
	}
	// UserChanged: Change is added, changed, removed, adopted, expired, used up, or recovered from a record that cannot be read.
	UserChanged struct {
		User   UserID `json:"user"`
		Name   string `json:"name"`
		Change string `json:"change"`
	}
	// ResetMoved: the factory-reset workflow reached a stage.
	ResetMoved struct {
		Stage string `json:"stage"`
		Why   string `json:"why,omitempty"`
		Next  string `json:"next,omitempty"` // what the person should do now
	}
	// ResetNoticed: signs of a reset that nobody asked for here.
	ResetNoticed struct {
		Signs []string `json:"signs"`
	}
	// LockRenamed, LockForgotten: by a person.
	LockRenamed struct {
		Name string `json:"name"`
	}
	// LockForgotten: the lock is no longer of this home. Its id is kept, so that nothing of it is reused.
	LockForgotten struct{}
	// SettingsMoved: settings of the lock's own were written by a person or for the configuration, and read back. Why says what did not become as asked.
	SettingsMoved struct {
		Settings Settings `json:"settings"`
		Why      string   `json:"why,omitempty"`
	}
	// PairingChanged: a front-end gained or lost a controller.
	PairingChanged struct {
		Face   string `json:"face"` // homekit, matter
		Change string `json:"change"`
		Count  int    `json:"count"`
	}
	// Lagged is given to a reader that fell behind; it resumes at Next after a fresh Snapshot. In the store it stands for
	// entries that were lost because the disk took nothing for long.
	Lagged struct {
		Missed uint64 `json:"missed"`
	}
)

// Alarm is a lock's alarm by meaning.
type Alarm string

// Alarms (ZCL 7.3.2.2.11 and makers' own).
const (
	AlarmJam            Alarm = "jam"
	AlarmFactoryReset   Alarm = "factory reset"
	AlarmPowerCycled    Alarm = "rf cycled"
	AlarmWrongCodeLimit Alarm = "wrong code limit"
	AlarmTamper         Alarm = "tamper"
	AlarmForced         Alarm = "forced"
	AlarmBattery        Alarm = "battery"
	AlarmOther          Alarm = "other"
)

// Programmed is a change of a lock's codes (programming event, ZCL 7.3.2.18.2).
type Programmed string

// Changes.
const (
	ProgMasterChanged Programmed = "master changed"
	ProgPINAdded      Programmed = "code added"
	ProgPINDeleted    Programmed = "code deleted"
	ProgPINChanged    Programmed = "code changed"
	ProgAllDeleted    Programmed = "all codes deleted"
	ProgRFIDAdded     Programmed = "rfid added"
	ProgRFIDDeleted   Programmed = "rfid deleted"
	ProgOther         Programmed = "other"
)

// Result is how a command ended.
type Result string

// Results, the label values of latchkey_commands_total.
const (
	ResultOK          Result = "ok"
	ResultAsleep      Result = "asleep"
	ResultUnreachable Result = "unreachable"
	ResultRejected    Result = "rejected"
	ResultJammed      Result = "jammed"
	ResultNotSeen     Result = "not_seen"
	ResultSuperseded  Result = "superseded"
	ResultDown        Result = "dongle_down"
	ResultUnsupported Result = "unsupported"
	ResultCancelled   Result = "cancelled"
	ResultError       Result = "error"
)

func (BoltMoved) Kind() string       { return "bolt_moved" }
func (BoltRead) Kind() string        { return "bolt_read" }
func (DoorMoved) Kind() string       { return "door_moved" }
func (BatteryRead) Kind() string     { return "battery_read" }
func (Alarmed) Kind() string         { return "alarmed" }
func (EntryRefused) Kind() string    { return "entry_refused" }
func (LockProgrammed) Kind() string  { return "lock_programmed" }
func (Reached) Kind() string         { return "reached" }
func (Heard) Kind() string           { return "heard" }
func (LockJoined) Kind() string      { return "lock_joined" }
func (LockReady) Kind() string       { return "lock_ready" }
func (LockLeft) Kind() string        { return "lock_left" }
func (InterviewFailed) Kind() string { return "interview_failed" }
func (StrangerRefused) Kind() string { return "stranger_refused" }
func (DongleMoved) Kind() string     { return "dongle_moved" }
func (PermitJoinMoved) Kind() string { return "permit_join_moved" }
func (CommandFinished) Kind() string { return "command_finished" }
func (CodeMoved) Kind() string       { return "code_moved" }
func (UserChanged) Kind() string     { return "user_changed" }
func (ResetMoved) Kind() string      { return "reset_moved" }
func (ResetNoticed) Kind() string    { return "reset_noticed" }
func (LockRenamed) Kind() string     { return "lock_renamed" }
func (LockForgotten) Kind() string   { return "lock_forgotten" }
func (SettingsMoved) Kind() string   { return "settings_moved" }
func (PairingChanged) Kind() string  { return "pairing_changed" }
func (Lagged) Kind() string          { return "lagged" }

func (BoltMoved) body()       {}
func (BoltRead) body()        {}
func (DoorMoved) body()       {}
func (BatteryRead) body()     {}
func (Alarmed) body()         {}
func (EntryRefused) body()    {}
func (LockProgrammed) body()  {}
func (Reached) body()         {}
func (Heard) body()           {}
func (LockJoined) body()      {}
func (LockReady) body()       {}
func (LockLeft) body()        {}
func (InterviewFailed) body() {}
func (StrangerRefused) body() {}
func (DongleMoved) body()     {}
func (PermitJoinMoved) body() {}
func (CommandFinished) body() {}
func (CodeMoved) body()       {}
func (UserChanged) body()     {}
func (ResetMoved) body()      {}
func (ResetNoticed) body()    {}
func (LockRenamed) body()     {}
func (LockForgotten) body()   {}
func (SettingsMoved) body()   {}
func (PairingChanged) body()  {}
func (Lagged) body()          {}
