package bridge

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

const doorID = LockID("00:0d:6f:00:0a:90:69:e7")

// fakeDoor is a door with a lock, as it stands in the world: it outlives the bridge. Its behaviour is that of a lock's firmware, in short.
type fakeDoor struct {
	mu       sync.Mutex
	info     Info
	slots    map[Slot]string
	defaults map[Slot]string // users that a reset brings back
	master   string
	settings Settings
	bolt     Bolt
	doorPos  Door
	battery  float64
	powered  bool
	joined   bool
	asleep   bool // answers nothing
	rfid     int

	need        time.Duration // the button's time
	alarm       bool          // a reset sends alarm 1
	leave       bool          // and leaves with a word
	stay        bool          // and stays in the network
	rejoins     bool          // joins by itself when the network opens
	clearLies   bool          // says yes to ClearPIN, and does nothing
	noRewrite   bool          // refuses a code that it holds already, in the same slot too
	claims      bool          // says yes to a remote reset, and does nothing
	partial     bool          // forgets only half
	wipes       bool          // Basic reset wipes codes
	mute        bool          // no events
	motorFails  bool
	still       bool // says yes, and reports no movement
	tellsMoves  bool // of its bolt only when it moves, as Wyze's
	keypadFails bool
	answer      time.Duration

	erased   int // how often
	asked    int // remote resets received
	unlocks  int
	emit     func(Event) // nil: no bridge is listening
	open     time.Time   // the network is open until
	only     LockID
	strayer  string // something else that joins when the network is open to all
	admitted []Join
	point    func(string) // crash point
}

func newFakeDoor(family string) *fakeDoor {
	t := Traits{
		Slots: 30, FirstSlot: 0, LastSlot: 29, PINMin: 4, PINMax: 8, ReadBack: ReadBackFull, AutoRelock: true, Sound: true, Sleepy: true, ReportsReset: true,
		RemoteResets: []ResetWay{ResetClearCodes, ResetBasic, ResetLeave},
	}
	p := procedureFor(family, "", "")
	relock, sound := 30*time.Second, uint8(2)
	d := &fakeDoor{
		info: Info{
			ID: doorID, Manufacturer: orElse(p.Maker, "ACME"), Model: "M1", Family: family, FamilyTitle: p.Title, Ready: true, Traits: t,
		},
		slots: map[Slot]string{}, defaults: map[Slot]string{}, master: "99887766", settings: Settings{AutoRelock: &relock, Sound: &sound},
		bolt: Locked, doorPos: DoorOpen, battery: 80, powered: true, joined: true, need: 15 * time.Second, alarm: true, leave: true, rejoins: true, wipes: true,
		answer: 200 * time.Millisecond, point: func(string) {},
	}
	for _, s := range p.Steps {
		d.need = max(d.need, time.Duration(s.Seconds)*time.Second)
	}
	if p.Default.Kind == "fixed" {
		d.defaults[0] = p.Default.Codes[0]
	}
	return d
}

// say sends an event, if the lock is in the network and somebody listens. The caller holds d.mu.
func (d *fakeDoor) say(c Cause, b Body) {
	if d.emit == nil {
		return
	}
	emit := d.emit
	emit(Event{Lock: doorID, Cause: c, Body: b})
}

// wipe is the reset itself. The caller holds d.mu.
func (d *fakeDoor) wipe() {
	d.erased++
	if d.partial {
		for _, s := range slices.Sorted(maps.Keys(d.slots))[:len(d.slots)/2] {
			delete(d.slots, s)
		}
		return
	}
	clear(d.slots)
	for s, c := range d.defaults {
		d.slots[s] = c
	}
	d.master, d.rfid = "", 0
	zero, low := time.Duration(0), uint8(1)
	d.settings = Settings{AutoRelock: &zero, Sound: &low}
	if d.alarm && !d.mute {
		d.say(Cause{}, Alarmed{Alarm: AlarmFactoryReset, Code: 1})
	}
	switch {
	case d.stay:
		return
	case d.leave && !d.mute:
		d.say(Cause{}, LockLeft{})
	}
	d.joined = false
	d.tryJoin()
}

// hold presses the reset button while the batteries go in.
func (d *fakeDoor) hold(t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if t >= d.need {
		d.wipe()
		return
	}
	if !d.mute {
		d.say(Cause{}, Alarmed{Alarm: AlarmPowerCycled, Code: 3})
	}
}

// tryJoin joins if the network is open for this lock. The caller holds d.mu.
func (d *fakeDoor) tryJoin() {
	if d.joined || !d.powered || d.emit == nil || !time.Now().Before(d.open) || d.only != "" && d.only != doorID {
		return
	}
	d.joined = true
	d.say(Cause{}, LockJoined{Known: true})
	emit := d.emit
	time.AfterFunc(2*time.Second, func() { emit(Event{Lock: doorID, Body: LockReady{Info: d.info}}) })
}

// press is the join button.
func (d *fakeDoor) press() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.tryJoin()
}

// enter types a code at the keypad.
func (d *fakeDoor) enter(code string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for s, c := range d.slots {
		if c == code && !d.keypadFails {
			d.bolt = Unlocked
			if !d.mute {
				d.say(Cause{Source: SourceKeypad, Slot: &s}, BoltMoved{To: Unlocked})
			}
			return true
		}
	}
	if !d.mute {
		d.say(Cause{Source: SourceKeypad}, EntryRefused{Action: ActUnlock, Why: "wrong code"})
	}
	return false
}

// makeMaster makes a master code at the keypad, and replaces default users that were known.
func (d *fakeDoor) makeMaster(code string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.master = code
	if !d.mute {
		d.say(Cause{Source: SourceKeypad}, LockProgrammed{Change: ProgMasterChanged})
	}
}

func (d *fakeDoor) setBattery(p float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.battery = p
	d.say(Cause{}, BatteryRead{Percent: p})
}

func (d *fakeDoor) codes() map[Slot]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return maps.Clone(d.slots)
}

func (d *fakeDoor) erasures() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.erased
}

// fakeDriver is the radio between the bridge and the door. There is a new one at each start.
type fakeDriver struct{ d *fakeDoor }

func (f fakeDriver) Run(ctx context.Context, emit func(Event)) error {
	// The door speaks under its own lock while the bridge may call it: a queue keeps the order and lets nobody wait.
	queue := make(chan Event, 1024)
	f.d.mu.Lock()
	f.d.emit = func(ev Event) {
		select {
		case queue <- ev:
		default:
			panic("the door says too much")
		}
	}
	f.d.mu.Unlock()
	defer func() {
		f.d.mu.Lock()
		f.d.emit = nil
		f.d.mu.Unlock()
	}()
	for {
		select {
		case <-ctx.Done():
			return nil
		case ev := <-queue:
			emit(ev)
		}
	}
}

func (f fakeDriver) Locks() []LockID { return []LockID{doorID} }

func (f fakeDriver) Lock(id LockID) (Lock, error) {
	if id != doorID {
		return nil, ErrNoSuchLock
	}
	return fakeLock(f), nil
}

func (f fakeDriver) Admit(_ context.Context, j Join) error {
	f.d.point("admit")
	f.d.mu.Lock()
	defer f.d.mu.Unlock()
	f.d.admitted = append(f.d.admitted, j)
	f.d.open, f.d.only = time.Now().Add(j.Window), j.Only
	if j.Window == 0 {
		return nil
	}
	if f.d.strayer != "" {
		f.d.emit(Event{Body: StrangerRefused{Address: f.d.strayer, Why: "another lock is awaited"}})
	}
	if f.d.rejoins {
		f.d.tryJoin()
	}
	return nil
}

func (f fakeDriver) Forget(context.Context, LockID, bool) error { return nil }

// fakeLock is the door as the driver gives it.
type fakeLock struct{ d *fakeDoor }

func (l fakeLock) ID() LockID { return doorID }

func (l fakeLock) Info() Info {
	l.d.mu.Lock()
	defer l.d.mu.Unlock()
	return l.d.info
}

// reach waits for the lock's answer. It returns with d.mu held when err is nil.
func (l fakeLock) reach(ctx context.Context) error {
	t := time.NewTimer(l.d.answer)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	}
	l.d.mu.Lock()
	if l.d.asleep || !l.d.joined || !l.d.powered {
		l.d.mu.Unlock()
		t := time.NewTimer(20 * time.Second)
		defer t.Stop()
		select {
		case <-ctx.Done():
		case <-t.C:
		}
		return fmt.Errorf("fake: %w", ErrUnreachable)
	}
	return nil
}

func (l fakeLock) Actuate(ctx context.Context, a Action) error {
	if err := l.reach(ctx); err != nil {
		return err
	}
	defer l.d.mu.Unlock()
	if a.Kind == ActUnlock {
		l.d.unlocks++
	}
	if l.d.motorFails {
		return ErrRejected
	}
	still := l.d.bolt == a.Kind.Wants() && l.d.tellsMoves
	l.d.bolt = a.Kind.Wants()
	if a.Progress != nil {
		a.Progress(StageAccepted)
	}
	if still || l.d.still {
		return nil
	}
	l.d.say(Cause{Source: SourceRemote}, BoltMoved{To: l.d.bolt})
	return nil
}

func (l fakeLock) Refresh(ctx context.Context) error {
	if err := l.reach(ctx); err != nil {
		return err
	}
	defer l.d.mu.Unlock()
	if !l.d.tellsMoves {
		l.d.say(Cause{}, BoltRead{Bolt: l.d.bolt})
	}
	l.d.say(Cause{}, BatteryRead{Percent: l.d.battery})
	if l.d.info.Traits.DoorSensor {
		l.d.say(Cause{}, DoorMoved{To: l.d.doorPos})
	}
	return nil
}

func (l fakeLock) WritePIN(ctx context.Context, s Slot, p PIN) error {
	l.d.point("before write")
	if err := l.reach(ctx); err != nil {
		return err
	}
	held := false
	p.Expose(func(b []byte) {
		if held = l.d.noRewrite && slices.Contains(slices.Collect(maps.Values(l.d.slots)), string(b)); !held {
			l.d.slots[s] = string(b)
		}
	})
	l.d.mu.Unlock()
	if held {
		return ErrDuplicate
	}
	l.d.point("after write")
	return nil
}

func (l fakeLock) ClearPIN(ctx context.Context, s Slot) error {
	l.d.point("before clear")
	if err := l.reach(ctx); err != nil {
		return err
	}
	if !l.d.clearLies {
		delete(l.d.slots, s)
	}
	l.d.mu.Unlock()
	l.d.point("after clear")
	return nil
}

func (l fakeLock) ReadSlot(ctx context.Context, s Slot) (Credential, error) {
	if err := l.reach(ctx); err != nil {
		return Credential{}, err
	}
	defer l.d.mu.Unlock()
	c, ok := l.d.slots[s]
	switch l.d.info.Traits.ReadBack {
	case ReadBackNone:
		return Credential{}, ErrUnsupported
	case ReadBackStatus:
		if ok {
			return Credential{State: SlotUnreadable}, nil
		}
	}
	if !ok {
		return Credential{State: SlotEmpty}, nil
	}
	p, err := NewPIN([]byte(c))
	return Credential{State: SlotKnown, PIN: p}, err
}

func (l fakeLock) WriteSchedule(context.Context, Slot, Schedule) error { return ErrUnsupported }
func (l fakeLock) ClearSchedule(context.Context, Slot) error           { return ErrUnsupported }

func (l fakeLock) ReadSettings(ctx context.Context) (Settings, error) {
	if err := l.reach(ctx); err != nil {
		return Settings{}, err
	}
	defer l.d.mu.Unlock()
	return l.d.settings, nil
}

func (l fakeLock) WriteSettings(ctx context.Context, s Settings) error {
	l.d.point("before settings")
	if err := l.reach(ctx); err != nil {
		return err
	}
	l.d.settings = s
	l.d.mu.Unlock()
	l.d.point("after settings")
	return nil
}

func (l fakeLock) Reset(ctx context.Context, way ResetWay) error {
	l.d.point("before erase")
	if err := l.reach(ctx); err != nil {
		return err
	}
	l.d.asked++
	switch {
	case l.d.claims:
	case way == ResetClearCodes:
		l.d.erased++
		if l.d.partial {
			for _, s := range slices.Sorted(maps.Keys(l.d.slots))[:len(l.d.slots)/2] {
				delete(l.d.slots, s)
			}
			break
		}
		clear(l.d.slots)
	case way == ResetBasic && l.d.wipes:
		l.d.wipe()
	case way == ResetLeave:
		if !l.d.mute {
			l.d.say(Cause{}, LockLeft{})
		}
		l.d.joined = false
	}
	l.d.mu.Unlock()
	l.d.point("after erase")
	return nil
}
