package bridge

import "errors"

// Errors by consequence: what a caller can do about it is the whole point of the sentinel. Drivers wrap them with the particulars.
var (
	// ErrAsleep: the lock did not wake in time. Nothing was carried out, and nothing will be later.
	ErrAsleep = errors.New("the lock is asleep and was not reached in time")
	// ErrUnreachable: the lock does not answer. What was sent may have been carried out: the state is read again before anything else is sent.
	ErrUnreachable = errors.New("the lock does not answer")
	// ErrDown: the dongle is gone; nothing can be sent.
	ErrDown = errors.New("the Zigbee dongle is not connected")
	// ErrNotSeen: the lock accepted the command, but its bolt was not reported to have moved in time.
	ErrNotSeen = errors.New("the lock accepted the command, but did not report a movement in time")
	// ErrSuperseded: a later command of a person took this one's place before it was sent.
	ErrSuperseded = errors.New("a later command took its place before it was sent")
	// ErrRejected: the lock said no. The same request will be refused again.
	ErrRejected = errors.New("the lock refused")
	// ErrJammed: the bolt is stuck.
	ErrJammed = errors.New("the bolt is jammed")
	// ErrUnsupported: this model cannot do that.
	ErrUnsupported = errors.New("this lock cannot do that")
	// ErrNeedsHands: only a person at the door can do that.
	ErrNeedsHands = errors.New("a person at the door has to do this")
	// ErrNeedsPIN: the lock demands a PIN for remote operation (RequirePINforRFOperation, ZCL 7.3.2.12).
	ErrNeedsPIN = errors.New("this lock wants a PIN for remote operation")
	// ErrDuplicate: the lock holds that code for someone else already.
	ErrDuplicate = errors.New("the lock already holds this code")
	// ErrMemoryFull: no slot is free.
	ErrMemoryFull = errors.New("the lock's code memory is full")
	// ErrCodeLength: too short or too long for this lock, or not of the length that its other codes have.
	ErrCodeLength = errors.New("the code's length does not suit this lock")
	// ErrCodeDigits: a code is made of digits only.
	ErrCodeDigits = errors.New("a code is made of the digits 0 to 9")
	// ErrMasterSlot: the master code's slot is never touched.
	ErrMasterSlot = errors.New("this slot holds the lock's master code, which is never touched")
	// ErrNoSuchSlot: the lock has no such slot.
	ErrNoSuchSlot = errors.New("the lock has no such slot")
	// ErrNotStored: the lock said that it stored the code, but reading it back shows otherwise.
	ErrNotStored = errors.New("the lock said yes, but did not store the code")
	// ErrNonsense: the lock answered, and the answer cannot be read or cannot be true. It says nothing of what the lock holds.
	ErrNonsense = errors.New("the lock's answer makes no sense")
	// ErrNoSuchLock, ErrNoSuchUser: unknown names.
	ErrNoSuchLock = errors.New("no such lock")
	ErrNoSuchUser = errors.New("no such user")
	// ErrConflict: the request does not fit the present state (a name taken, a workflow under way).
	ErrConflict = errors.New("conflict")
	// ErrStore: the state could not be made durable; nothing was changed.
	ErrStore = errors.New("the state could not be saved")
	// ErrClosed: the reader was closed.
	ErrClosed = errors.New("the reader is closed")
	// ErrExpired: the plan, press or deadline is over.
	ErrExpired = errors.New("too late")
)
