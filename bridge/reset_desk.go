package bridge

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// resets holds the factory-reset workflows of all locks. Its exported methods are those of *Bridge, which embeds it.
type resets struct {
	host  resetHost
	log   *slog.Logger
	speed float64

	mu    sync.Mutex
	plans map[LockID]ResetPlan  // the last one of each lock; a plan changes nothing, so it is not saved
	flows map[LockID]*resetFlow // the last one of each lock
	looks map[LockID]*resetLook // locks under suspicion of a reset that nobody asked for
	start []func(context.Context)
	bell  chan struct{}
	over  chan struct{} // closed when run has returned
}

// newResets is given the bridge that embeds it.
func newResets(host resetHost, log *slog.Logger, speed float64) *resets {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &resets{
		host: host, log: log, speed: max(speed, 1), plans: map[LockID]ResetPlan{}, flows: map[LockID]*resetFlow{}, looks: map[LockID]*resetLook{},
		bell: make(chan struct{}, 1), over: make(chan struct{}),
	}
}

// wait is how long d of the locks' time takes by the clock, with room for what does not run faster with them. It is for waits whose end is that nothing
// came; what ends with an event is given its whole time.
func (r *resets) wait(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/r.speed), min(d, 500*time.Millisecond))
}

// patience is for one answer of a lock. The radio and the dongle do not run faster with the locks, so that there is a floor.
func (r *resets) patience() time.Duration { return max(r.wait(lookPatience), 5*time.Second) }

// load takes up what was saved. A record that cannot be read is told and set aside as stuck, never guessed at.
func (r *resets) load(saved []SavedReset) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, s := range saved {
		w, err := newFlowFrom(r, s)
		if err != nil {
			r.log.Error("a saved reset workflow cannot be read; plan the reset anew", "lock", s.Lock, "err", err)
			r.lookInto(s.Lock, lostSign(), false)
			continue
		}
		r.flows[w.id] = w
		if !w.rec.Stage.over() {
			r.begin(w)
		}
	}
}

// lost has a lock looked at of which a reset's record cannot be read: whether it was under way, and who asked, is not known. A lock whose codes are in place
// goes on; into any other one no code is written before a person says so.
func (r *resets) lost(id LockID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.log.Error("the record of a lock's reset cannot be read; its codes are looked at before any is written", "lock", id)
	r.lookInto(id, lostSign(), false)
}

func lostSign() ResetSign {
	return ResetSign{Sign: "record lost", At: time.Now(), Text: "the record of this lock's reset cannot be read"}
}

// run starts the workflows, and returns when ctx has ended and all of them have stopped. What is under way goes on at the next start.
func (r *resets) run(ctx context.Context) error {
	var flows sync.WaitGroup
	defer close(r.over)
	defer flows.Wait()
	for {
		r.mu.Lock()
		start := r.start
		r.start = nil
		r.mu.Unlock()
		for _, f := range start {
			flows.Go(func() { f(ctx) })
		}
		select {
		case <-ctx.Done():
			return nil
		case <-r.bell:
		}
	}
}

// goes has run start f. The caller holds r.mu.
func (r *resets) goes(f func(context.Context)) {
	r.start = append(r.start, f)
	select {
	case r.bell <- struct{}{}:
	default:
	}
}

// begin registers a workflow and has it started. The caller holds r.mu.
func (r *resets) begin(w *resetFlow) {
	r.flows[w.id] = w
	r.goes(w.run)
}

func (r *resets) flow(id LockID) *resetFlow {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.flows[id]
}

// PlanReset says what a reset would need, cost and bring back. It changes nothing. An empty way asks for the best one.
func (r *resets) PlanReset(_ context.Context, id LockID, way ResetWay) (ResetPlan, error) {
	p, err := r.makePlan(id, way)
	if err != nil {
		return ResetPlan{}, err
	}
	r.mu.Lock()
	r.plans[id] = p
	r.mu.Unlock()
	return p, nil
}

// ConfirmReset starts the workflow of the plan with that hash, which must be the last plan of the lock, not older than ResetPlanLifetime, and still
// describe the facts. Who confirms has been asked by the front-end in its own way: a typed name, a long press, two switches.
func (r *resets) ConfirmReset(_ context.Context, id LockID, hash string, c Cause) error {
	r.mu.Lock()
	old, ok := r.plans[id]
	w := r.flows[id]
	r.mu.Unlock()
	if w != nil && !w.stage().over() {
		return fmt.Errorf("bridge: a reset of this lock is under way already, at %q: %w", w.stage(), ErrConflict)
	}
	if !ok {
		return fmt.Errorf("bridge: there is no plan for a reset of this lock; make one first: %w", ErrExpired)
	}
	if time.Now().After(old.Expires) {
		return fmt.Errorf("bridge: the plan is older than %v; make a new one: %w", ResetPlanLifetime, ErrExpired)
	}
	now, err := r.makePlan(id, old.Way)
	if err != nil {
		return err
	}
	if hash == "" || hash != old.Hash || hash != now.Hash {
		return fmt.Errorf("bridge: the facts are no longer those of the plan; make a new one and read it: %w", ErrConflict)
	}
	w = newFlow(r, id, now, c)
	r.mu.Lock()
	if v := r.flows[id]; v != nil && !v.stage().over() {
		r.mu.Unlock()
		return fmt.Errorf("bridge: a reset of this lock is under way already: %w", ErrConflict)
	}
	r.flows[id] = w // others are refused from here on
	r.mu.Unlock()
	if err := w.put(nil, Event{Lock: id, Cause: c, Body: ResetMoved{Stage: string(ResetConfirmed)}}); err != nil {
		r.mu.Lock()
		delete(r.flows, id)
		r.mu.Unlock()
		return err
	}
	r.mu.Lock()
	delete(r.plans, id)
	r.begin(w)
	r.mu.Unlock()
	return nil
}

// AckReset answers the step that ResetStatus shows: answer["answer"] is one of the step's Answers, "done" if that is missing. It returns when what
// follows from the answer is durable. ErrConflict: the workflow does not wait for that step.
func (r *resets) AckReset(ctx context.Context, id LockID, step string, answer map[string]string) error {
	w := r.flow(id)
	if w == nil || w.stage().over() {
		return fmt.Errorf("bridge: no reset of this lock is under way: %w", ErrConflict)
	}
	a := answer["answer"]
	if a == "" {
		a = "done"
	}
	reply := make(chan error, 1)
	if err := w.offer(step, a, reply); err != nil {
		return err
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-r.over:
		return fmt.Errorf("bridge: stopping; the answer was not taken: %w", ErrConflict)
	}
}

// CancelReset ends a workflow that has not erased anything. Later it is refused: an erased lock is not left half way.
func (r *resets) CancelReset(ctx context.Context, id LockID) error {
	w := r.flow(id)
	if w == nil || w.stage().over() {
		return fmt.Errorf("bridge: no reset of this lock is under way: %w", ErrConflict)
	}
	reply := make(chan error, 1)
	if err := w.offerCancel(reply); err != nil {
		return err
	}
	select {
	case err := <-reply:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-r.over:
		return fmt.Errorf("bridge: stopping; nothing was cancelled: %w", ErrConflict)
	}
}

// ResetStatus is where the lock's workflow stands, the last one if it is over. ErrNoSuchLock: no such lock; a lock that never had one has no stage.
func (r *resets) ResetStatus(id LockID) (ResetStatus, error) {
	if w := r.flow(id); w != nil {
		return w.status(), nil
	}
	v, err := r.host.Find(string(id))
	if err != nil {
		return ResetStatus{}, err
	}
	return ResetStatus{Lock: id, Name: v.Name}, nil
}

// stageOf is the stage for LockView: empty when no workflow is under way.
func (r *resets) stageOf(id LockID) string {
	w := r.flow(id)
	if w == nil {
		return ""
	}
	if s := w.stage(); !s.over() {
		return string(s)
	}
	return ""
}

// holdsCodes tells the reconciler to leave the lock alone: it is being erased, or was reset by nobody knows whom.
func (r *resets) holdsCodes(id LockID) bool {
	r.mu.Lock()
	w, look := r.flows[id], r.looks[id]
	r.mu.Unlock()
	return look != nil || w != nil && w.holds()
}

// tampered tells of a reset that nobody asked for here and nobody has acknowledged.
func (r *resets) tampered(id LockID) bool {
	w := r.flow(id)
	return w != nil && w.tampered()
}

// ackTamper makes it durable that a person has seen it. It writes no code and does not end the workflow.
func (r *resets) ackTamper(id LockID) error {
	if w := r.flow(id); w != nil && w.tampered() {
		return w.ackTamper()
	}
	return nil
}

// forget drops the workflow of a lock that is no longer of this home.
func (r *resets) forget(id LockID) error {
	r.mu.Lock()
	w := r.flows[id]
	delete(r.flows, id)
	delete(r.plans, id)
	delete(r.looks, id)
	r.mu.Unlock()
	if w == nil {
		return nil
	}
	w.abandon()
	w.writing.Lock() // after whatever it was just writing
	defer w.writing.Unlock()
	return r.host.saveReset(id, nil, nil)
}
