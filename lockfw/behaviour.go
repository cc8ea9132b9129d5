package lockfw

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Behaviour is how a lock acts and fails. A family sets it; a test changes it at any time. Durations are of emulated time.
type Behaviour struct {
	// Radio.
	LongPoll            time.Duration // between data polls when nothing happens
	ShortPoll           time.Duration // between data polls after traffic
	StayAwake           time.Duration // fast polling after traffic
	JoinAwake           time.Duration // fast polling after a join, for the interview
	BehindRouter        bool          // joins through a router, which buffers for it
	SlowAnswers         time.Duration // before each answer to a ZDO or ZCL request
	Deaf                bool          // fetches frames, acknowledges them, and does nothing
	DuplicateFrames     bool          // each frame is sent twice, 50 ms apart
	LeaveAfterInterview bool          // joins, answers, leaves again
	FirstPressLeaves    bool          // the first press of the join button leaves, the second joins
	NeedsInstallCode    bool          // joins only a network that knows its install code
	Router              bool          // mains powered, hears at once, routes for others
	LiesMains           bool          // node descriptor claims mains and receiver always on
	LiesNoPower         bool          // simple descriptor omits Power Configuration
	FastPollCheckIn     bool          // sends Poll Control check-ins

	// Reporting.
	RejectReporting bool          // configure reporting on 0x0101 answers UNREPORTABLE_ATTRIBUTE
	MuteReporting   bool          // accepts reporting on 0x0101 and never reports
	ForceMax        time.Duration // caps the maximum interval of LockState reports

	// Bolt.
	BoltTime       time.Duration // from start to end of a throw
	Transit        bool          // reports LockState 0 while it moves
	ResponseAfter  time.Duration // before the response to lock and unlock
	RespondAtEnd   bool          // the response waits for the end of the movement
	JamAnswers     bool          // a jam answers FAILURE; otherwise the response says success
	NoRemoteLock   bool          // no lock command (unlock only)
	NoRemote       bool          // read-only by radio
	InvertRelock   bool          // auto-relock and UnlockWithTimeout write LockState inverted
	DeadMotor      bool          // the motor does not turn
	DeadKeypad     bool          // the keypad does not answer
	CriticalBelow  int           // percent under which the motor refuses
	RFNeedsPIN     bool          // RequirePINforRFOperation starts true
	DeadMotorReset bool          // the motor fails after the next factory reset
	DeadPadReset   bool          // the keypad fails after the next factory reset

	// Codes.
	NoRFCodes      bool          // codes can be made at the keypad only
	SetPINLies     bool          // status 0, nothing stored
	SetPINDelay    time.Duration // before the SetPIN response
	SetPINFails    int           // status that SetPIN and ClearPIN answer instead of working; 0 works
	SetPINEmpty    bool          // the SetPIN response carries no status
	ClearPINLies   bool          // ClearPIN and ClearAll answer success and erase nothing
	ClearKeepsBusy bool          // ClearPIN empties the code but leaves status 1
	GetPIN         string        // yes, no (UNSUP_CLUSTER_COMMAND), hidden (status right, code blank), or nonsense: short, overlong, slot, status, letters
	Duplicates     string        // allow, reject (status 3)
	SameCodeIsDup  bool          // rewriting a slot with its own code answers 3
	SameLength     bool          // all codes must share one length
	AlwaysAdded    bool          // the programming event says "added" (2) where it should say "changed" (4)
	PINInEvents    bool          // events carry PIN and Data in clear
	ShiftUser      bool          // programming events put the user id in the high byte
	InnerLength    bool          // a length byte stands inside the PIN string of commands 01 and 03, and the timeout is u32

	// Events.
	Events       string        // zcl, cut, ymc, alarms, onesti, easyaccess, wyze, javis, aqara, xiaomi, none
	EventFirst   bool          // the operation event precedes the LockState report
	EventGap     time.Duration // between the two
	NoWrongEvent bool          // no event for a wrong code
	NoRFUser     bool          // RF events carry user FFFF and time FFFFFFFF
	BCDPIN       bool          // Onesti 0x0101 in BCD, not ASCII
	NoEvents     bool          // none at all

	// Battery.
	Battery        string // half (0–200), percent (0–100), voltage (0x0020 only), vendor (0xFC00/0x0015)
	BootBattery    int    // raw value told in the first report after a boot; 0 none, 256 means a raw 0
	LowBatteryBits bool   // sets BatteryAlarmState and sends the alarm when low

	// Reset.
	ResetAlarm     bool   // alarm 1 before it leaves
	ResetLeaves    bool   // leaves the network
	ResetSilent    bool   // leaves without a Leave command: it is simply gone
	ResetHalf      bool   // stops half way: codes gone, network and settings kept, indicator shows failure
	ResetLies      bool   // beeps as if done, erases nothing
	BasicReset     string // Basic ResetToFactoryDefaults: attributes (the standard's), codes (users' codes too), full (as the button), lies (nothing), no (refused)
	RejoinByItself bool   // joins again by itself after a reset when a network is open
	LocalResetOff  bool   // Basic 0x0014 bit 0 set: the button does nothing
}

// ErrBehaviour tells that a switch has no such name or cannot take that value.
var ErrBehaviour = errors.New("lockfw: no such switch or value")

// Set changes one switch by name, from text: "SetPINLies" "true", "LongPoll" "2s", "GetPIN" "no".
func (b *Behaviour) Set(name, value string) error {
	f := reflect.ValueOf(b).Elem().FieldByNameFunc(func(s string) bool { return strings.EqualFold(s, name) })
	if !f.IsValid() {
		return fmt.Errorf("%w: %q is none of %s", ErrBehaviour, name, strings.Join(Switches(), ", "))
	}
	var err error
	switch f.Interface().(type) {
	case bool:
		var v bool
		if v, err = strconv.ParseBool(value); err == nil {
			f.SetBool(v)
		}
	case time.Duration:
		var v time.Duration
		if v, err = time.ParseDuration(value); err == nil {
			f.SetInt(int64(v))
		}
	case int:
		var v int
		if v, err = strconv.Atoi(value); err == nil {
			f.SetInt(int64(v))
		}
	case string:
		f.SetString(value)
	}
	if err != nil {
		return fmt.Errorf("%w: %s cannot be %q", ErrBehaviour, name, value)
	}
	return nil
}

// Map gives every switch as text, as Set takes it.
func (b *Behaviour) Map() map[string]string {
	v := reflect.ValueOf(b).Elem()
	m := make(map[string]string, v.NumField())
	for i := range v.NumField() {
		m[v.Type().Field(i).Name] = fmt.Sprint(v.Field(i).Interface())
	}
	return m
}

// Switches lists the names that Set knows.
func Switches() []string {
	t := reflect.TypeFor[Behaviour]()
	var s []string
	for i := range t.NumField() {
		s = append(s, t.Field(i).Name)
	}
	slices.Sort(s)
	return s
}

func baseBehaviour() Behaviour {
	return Behaviour{
		LongPoll: 5 * time.Second, ShortPoll: 500 * time.Millisecond, StayAwake: 3 * time.Second, JoinAwake: time.Minute,
		BoltTime: 1200 * time.Millisecond, JamAnswers: true, CriticalBelow: 3,
		GetPIN: "yes", Duplicates: "reject", Events: "zcl", EventFirst: true, EventGap: 150 * time.Millisecond,
		Battery: "half", LowBatteryBits: true,
		ResetAlarm: true, ResetLeaves: true, BasicReset: "attributes",
	}
}
