package bridge

import "context"

// Reconfigurer is a Lock that forgets in a reset what it was to report, even where it stays in the network, and can be told anew.
type Reconfigurer interface {
	Reconfigure(ctx context.Context) error
}

// resetHost is what the factory-reset workflow needs of the rest of the bridge. *Bridge is one; it embeds *resets, made by newResets in New, and
//   - gives resets.load what Store.Load gave, before anything runs;
//   - runs resets.run(ctx) beside its other goroutines in Run;
//   - calls resets.observe(ev) for each event once it is in the journal, from one goroutine, in order (observe does not block);
//   - asks resets.holdsCodes(id) before each thing that the reconciler sends to a lock, and leaves the lock alone while it is true;
//   - calls resets.suspect(id, "slots found empty") when it reads a slot empty that was in sync, without a programming event that explains it;
//   - fills LockView.ResetStage with resets.stageOf(id), and LockView.Tampered with its own flag or resets.tampered(id);
//   - lets AckTamper call resets.ackTamper(id), and Forget call resets.forget(id).
//
// Every method here may be called from any goroutine, without a lock of the workflow held; none calls back into resets but through observe.
type resetHost interface {
	// The public ones.
	Find(nameOrIDOrSlug string) (LockView, error)
	WaitSync(ctx context.Context, lock LockID, user UserID) (Code, error)
	Codes(lock LockID) ([]Code, error)
	AddUser(ctx context.Context, c Cause, u User) (UserID, error)
	Actuate(ctx context.Context, id LockID, a Action) (Outcome, error)

	driver() Driver
	hasDongle() bool
	settingsFor(id LockID) LockSettings
	savedSlots(id LockID) []SavedSlot // a copy, digits included
	userAllowedNow(id UserID) bool    // the user's schedule lets a code open now
	userName(id UserID) string        // empty: no such user
	savedSettings(id LockID) Settings // as last known

	// saveReset makes the workflow's record durable together with evs, then calls durable (nil: nothing), then puts evs in the journal: who is told of a stage
	// finds it, and what is durable is told once, whenever the process dies. A nil record drops it. durable may be called with the bridge's locks held.
	saveReset(id LockID, rec *SavedReset, durable func(), evs ...Event) error
	// releaseCodes tells the reconciler to work on the lock again. With wiped every slot of the lock counts as not read, and every code that should be
	// there as pending with no attempts made.
	releaseCodes(id LockID, wiped bool) error
	// doubtCodes marks the codes that cannot be read back: they may be gone. They are written anew only when a person says so.
	doubtCodes(id LockID) error
}
