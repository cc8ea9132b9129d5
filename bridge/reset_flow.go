package bridge

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
)

// resetRecord is what of a workflow survives a restart, as JSON in SavedReset.Data. It holds no PIN: captured codes stand beside it, sealed.
type resetRecord struct {
	Format  int        `json:"format"`
	Stage   ResetStage `json:"stage"`
	StuckAt ResetStage `json:"stuck_at,omitempty"`
	Since   time.Time  `json:"since"`
	Started time.Time  `json:"started"`
	Cause   Cause      `json:"cause"`
	Way     ResetWay   `json:"way"`
	Plan    *ResetPlan `json:"plan,omitempty"`
	Family  string     `json:"family"`

	Unasked bool `json:"unasked,omitempty"`
	Alone   bool `json:"alone,omitempty"`   // that what stood on the lock is gone is the only sign, and little stood there
	Offered bool `json:"offered,omitempty"` // an unasked one waits for a person's word
	Seen    bool `json:"seen,omitempty"`    // a person has acknowledged the tampering

	Settings Settings      `json:"settings"`
	Before   []slotRecord  `json:"before,omitempty"` // what stood in the slots before
	Step     int           `json:"step"`             // of the guided hands: the next one
	Attempt  int           `json:"attempt"`
	Asked    time.Time     `json:"asked,omitzero"`    // erase requested at: written before the request
	Answered time.Time     `json:"answered,omitzero"` // erase answered at: written after it
	Answer   string        `json:"answer,omitempty"`  // ok, unknown, or the refusal
	Erased   string        `json:"erased,omitempty"`  // how it is known that the codes are gone; empty: not known to be
	Lost     bool          `json:"lost,omitempty"`    // the lock has left the network
	Joined   time.Time     `json:"joined,omitzero"`
	Signs    []ResetSign   `json:"signs,omitempty"`
	Master   string        `json:"master,omitempty"`   // how it is known that the master code was changed
	Defaults string        `json:"defaults,omitempty"` // how it is known that default codes are gone
	Proven   bool          `json:"proven,omitempty"`   // the lock itself showed that
	Set      bool          `json:"set,omitempty"`      // settings were written
	Released bool          `json:"released,omitempty"` // the codes were given to the reconciler
	Others   string        `json:"others,omitempty"`   // what becomes of readable codes that were not ours
	Motor    string        `json:"motor,omitempty"`    // how the motor test went
	Keypad   string        `json:"keypad,omitempty"`   // how the keypad test went
	Notes    []resetNote   `json:"notes,omitempty"`    // for the report
	Why      string        `json:"why,omitempty"`
	Next     string        `json:"next,omitempty"`
	Untouch  bool          `json:"untouched,omitempty"` // the lock was seen not to have been erased: cancelling is possible
	Doubt    bool          `json:"doubt,omitempty"`     // nothing shows whether it was erased, and nobody saw it: its codes may be gone
	Report   *ResetReport  `json:"report,omitempty"`
	Took     time.Duration `json:"took,omitempty"`
}

type slotRecord struct {
	Slot  Slot            `json:"slot"`
	State CredentialState `json:"state"`
	Ours  bool            `json:"ours"`
}

type resetNote struct {
	List string `json:"list"` // verified, unverifiable, failed
	Text string `json:"text"`
}

func (s ResetStage) over() bool { return s == ResetDone || s == ResetCancelled || s == ResetNotStarted }

// resetFlow is one workflow. Only its own goroutine (run) changes the record after the start, with mu held; others read it.
type resetFlow struct {
	r    *resets
	id   LockID
	proc *Procedure

	resumed bool // the flow's own: the step that is shown next may have been done before a restart

	writing sync.Mutex // around mu
	mu      sync.Mutex
	rec     resetRecord
	codes   []CapturedCode
	show    resetShow
	in      []resetInput
	bell    chan struct{}
	ended   bool
	replies []chan error // answers taken, not yet durable
	gone    chan struct{}
}

// resetShow is what only the moment needs.
type resetShow struct {
	step      *ResetStep
	no, of    int
	countdown time.Time
	awaiting  []string
	deadline  time.Time
	why, next string
	restored  int
	pending   int
}

type resetInput struct {
	ev     *Event
	step   string
	answer string
	cancel bool
	reply  chan error
}

var (
	errFlowOver  = errors.New("bridge: the workflow was given up")
	errCancelled = errors.New("bridge: the workflow was cancelled")
)

func newFlow(r *resets, id LockID, p ResetPlan, c Cause) *resetFlow {
	now := time.Now()
	return &resetFlow{
		r: r, id: id, proc: procedureFor(p.Family, p.Manufacturer, p.Model), bell: make(chan struct{}, 1), gone: make(chan struct{}),
		rec: resetRecord{Format: 1, Stage: ResetConfirmed, Since: now, Started: now, Cause: c, Way: p.Way, Plan: &p, Family: p.Family},
	}
}

func newFlowFrom(r *resets, s SavedReset) (*resetFlow, error) {
	w := &resetFlow{r: r, id: s.Lock, bell: make(chan struct{}, 1), gone: make(chan struct{}), codes: s.Codes, resumed: true}
	if err := json.Unmarshal(s.Data, &w.rec); err != nil {
		return nil, err
	}
	if w.rec.Format != 1 {
		return nil, fmt.Errorf("bridge: reset record of format %d", w.rec.Format)
	}
	manufacturer, model := "", ""
	if w.rec.Plan != nil {
		manufacturer, model = w.rec.Plan.Manufacturer, w.rec.Plan.Model
	}
	w.proc = procedureFor(w.rec.Family, manufacturer, model)
	return w, nil
}

// put makes the record durable, with the change (nil: none) that counts from then on, and tells evs. Answers that were taken since the last time are
// confirmed by it.
func (w *resetFlow) put(change func(*resetRecord), evs ...Event) error {
	err := w.write(change, evs...)
	if err == nil {
		w.confirm()
	}
	return err
}

// write does not let anybody see a change before it is durable, nor anybody be told of it before it is seen.
func (w *resetFlow) write(change func(*resetRecord), evs ...Event) error {
	if change == nil {
		change = func(*resetRecord) {}
	}
	w.writing.Lock() // an older record never overwrites a newer one
	defer w.writing.Unlock()
	w.mu.Lock()
	next := w.rec
	change(&next)
	data, err := json.Marshal(next)
	rec := SavedReset{Lock: w.id, Stage: string(next.Stage), Data: data, Since: next.Since}
	for _, c := range w.codes {
		if !next.Stage.over() { // the captured codes do not outlive the workflow
			rec.Codes = append(rec.Codes, CapturedCode{Slot: c.Slot, User: c.User, PIN: c.PIN.Clone()})
		}
	}
	ended := w.ended
	w.mu.Unlock()
	if err != nil {
		return fmt.Errorf("bridge: reset record: %w", err)
	}
	if ended {
		return errFlowOver
	}
	return w.r.host.saveReset(w.id, &rec, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		change(&w.rec)
		if w.rec.Stage.over() {
			w.wipe()
		}
	}, evs...)
}

// save is put that does not give up while the store refuses: nothing may go on before the record is durable.
func (w *resetFlow) save(ctx context.Context, evs ...Event) error { return w.saveAs(ctx, nil, evs...) }

func (w *resetFlow) saveAs(ctx context.Context, change func(*resetRecord), evs ...Event) error {
	for {
		err := w.put(change, evs...)
		if err == nil || errors.Is(err, errFlowOver) {
			return err
		}
		w.r.log.Error("the reset workflow waits: its record cannot be saved", "lock", w.id, "err", err)
		w.display(func(s *resetShow) {
			s.why = "The state could not be saved, so nothing goes on: " + err.Error()
			s.next = "Look at the disk of the computer that runs Latchkey. This is tried again every 5 seconds."
		})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(5 * time.Second):
		}
	}
}

// edit changes the record in memory; save makes it last. f asks the bridge for nothing: it holds its own lock when it asks for ours.
func (w *resetFlow) edit(f func(*resetRecord)) {
	w.mu.Lock()
	f(&w.rec)
	w.mu.Unlock()
}

// display changes what is shown, which no restart needs.
func (w *resetFlow) display(f func(*resetShow)) {
	w.mu.Lock()
	f(&w.show)
	w.mu.Unlock()
}

func (w *resetFlow) confirm() {
	w.mu.Lock()
	replies := w.replies
	w.replies = nil
	w.mu.Unlock()
	for _, c := range replies {
		c <- nil
	}
}

// run carries the workflow from the stage where it stands to its end, or until ctx ends.
func (w *resetFlow) run(ctx context.Context) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() { // abandon ends whatever the flow is doing
		select {
		case <-w.gone:
			cancel()
		case <-stop:
		}
	}()
	defer w.refuseAll()
	for {
		stage := w.stage()
		if stage.over() {
			return
		}
		m, err := w.at(ctx, stage)
		switch {
		case errors.Is(err, errCancelled):
			m = resetMove{to: ResetCancelled}
		case err != nil:
			return // ctx ended, or the lock was forgotten: the record stands
		}
		if err := w.move(ctx, m); err != nil {
			return
		}
	}
}

// resetMove is where a stage leads.
type resetMove struct {
	to        ResetStage
	why, next string     // with ResetStuck, and with a way back
	stuckAt   ResetStage // with ResetStuck: where a retry goes; empty: the stage that got stuck
}

func (w *resetFlow) at(ctx context.Context, s ResetStage) (resetMove, error) {
	switch s {
	case ResetConfirmed:
		return w.guard(ctx)
	case ResetGuarded:
		return w.prepare(ctx)
	case ResetErasing:
		return w.erase(ctx)
	case ResetWaiting:
		return w.watch(ctx)
	case ResetRejoining:
		return w.rejoin(ctx)
	case ResetSecuring:
		return w.secure(ctx)
	case ResetRestoring:
		return w.restore(ctx)
	case ResetTesting:
		return w.test(ctx)
	case ResetStuck:
		return w.stuck(ctx)
	}
	return resetMove{}, fmt.Errorf("bridge: unknown reset stage %q", s)
}

func (w *resetFlow) move(ctx context.Context, m resetMove) error {
	now := time.Now()
	cause := w.rec.Cause
	change := func(rec *resetRecord) {
		rec.StuckAt = ""
		if m.to == ResetStuck {
			rec.StuckAt = m.stuckAt
			if rec.StuckAt == "" {
				rec.StuckAt = rec.Stage
			}
		}
		rec.Stage, rec.Since, rec.Why, rec.Next = m.to, now, m.why, m.next
		if m.to.over() {
			rec.Took = now.Sub(rec.Started)
		}
	}
	w.display(func(s *resetShow) { *s = resetShow{} })
	evs := []Event{{At: now, Lock: w.id, Cause: cause, Body: ResetMoved{Stage: string(m.to), Why: m.why, Next: m.next}}}
	if m.to == ResetDone {
		evs = append(evs, Event{At: now, Lock: w.id, Cause: cause, Body: CommandFinished{Command: "reset", Result: ResultOK, Stage: StageAccepted}})
	}
	if m.to == ResetCancelled {
		if w.rec.Doubt && m.why == "" {
			m.why, m.next = "Nothing shows whether the lock was erased, and nobody saw it.", "Type a code at the keypad, or have all of them written anew."
			evs[0].Body = ResetMoved{Stage: string(m.to), Why: m.why, Next: m.next}
		}
		evs = append(evs, Event{At: now, Lock: w.id, Cause: cause, Body: CommandFinished{Command: "reset", Result: ResultCancelled}})
	}
	return w.saveAs(ctx, change, evs...)
}

// wipe forgets the captured codes. The caller holds w.mu.
func (w *resetFlow) wipe() {
	for _, c := range w.codes {
		c.PIN.Wipe()
	}
	w.codes = nil
}

// stuck waits for a person's word. A sign of a reset that comes late is heeded.
func (w *resetFlow) stuck(ctx context.Context) (resetMove, error) {
	back := w.rec.StuckAt
	answers := []string{"retry"}
	if back == ResetTesting || back == ResetRestoring {
		answers = append(answers, "skip")
	}
	if back == ResetErasing && w.rec.Doubt {
		answers = append(answers, "restore")
		if err := w.doubtCodes(ctx); err != nil {
			return resetMove{}, err
		}
	}
	erases := back == ResetErasing && w.rec.Way != ResetHands
	text := "Try again from “" + string(back) + "”."
	if erases {
		text = "Ask the lock once more to erase itself."
	}
	if slices.Contains(answers, "restore") {
		text += " Or “restore”: go on as after a reset, so that default codes go and every code is written anew."
	}
	w.ask(ResetStep{ID: "retry", Text: text, Answers: answers})
	for {
		in, _, err := w.next(ctx, time.Time{})
		if err != nil {
			return resetMove{}, err
		}
		switch {
		case in.answer == "retry":
			w.resumed = false
			w.edit(func(rec *resetRecord) {
				if back == ResetErasing {
					rec.Attempt++
					rec.Step, rec.Asked, rec.Answered, rec.Answer, rec.Untouch = 0, time.Time{}, time.Time{}, "", false
					rec.Doubt = false
				}
			})
			return resetMove{to: back}, nil
		case in.answer == "restore":
			w.edit(func(rec *resetRecord) { rec.Erased = "perhaps erased; nobody saw it" })
			w.note("unverifiable", "That the codes were erased: nobody saw it, and this model does not show it. They were written anew all the same.")
			return resetMove{to: ResetRejoining}, nil
		case in.answer == "skip":
			w.note("failed", "Skipped at “"+string(back)+"”: "+w.rec.Why)
			if back == ResetRestoring {
				return resetMove{to: ResetTesting}, nil
			}
			w.edit(func(rec *resetRecord) {
				rec.Motor, rec.Keypad = orElse(rec.Motor, "skipped"), orElse(rec.Keypad, "skipped")
			})
			return resetMove{to: ResetTesting}, nil
		case in.ev != nil && (back == ResetErasing || back == ResetRejoining) && w.takeSign(*in.ev) && w.rec.tellsOfReset():
			w.edit(func(rec *resetRecord) { rec.Doubt = false })
			return resetMove{to: ResetWaiting}, nil
		}
	}
}

func orElse(s, t string) string {
	if s == "" {
		return t
	}
	return s
}

func (w *resetFlow) note(list, text string) {
	w.edit(func(rec *resetRecord) {
		for _, n := range rec.Notes {
			if n.List == list && n.Text == text {
				return
			}
		}
		rec.Notes = append(rec.Notes, resetNote{list, text})
	})
}
