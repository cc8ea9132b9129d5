package bridge

import "time"

// ResetStage is where a factory-reset workflow stands. Each stage is durable before its side effect.
type ResetStage string

// Stages, in order. Cancelled is possible before StageErasing only; Stuck is a stage that waits for a person's retry.
const (
	ResetPlanned    ResetStage = "plan"
	ResetConfirmed  ResetStage = "confirmed"
	ResetGuarded    ResetStage = "guarded"
	ResetErasing    ResetStage = "erasing"
	ResetWaiting    ResetStage = "waiting for signs"
	ResetRejoining  ResetStage = "rejoining"
	ResetSecuring   ResetStage = "securing"
	ResetRestoring  ResetStage = "restoring"
	ResetTesting    ResetStage = "testing"
	ResetDone       ResetStage = "done"
	ResetCancelled  ResetStage = "cancelled"
	ResetStuck      ResetStage = "stuck"
	ResetNotStarted ResetStage = "" // no workflow
)

// ResetPlanLifetime is how long a plan can be confirmed.
const ResetPlanLifetime = 10 * time.Minute

// ResetLine is one line of advice, with where it is from and how far it can be trusted: high, medium or low.
type ResetLine struct {
	Text       string `json:"text"`
	Source     string `json:"source"`
	Confidence string `json:"confidence"`
}

// ResetPlan says what a reset of one lock would need, cost and bring back. Making it changes nothing.
type ResetPlan struct {
	Lock         LockID      `json:"lock"`
	Name         string      `json:"name"` // what a terminal asks to be typed
	Manufacturer string      `json:"manufacturer"`
	Model        string      `json:"model"`
	Family       string      `json:"family"`
	Way          ResetWay    `json:"way"`
	Ways         []ResetWay  `json:"ways"` // all that this lock is known to have, best first
	Hash         string      `json:"hash"` // of the facts: it changes when they do, and is what ConfirmReset wants
	Made         time.Time   `json:"made"`
	Expires      time.Time   `json:"expires"`
	Known        bool        `json:"known"`   // false: the procedure was not found; Steps say where to look
	Erases       []ResetLine `json:"erases"`  // what this way erases on the lock
	AtHand       []ResetLine `json:"at_hand"` // tool, sticker, screwdriver, batteries, an open door
	Button       []ResetLine `json:"button"`  // where it is, in words
	Steps        []ResetStep `json:"steps"`   // what hands do, in order; empty for remote ways
	Expect       []ResetLine `json:"expect"`  // lamps and beeps
	Default      DefaultCode `json:"default"`
	Losses       []string    `json:"losses"`   // gone for good
	Returns      []string    `json:"returns"`  // comes back
	Hands        []string    `json:"hands"`    // must be done by a person
	Blockers     []string    `json:"blockers"` // what the guard would refuse now; a plan can be confirmed nevertheless
	Battery      *float64    `json:"battery,omitempty"`
	MinBattery   float64     `json:"min_battery"`
}

// DefaultCode is the code with which the lock opens after a reset. It is advice to the person at the door: it is never written to logs or events.
type DefaultCode struct {
	Kind       string `json:"kind"` // none, fixed, sticker, unknown
	Text       string `json:"text"` // for the person
	Source     string `json:"source"`
	Confidence string `json:"confidence"`
	Slots      []Slot `json:"slots,omitempty"` // where default users stand, if known
	Provable   bool   `json:"provable"`        // reading those slots can show that they are gone
}

// ResetStep is one thing for a person to do.
type ResetStep struct {
	ID         string   `json:"id"` // what AckReset wants
	Text       string   `json:"text"`
	Seconds    int      `json:"seconds,omitempty"` // to hold or to wait, for a countdown
	Expect     string   `json:"expect,omitempty"`  // what to see or hear
	Answers    []string `json:"answers,omitempty"` // the values of "answer" that AckReset takes for this step; empty: "done"
	Source     string   `json:"source,omitempty"`
	Confidence string   `json:"confidence,omitempty"`
}

// ResetSign is something that was seen or heard of the lock.
type ResetSign struct {
	Sign string    `json:"sign"` // alarm, left, silent, announced, joined, slots empty, slots kept, battery, programmed, …
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// ResetStatus is a workflow as front-ends show it.
type ResetStatus struct {
	Lock      LockID       `json:"lock"`
	Name      string       `json:"name"`
	Stage     ResetStage   `json:"stage"`
	StuckAt   ResetStage   `json:"stuck_at,omitempty"` // with ResetStuck: the stage that a retry goes to
	Since     time.Time    `json:"since"`              // of this stage
	Started   time.Time    `json:"started"`
	Way       ResetWay     `json:"way"`
	Plan      *ResetPlan   `json:"plan,omitempty"`
	Step      *ResetStep   `json:"step,omitempty"`       // what the person should do now; nil: nothing, wait
	StepNo    int          `json:"step_no,omitempty"`    // 1-based, of Steps
	Steps     int          `json:"steps,omitempty"`      // how many there are
	Countdown time.Time    `json:"countdown,omitzero"`   // until when to hold or wait
	Awaiting  []string     `json:"awaiting,omitempty"`   // what is looked for
	Deadline  time.Time    `json:"deadline,omitzero"`    // of that wait
	Seen      []ResetSign  `json:"seen,omitempty"`       // so far
	Why       string       `json:"why,omitempty"`        // what is wrong
	Next      string       `json:"next,omitempty"`       // what to do now, as a sentence
	Dangerous bool         `json:"dangerous,omitempty"`  // the door may open to a default code, or to none
	Unasked   bool         `json:"unasked,omitempty"`    // nobody asked for this reset here
	Pending   int          `json:"pending,omitempty"`    // codes still to be restored
	Restored  int          `json:"restored,omitempty"`   // codes restored so far
	CanCancel bool         `json:"can_cancel,omitempty"` // before erasing
	Report    *ResetReport `json:"report,omitempty"`     // when done
}

// ResetReport is the last page.
type ResetReport struct {
	Erased       []string      `json:"erased"`
	Restored     []string      `json:"restored"`
	Verified     []string      `json:"verified"`
	Unverifiable []string      `json:"unverifiable"`
	Failed       []string      `json:"failed,omitempty"`
	Took         time.Duration `json:"took"`
	Offers       []string      `json:"offers"` // backup, card
}
