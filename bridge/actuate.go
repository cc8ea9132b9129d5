package bridge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// command is one request to move a bolt, while it is under way. The bridge's mu guards it.
type command struct {
	kind      ActionKind
	cause     Cause
	began     time.Time
	stage     Stage
	durations map[Stage]time.Duration
	tries     int // times that it was handed to the radio
	cancel    context.CancelCauseFunc
	moved     chan struct{} // closed when the bolt was reported where it was asked to be
	jammed    chan struct{}
	down      chan struct{} // closed when the dongle went
	lost      bool
	seen      bool
	stuck     bool
}

// reach notes a stage, and tells whether it is new.
func (c *command) reach(s Stage) bool {
	if s == StageSent {
		c.tries++
	}
	if s <= c.stage {
		return false
	}
	c.stage = s
	c.durations[s] = time.Since(c.began)
	return true
}

// report takes a reported position. What was reported before the command was sent says nothing about it.
func (c *command) report(b Bolt) {
	if c.stage < StageSent {
		return
	}
	if b == c.kind.Wants() && !c.seen {
		c.seen = true
		close(c.moved)
	}
	if b == Jammed && !c.stuck && !c.seen {
		c.stuck = true
		close(c.jammed)
	}
}

// lose notes that no report can come any more.
func (c *command) lose() {
	if !c.lost {
		c.lost = true
		close(c.down)
	}
}

// Actuate asks a lock to move its bolt, and returns when the lock has reported it there, or with the reason why not. Nothing of it happens after ctx
// has ended. A later call for the same lock takes the place of an earlier one that has not reached the lock, which then fails with ErrSuperseded.
// The Outcome is good with an error too: it tells how far the command came.
func (b *Bridge) Actuate(ctx context.Context, id LockID, a Action) (Outcome, error) {
	if a.Kind != ActLock && a.Kind != ActUnlock {
		return Outcome{Result: ResultUnsupported}, fmt.Errorf("bridge: action %d: %w", a.Kind, ErrUnsupported)
	}
	ctx, stop := b.withDeadline(ctx)
	defer stop()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	c := &command{
		kind: a.Kind, cause: a.Cause, began: time.Now(), durations: map[Stage]time.Duration{}, cancel: cancel,
		moved: make(chan struct{}), jammed: make(chan struct{}), down: make(chan struct{}),
	}
	a.Asked = c.began
	b.mu.Lock()
	l, err := b.find(id)
	if err != nil {
		b.mu.Unlock()
		return Outcome{Result: ResultError}, err
	}
	if u := b.users[c.cause.User]; u != nil && c.cause.Name == "" {
		c.cause.Name = u.Name
	}
	if p := l.newest; p != nil && p.stage < StageDelivered { // also one that waits for a sleeping lock: it must not be sent after this one
		p.cancel(ErrSuperseded)
	}
	l.newest = c
	l.commands = append(l.commands, c)
	if a.PIN.IsZero() && l.traits().PINForRemote {
		a.PIN = l.remotePIN(a.Cause.User)
		defer a.PIN.Wipe()
	}
	remote := l.traits().Remote
	needPIN := l.traits().PINForRemote && a.PIN.IsZero()
	running := b.spawn != nil
	b.mu.Unlock()

	switch {
	case ctx.Err() != nil:
		err = fmt.Errorf("the deadline had passed before anything was sent: %w", ErrExpired)
	case !running:
		err = fmt.Errorf("the bridge is not running: %w", ErrDown)
	case remote == RemoteNone:
		err = fmt.Errorf("this model can only be watched by radio: %w", ErrUnsupported)
	case remote == RemoteUnlockOnly && a.Kind == ActLock:
		err = fmt.Errorf("this model has no lock command: %w", ErrUnsupported)
	case needPIN:
		err = fmt.Errorf("store a code on it first, or switch that setting off at the lock: %w", ErrNeedsPIN)
	default:
		err = b.carryOut(ctx, l, c, a)
	}
	return b.finish(ctx, l, c, err)
}

// carryOut hands the command to the driver when its turn has come, and waits for the bolt.
func (b *Bridge) carryOut(ctx context.Context, l *lockState, c *command, a Action) error {
	select {
	case l.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	err := ctx.Err()
	var dl Lock
	if err == nil {
		dl, err = b.drv.Lock(l.id)
	}
	if err == nil {
		progress := a.Progress
		a.Progress = func(s Stage) {
			b.mu.Lock()
			fresh := c.reach(s)
			b.mu.Unlock()
			if fresh && progress != nil {
				progress(s)
			}
		}
		err = dl.Actuate(ctx, a)
		if err == nil {
			a.Progress(StageAccepted)
		}
	}
	<-l.turn
	switch {
	case err == nil:
		err = b.awaitMove(ctx, l, c, dl)
	case errors.Is(err, ErrUnreachable) && ctx.Err() == nil:
		b.lookAfter(ctx, c, dl)
	}
	b.mu.Lock()
	seen := c.seen && !errors.Is(err, ErrRejected) && !errors.Is(err, ErrUnsupported)
	b.mu.Unlock()
	if err != nil && seen { // the answer was lost, but the bolt's own word was not
		err = nil
	}
	if err == nil && a.Progress != nil {
		a.Progress(StageMoved)
	}
	return err
}

// lookAfter reads the bolt when the answer was lost after the command was sent: it may have been carried out.
func (b *Bridge) lookAfter(ctx context.Context, c *command, dl Lock) {
	b.mu.Lock()
	sent := c.stage >= StageSent
	b.mu.Unlock()
	if !sent || dl.Refresh(ctx) != nil {
		return
	}
	t := time.NewTimer(500 * time.Millisecond) // what was read arrives as an event
	defer t.Stop()
	select {
	case <-c.moved:
	case <-ctx.Done():
	case <-t.C:
	}
}

// awaitMove waits for the report. A lock that was already there, or does not report by itself, is asked.
func (b *Bridge) awaitMove(ctx context.Context, l *lockState, c *command, dl Lock) error {
	b.mu.Lock()
	patience := 3 * time.Second // a bolt takes one to two
	if l.bolt == c.kind.Wants() || l.traits().SelfMovesOnly {
		patience = 300 * time.Millisecond
	}
	b.mu.Unlock()
	ask := time.NewTimer(patience)
	defer ask.Stop()
	var asking chan struct{}
	defer func() {
		if asking != nil {
			<-asking
		}
	}()
	for {
		select {
		case <-c.moved:
			return nil
		case <-c.jammed:
			return ErrJammed
		case <-c.down:
			return fmt.Errorf("the lock accepted the command, and what became of it is read once there is a dongle: %w", ErrDown)
		case <-ctx.Done():
			return ctx.Err()
		case <-ask.C:
			asking = make(chan struct{})
			rctx, cancel := context.WithCancel(ctx)
			defer cancel()
			go func() {
				defer close(asking)
				if err := dl.Refresh(rctx); err != nil && rctx.Err() == nil {
					b.log.Debug("reading the bolt after a command failed", "lock", l.id, "err", err)
				}
			}()
		}
	}
}

// finish ends a command: it is told in the journal, and the target goes back to where the bolt is if it failed.
func (b *Bridge) finish(ctx context.Context, l *lockState, c *command, err error) (Outcome, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err != nil {
		err = explain(ctx, l, c, err)
	}
	for i, x := range l.commands {
		if x == c {
			l.commands = append(l.commands[:i:i], l.commands[i+1:]...)
			break
		}
	}
	if l.newest == c {
		l.newest = nil
	}
	o := Outcome{Stage: c.stage, Result: ResultOf(err), Durations: c.durations, Bolt: l.bolt}
	why := ""
	if err != nil {
		why = err.Error()
		if c.stage >= StageSent && o.Result != ResultRejected {
			l.work.refresh = true // where is the bolt now?
		}
		err = fmt.Errorf("bridge: %v %s: %w", c.kind, l.saved.Name, err)
	}
	durations := make(map[Stage]time.Duration, len(c.durations))
	for s, d := range c.durations {
		durations[s] = d
	}
	b.publish(Event{Lock: l.id, Cause: c.cause, Body: CommandFinished{
		Command: c.kind.String(), Result: o.Result, Stage: c.stage, Why: why, Durations: durations, Retries: max(c.tries-1, 0),
	}})
	ring(l.bell) // codes may go on
	return o, err
}

// explain makes a caller's deadline into what it means for the door. The caller holds b.mu.
func explain(ctx context.Context, l *lockState, c *command, err error) error {
	if errors.Is(context.Cause(ctx), ErrSuperseded) && c.stage < StageSent || errors.Is(err, ErrSuperseded) {
		return ErrSuperseded
	}
	if !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return err
	}
	switch {
	case c.stage >= StageAccepted:
		return ErrNotSeen
	case c.stage >= StageSent:
		return fmt.Errorf("what was sent may have been carried out; its state is read again: %w", ErrUnreachable)
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("withdrawn before it was sent: %w", context.Canceled)
	case l.traits().Sleepy:
		return ErrAsleep
	}
	return fmt.Errorf("nothing was sent: %w", ErrUnreachable)
}

// ResultOf is the word for an error of a command; ResultOK for nil.
func ResultOf(err error) Result {
	switch {
	case err == nil:
		return ResultOK
	case errors.Is(err, ErrSuperseded):
		return ResultSuperseded
	case errors.Is(err, ErrJammed):
		return ResultJammed
	case errors.Is(err, ErrNotSeen):
		return ResultNotSeen
	case errors.Is(err, ErrAsleep):
		return ResultAsleep
	case errors.Is(err, ErrUnreachable):
		return ResultUnreachable
	case errors.Is(err, ErrDown):
		return ResultDown
	case errors.Is(err, ErrUnsupported), errors.Is(err, ErrNeedsHands):
		return ResultUnsupported
	case errors.Is(err, ErrRejected), errors.Is(err, ErrNeedsPIN):
		return ResultRejected
	case errors.Is(err, context.Canceled), errors.Is(err, ErrExpired):
		return ResultCancelled
	}
	return ResultError
}

// remotePIN is a code for a lock that wants one for remote operation: that of the person who asks if it stands on the lock, else the first that does and
// may open at any time. The caller holds b.mu and wipes it.
func (l *lockState) remotePIN(user UserID) PIN {
	var best *SavedSlot
	for _, s := range l.slots {
		if !s.Want || s.User == 0 || s.State != CodeInSync && s.State != CodeUnverifiable {
			continue
		}
		if best == nil || (s.User == user) != (best.User == user) && s.User == user || (s.User == user) == (best.User == user) && s.Slot < best.Slot {
			best = s
		}
	}
	if best == nil {
		return PIN{}
	}
	return best.Seen.Clone()
}
