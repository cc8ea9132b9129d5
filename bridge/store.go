package bridge

import "time"

// Store is where the bridge keeps what must survive. A Commit is atomic and durable when it returns nil; when it returns an error nothing of it happened.
// PINs in it are sealed by the store.
type Store interface {
	Load() (Saved, error)
	Commit(Change) error
	// Events returns at most limit journal entries with Seq > after, oldest first.
	Events(after uint64, limit int) ([]Event, error)
}

// Saved is the whole durable state but the journal.
type Saved struct {
	Locks   []SavedLock
	Users   []User
	Slots   []SavedSlot
	Resets  []SavedReset
	LastSeq uint64 // of the journal
	LastID  UserID // highest ever given
	Counter map[string]uint64
	Lost    []SlotKey // slots whose record could not be read

	LostResets []LockID // locks of which a reset's record could not be read
}

// SavedLock is a known lock.
type SavedLock struct {
	ID        LockID
	Name      string
	Slug      string // stable label for metrics, made once from the first name
	Info      Info
	Added     time.Time
	Forgotten time.Time // not zero: no longer of this home; the record keeps its id from being reused
	Bolt      Bolt      // last reported; shown as unknown after a start until the lock is heard
	BoltAt    time.Time
	Battery   *float64 // percent
	BatteryAt time.Time
	Settings  Settings
	Tampered  bool      // an alarm of tamper, force or an unasked reset that nobody has acknowledged
	Scanned   time.Time // when all its slots were last read; zero: never
	Doubts    []Slot    // to be read again: the lock said that other hands were there
}

// SlotKey names a slot of a lock.
type SlotKey struct {
	Lock LockID
	Slot Slot
}

// SavedSlot is desired and observed state of one slot.
type SavedSlot struct {
	SlotKey
	User      UserID // whom it is meant for; zero: nobody
	Want      bool   // a code should be there (now, its schedule considered)
	Wanted    PIN    // the digits that should be there
	Observed  CredentialState
	Seen      PIN // the digits last written with success or read; for read-back comparison
	State     CodeState
	Reason    string
	Attempts  int
	NotBefore time.Time // no attempt earlier
	Claimed   bool      // we wrote here, or were about to: whatever stands in the slot is ours to clear
	Stale     bool      // an older code of the same person may still stand there; it goes even if the new one cannot be written
	Since     time.Time
	Own       SlotSchedule // what the lock should follow by itself there
}

// SavedReset is a factory-reset workflow, one at most for each lock.
type SavedReset struct {
	Lock  LockID
	Stage string
	Data  []byte // JSON of the workflow's own record; captured PINs stand in Sealed
	Codes []CapturedCode
	Since time.Time
	// Lines are the workflow's entries for the journal that are not known to stand there, without their numbers in it. They are durable with what they tell of.
	Lines  []Event
	LineNo uint64 // of the last of them, counted for each lock; the counter "reset.told." and the lock says up to which they stand in the journal
}

// CapturedCode is a code read from a lock before it is erased.
type CapturedCode struct {
	Slot Slot
	User UserID
	PIN  PIN
}

// Change is one atomic step. Put replaces a record whole.
type Change struct {
	PutLocks   []SavedLock
	DropLocks  []LockID
	PutUsers   []User
	DropUsers  []UserID
	PutSlots   []SavedSlot
	DropSlots  []SlotKey
	PutResets  []SavedReset
	DropResets []LockID
	Counters   map[string]uint64
	Append     []Event // with Seq already given
	Prune      uint64  // journal entries up to this Seq are dropped; zero: none
}
