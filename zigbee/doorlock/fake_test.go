package doorlock

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

const (
	testLock  zigbee.EUI64 = 0x000d6f000a9069e7
	otherLock zigbee.EUI64 = 0x000d6f000a9069e8
	lockName               = bridge.LockID("00:0d:6f:00:0a:90:69:e7")
)

// fakeRadio is an air with one simulated lock a device. What the lock says reaches the handler in order, from one goroutine, as a dongle does it.
type fakeRadio struct {
	mu      sync.Mutex
	inbox   chan func(zigbee.Handler)
	sent    []sentFrame
	locks   map[zigbee.EUI64]*fakeLock
	binds   []uint16
	evicted []zigbee.EUI64
	admits  []zigbee.EUI64
	permit  []time.Duration
	down    bool
	sendErr func(n int) error // by the number of the frame, from 1
}

type sentFrame struct {
	at    time.Time
	frame zigbee.Frame
}

// fakeLock answers like a lock. Handlers by command override what it does.
type fakeLock struct {
	r       *fakeRadio
	id      zigbee.EUI64
	node    zigbee.Node
	asleep  bool          // its parent drops what it does not fetch, after buffered
	silent  bool          // it has fetched the frame, and says nothing
	delay   time.Duration // before an answer
	seq     uint8
	attrs   map[uint16]map[zcl.AttributeID]zcl.Value
	pins    map[uint16]zcl.PIN
	handle  func(f zigbee.Frame, h zcl.Header, m zcl.Message) (answer zcl.Message, handled bool)
	ivFails int

	schedules *fakeSchedules // nil: it has none
	got       []zcl.Message
}

// buffered is how long a parent keeps a frame for a sleeping child.
const buffered = 7680 * time.Millisecond

func newRadio() *fakeRadio {
	return &fakeRadio{inbox: make(chan func(zigbee.Handler), 1000), locks: map[zigbee.EUI64]*fakeLock{}}
}

// add makes a lock of a model.
func (r *fakeRadio) add(id zigbee.EUI64, manufacturer, model string, ep uint8) *fakeLock {
	l := &fakeLock{r: r, id: id, pins: map[uint16]zcl.PIN{},
		node: zigbee.Node{ID: id, NWK: 0x1234, ManufacturerCode: 0x101D, Endpoints: []zigbee.Endpoint{{ID: ep, Profile: 0x0104, DeviceType: 0x000A,
			In: []uint16{0, 1, 3, 9, 0x20, 0x101}, Out: []uint16{0x0A, 0x19}}}},
		attrs: map[uint16]map[zcl.AttributeID]zcl.Value{
			zcl.ClusterBasic:       {zcl.BasicManufacturerName: zcl.CharString(manufacturer), zcl.BasicModelIdentifier: zcl.CharString(model), zcl.BasicSWBuildID: zcl.CharString("1.2")},
			zcl.ClusterPowerConfig: {zcl.PowerBatteryPercentageRemaining: zcl.Uint8(178), zcl.PowerBatteryAlarmState: zcl.Map32(0)},
			zcl.ClusterDoorLock: {zcl.LockAttrLockState: zcl.Enum8(1), zcl.LockAttrPINUsers: zcl.Uint16(250), zcl.LockAttrMinPINLength: zcl.Uint8(4),
				zcl.LockAttrMaxPINLength: zcl.Uint8(8), zcl.LockAttrSendPINOverTheAir: zcl.Bool(true), zcl.LockAttrRequirePINForRF: zcl.Bool(false),
				zcl.LockAttrAutoRelockTime: zcl.Uint32(0), zcl.LockAttrSoundVolume: zcl.Uint8(1)},
		}}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.locks[id] = l
	return l
}

func (r *fakeRadio) Run(ctx context.Context, h zigbee.Handler) error {
	h.Dongle(zigbee.Dongle{Up: true, Product: "fake"})
	for {
		select {
		case f := <-r.inbox:
			f(h)
		case <-ctx.Done():
			return nil
		}
	}
}

func (r *fakeRadio) Send(ctx context.Context, f zigbee.Frame) error {
	r.mu.Lock()
	f.Payload = bytes.Clone(f.Payload)
	r.sent = append(r.sent, sentFrame{time.Now(), f})
	n := len(r.sent)
	l, down := r.locks[f.Device], r.down
	var err error
	if r.sendErr != nil {
		err = r.sendErr(n)
	}
	asleep := l != nil && l.asleep
	r.mu.Unlock()
	if f.Written != nil {
		f.Written()
	}
	switch {
	case err != nil:
		return err
	case down:
		return zigbee.ErrDown
	case l == nil:
		return zigbee.ErrUnknownNode
	case asleep:
		return l.dozing(ctx, f)
	}
	l.fetch(f)
	return nil
}

// dozing keeps the frame at the parent until the lock wakes or the time is over.
func (l *fakeLock) dozing(ctx context.Context, f zigbee.Frame) error {
	end := time.NewTimer(buffered)
	defer end.Stop()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-end.C:
			return zigbee.ErrAsleep
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			l.r.mu.Lock()
			awake := !l.asleep
			l.r.mu.Unlock()
			if awake {
				l.fetch(f)
				return nil
			}
		}
	}
}

// fetch takes a frame and answers it.
func (l *fakeLock) fetch(f zigbee.Frame) {
	h, m, err := zcl.Parse(f.Cluster, f.Payload)
	if err != nil {
		return
	}
	l.r.mu.Lock()
	l.got = append(l.got, m)
	silent, delay := l.silent, l.delay
	l.r.mu.Unlock()
	if silent {
		return
	}
	var out zcl.Message
	handled := false
	if l.handle != nil {
		out, handled = l.handle(f, h, m)
	}
	if !handled && l.schedules != nil {
		out, handled = l.schedules.answer(m)
	}
	if !handled {
		out = l.answer(f.Cluster, h, m)
	}
	if out == nil {
		return
	}
	reply := h.Reply()
	payload := zcl.Append(nil, reply, out)
	time.AfterFunc(delay, func() { l.say(f.Cluster, payload) })
}

func (l *fakeLock) answer(cluster uint16, h zcl.Header, m zcl.Message) zcl.Message {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	switch m := m.(type) {
	case *zcl.ReadAttributes:
		out := &zcl.ReadAttributesResponse{}
		for _, id := range m.Attributes {
			if v, ok := l.attrs[cluster][id]; ok {
				out.Records = append(out.Records, zcl.ReadRecord{ID: id, Value: v})
			} else {
				out.Records = append(out.Records, zcl.ReadRecord{ID: id, Status: zcl.StatusUnsupportedAttribute})
			}
		}
		return out
	case *zcl.WriteAttributes:
		for _, a := range m.Attributes {
			if l.attrs[cluster] == nil {
				l.attrs[cluster] = map[zcl.AttributeID]zcl.Value{}
			}
			l.attrs[cluster][a.ID] = a.Value
		}
		return &zcl.WriteAttributesResponse{}
	case *zcl.ConfigureReporting:
		return &zcl.ConfigureReportingResponse{}
	case *zcl.LockDoor:
		return &zcl.LockDoorResponse{}
	case *zcl.UnlockDoor:
		return &zcl.UnlockDoorResponse{}
	case *zcl.SetPINCode:
		l.pins[m.User] = m.PIN.Clone()
		return &zcl.SetPINCodeResponse{}
	case *zcl.ClearPINCode:
		delete(l.pins, m.User)
		return &zcl.ClearPINCodeResponse{}
	case *zcl.ClearAllPINCodes:
		clear(l.pins)
		return &zcl.ClearAllPINCodesResponse{}
	case *zcl.GetPINCode:
		if p, ok := l.pins[m.User]; ok {
			return &zcl.GetPINCodeResponse{User: m.User, Status: zcl.UserEnabled, PIN: p}
		}
		return &zcl.GetPINCodeResponse{User: m.User, Type: zcl.UserTypeUnsupported}
	case *zcl.ResetToFactoryDefaults:
		return &zcl.DefaultResponse{Command: h.Command}
	default:
		return nil
	}
}

// say sends a frame of the lock to us.
func (l *fakeLock) say(cluster uint16, payload []byte) {
	l.sayFrom(l.node.Endpoints[0].ID, cluster, payload)
}

func (l *fakeLock) sayFrom(ep uint8, cluster uint16, payload []byte) {
	f := zigbee.Frame{Device: l.id, NWK: l.node.NWK, SrcEndpoint: ep, DstEndpoint: 1, Profile: 0x0104, Cluster: cluster, Payload: bytes.Clone(payload), LQI: 120}
	l.r.inbox <- func(h zigbee.Handler) { h.Frame(f) }
}

// tells sends a message of the lock's own accord, which no default response is wanted for.
func (l *fakeLock) tells(cluster uint16, m zcl.Message) {
	l.seq++
	l.say(cluster, zcl.Append(nil, zcl.Header{Seq: l.seq, Direction: zcl.ToClient, DisableDefaultResponse: true}, m))
}

func (l *fakeLock) reports(s zcl.LockState) {
	l.r.mu.Lock()
	l.attrs[zcl.ClusterDoorLock][zcl.LockAttrLockState] = zcl.Enum8(uint8(s))
	l.r.mu.Unlock()
	l.tells(zcl.ClusterDoorLock, &zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: zcl.LockAttrLockState, Value: zcl.Enum8(uint8(s))}}})
}

func (l *fakeLock) set(f func()) {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	f()
}

func (r *fakeRadio) Interview(_ context.Context, id zigbee.EUI64) (zigbee.Node, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l := r.locks[id]
	if l == nil {
		return zigbee.Node{}, zigbee.ErrUnknownNode
	}
	if l.ivFails > 0 {
		l.ivFails--
		return zigbee.Node{}, zigbee.ErrAsleep
	}
	return l.node, nil
}

func (r *fakeRadio) Bind(_ context.Context, _ zigbee.EUI64, _ uint8, cluster uint16) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.binds = append(r.binds, cluster)
	return nil
}

func (r *fakeRadio) PermitJoin(_ context.Context, w time.Duration) error {
	r.mu.Lock()
	r.permit = append(r.permit, w)
	r.mu.Unlock()
	r.inbox <- func(h zigbee.Handler) { h.PermitJoin(w) }
	return nil
}

func (r *fakeRadio) AddInstallCode(context.Context, zigbee.EUI64, []byte) error { return nil }

func (r *fakeRadio) Admit(_ context.Context, id zigbee.EUI64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.admits = append(r.admits, id)
	return zigbee.ErrUnsupported
}

func (r *fakeRadio) Evict(_ context.Context, id zigbee.EUI64) error {
	r.mu.Lock()
	r.evicted = append(r.evicted, id)
	r.mu.Unlock()
	r.inbox <- func(h zigbee.Handler) { h.Left(id) }
	return nil
}

func (r *fakeRadio) Dongle() zigbee.Dongle { return zigbee.Dongle{Up: true} }

// commands are the messages of Door Lock sent since the n-th frame, in order.
func (r *fakeRadio) since(n int) []zcl.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []zcl.Message
	for _, s := range r.sent[n:] {
		if _, m, err := zcl.Parse(s.frame.Cluster, s.frame.Payload); err == nil {
			out = append(out, m)
		}
	}
	return out
}

// bound and sentAway list what the driver asked of the radio.
func (r *fakeRadio) bound() []uint16 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.binds)
}

func (r *fakeRadio) sentAway() []zigbee.EUI64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.evicted)
}

// received lists what the lock has fetched.
func (l *fakeLock) received() []zcl.Message {
	l.r.mu.Lock()
	defer l.r.mu.Unlock()
	return slices.Clone(l.got)
}

func (r *fakeRadio) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.sent)
}

// memory is a Store.
type memory struct {
	mu sync.Mutex
	m  map[zigbee.EUI64][]byte
}

func (s *memory) Records() (map[zigbee.EUI64][]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[zigbee.EUI64][]byte{}
	for k, v := range s.m {
		out[k] = bytes.Clone(v)
	}
	return out, nil
}

func (s *memory) Put(id zigbee.EUI64, b []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.m == nil {
		s.m = map[zigbee.EUI64][]byte{}
	}
	s.m[id] = bytes.Clone(b)
	return nil
}

func (s *memory) Delete(id zigbee.EUI64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.m, id)
	return nil
}

// world is a driver on a fake air, inside a bubble.
type world struct {
	t      *testing.T
	r      *fakeRadio
	d      *Driver
	store  *memory
	mu     sync.Mutex
	events []bridge.Event
	stop   func()
}

// inBubble runs f with a running driver in a bubble of fake time.
func inBubble(t *testing.T, f func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, r: newRadio(), store: &memory{}}
		w.begin()
		f(w)
		w.stop()
	})
}

// begin starts a driver on the present store.
func (w *world) begin() {
	w.t.Helper()
	d, err := New(Config{Store: w.store, Location: time.FixedZone("east", 3600)}, w.r)
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := d.Run(ctx, func(ev bridge.Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.events = append(w.events, ev)
		}); err != nil {
			w.t.Error(err)
		}
	}()
	w.d = d
	w.stop = func() { cancel(); <-done }
	synctest.Wait()
}

// joined makes a lock of a model join, and waits until it is known.
func (w *world) joined(manufacturer, model string, ep uint8) (*fakeLock, *lock) {
	w.t.Helper()
	fl := w.r.add(testLock, manufacturer, model, ep)
	return fl, w.join(fl)
}

func (w *world) join(fl *fakeLock) *lock {
	w.t.Helper()
	w.r.inbox <- func(h zigbee.Handler) { h.Announced(fl.id, fl.node.NWK, true) }
	time.Sleep(20 * time.Second)
	synctest.Wait()
	l, err := w.d.find(bridge.LockID(fl.id.String()))
	if err != nil {
		w.t.Fatal(err)
	}
	if !l.Info().Ready {
		w.t.Fatalf("not ready: %+v; %v", l.Info(), w.bodies())
	}
	w.clear()
	return l
}

func (w *world) clear() {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = nil
}

// heard gives what was told, without signs of life.
func (w *world) heard() []bridge.Event {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(w.events), func(e bridge.Event) bool { return e.Body.Kind() == "heard" })
}

func (w *world) bodies() []bridge.Body {
	var out []bridge.Body
	for _, e := range w.heard() {
		out = append(out, e.Body)
	}
	return out
}

func of[T bridge.Body](w *world) []T {
	var out []T
	for _, b := range w.bodies() {
		if x, ok := b.(T); ok {
			out = append(out, x)
		}
	}
	return out
}
