package homekit

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// codeDesk is the Access Code service of one lock. Codes are the bridge's: a code that was made in Apple Home belongs to a user like any other, and a code
// made elsewhere is listed. A change is answered once it is durably desired; the lock gets it when it wakes (docs/homekit.md says why that is success).
type codeDesk struct {
	lock *lock

	mu      sync.Mutex // one request at a time: a batch sees its own effects
	removed *removedCode
}

// removedCode is what Remove took away, for the Add that follows when Apple Home edits a code.
type removedCode struct {
	user bridge.User
	kept bool // the user is still there, with other locks
	many bool // it was not the only one
	by   string
	at   time.Time
}

// held is one code that can be shown.
type held struct {
	user     bridge.UserID
	id       uint64
	pin      bridge.PIN
	schedule bool
}

// bulkFloor is how many requests one write may hold at least, whatever the lock's memory.
const bulkFloor = 32

// readLimits is SupportedConfiguration (261).
func (d *codeDesk) readLimits(context.Context, hap.Request) (any, hap.Status) {
	t := d.traits()
	minimum, maximum := t.lengths()
	if codes, err := d.held(); err == nil && t.SameLength && len(codes) > 0 {
		minimum = codes[0].pin.Len()
		maximum = minimum
		wipe(codes)
	}
	return appendCodeLimits(nil, codeLimits{Min: minimum, Max: maximum, Count: t.Capacity()}), hap.StatusOK
}

// traits are the lock's, with what the service needs of them.
type traits struct{ bridge.Traits }

func (d *codeDesk) traits() traits {
	d.lock.mu.Lock()
	defer d.lock.mu.Unlock()
	return traits{d.lock.view.Info.Traits}
}

// lengths are the digits that the lock takes; the ZCL's defaults (7.3.2.10) where it does not say.
func (t traits) lengths() (minimum, maximum int) {
	minimum, maximum = t.PINMin, t.PINMax
	if minimum <= 0 {
		minimum = 4
	}
	if maximum <= 0 {
		maximum = 8
	}
	return minimum, min(max(minimum, maximum), bridge.PINLimit)
}

// configState is ConfigurationState (263).
func (d *codeDesk) configState() int {
	if !d.lock.a.cfg.CountCodes {
		return 0
	}
	return int(d.lock.a.b.CodeCounter(d.lock.id) & math.MaxUint16)
}

// write is the control point (262). Only administrators come this far.
func (d *codeDesk) write(ctx context.Context, r hap.Request, value any) (any, hap.Status) {
	b, _ := value.([]byte)
	req, err := parseCodeRequest(b)
	clear(b) // it may hold digits
	if err != nil {
		return nil, hap.StatusInvalidValue
	}
	defer func() {
		for _, it := range req.Items {
			clear(it.Code)
		}
	}()
	if !r.Admin {
		return nil, hap.StatusInsufficientPrivileges
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	answers, err := d.carryOut(ctx, r, req)
	if err != nil {
		d.lock.a.log.Error("an access code request of Apple Home failed", "lock", d.lock.id, "err", err)
		return nil, hap.StatusUnreachable
	}
	out := appendCodeAnswers(nil, req.Op, answers)
	for _, a := range answers {
		clear(a.Code)
	}
	return out, hap.StatusOK
}

func (d *codeDesk) carryOut(ctx context.Context, r hap.Request, req codeRequest) ([]codeAnswer, error) {
	if req.Op == opList {
		return d.list()
	}
	if len(req.Items) == 0 {
		return []codeAnswer{{Status: codeInvalidRequest}}, nil
	}
	most := max(bulkFloor, d.traits().Slots)
	answers := make([]codeAnswer, 0, len(req.Items))
	for i, it := range req.Items {
		a := codeAnswer{ID: it.ID, HasID: it.HasID}
		switch {
		case i >= most:
			a.Status = codeTooManyBulk
		case it.bad:
			a = codeAnswer{Status: codeInvalidRequest}
		default:
			var err error
			switch req.Op {
			case opRead:
				err = d.read(&a)
			case opAdd:
				err = d.add(ctx, cause(r), it, &a)
			case opUpdate:
				err = d.update(ctx, cause(r), it, &a)
			case opRemove:
				err = d.remove(ctx, cause(r), &a)
			default:
				a.Status = codeInvalidRequest
			}
			if err != nil {
				a.Code = nil
				if a.Status = codeStatusOf(err, it, d.traits()); a.Status == codeUnknownError {
					d.lock.a.log.Error("an access code was not changed", "lock", d.lock.id, "err", err)
				}
			}
		}
		answers = append(answers, a)
	}
	return answers, nil
}

// held are the codes of the lock that have a user and whose digits are known, numbered, in the order of their numbers. The caller wipes them.
func (d *codeDesk) held() ([]held, error) {
	codes, err := d.lock.a.b.Codes(d.lock.id)
	if err != nil {
		return nil, fmt.Errorf("homekit: codes of %s: %w", d.lock.id, err)
	}
	var list []held
	have := make(map[bridge.UserID]bool)
	for _, c := range codes {
		if c.User == 0 || have[c.User] {
			continue
		}
		pin, err := d.lock.a.b.Reveal(d.lock.id, c.User)
		if err != nil || pin.IsZero() {
			continue // being taken away, or the digits are the lock's secret
		}
		u, err := d.lock.a.b.User(c.User)
		if err != nil {
			continue
		}
		have[c.User] = true
		list = append(list, held{user: c.User, pin: pin.Clone(), schedule: restricted(u.Schedule)})
	}
	err = d.lock.a.reg.edit(d.lock.id, func(rec *lockRecord) bool {
		changed := rec.Codes.keep(have)
		for i := range list {
			var fresh bool
			list[i].id, fresh = rec.Codes.give(list[i].user)
			changed = changed || fresh
		}
		return changed
	})
	if err != nil {
		wipe(list)
		return nil, err
	}
	return list, nil
}

func restricted(s bridge.Schedule) bool {
	return len(s.Weekly) > 0 || !s.From.IsZero() || !s.Until.IsZero() || s.Uses > 0
}

func wipe(list []held) {
	for _, h := range list {
		h.pin.Wipe()
	}
}

func (h held) answer() codeAnswer {
	a := codeAnswer{ID: h.id, HasID: true}
	h.pin.Expose(func(digits []byte) { a.Code = append(codeDigits{}, digits...) })
	if h.schedule {
		a.Flags = flagRestricted
	}
	return a
}

func (d *codeDesk) list() ([]codeAnswer, error) {
	codes, err := d.held()
	if err != nil {
		return nil, err
	}
	defer wipe(codes)
	answers := make([]codeAnswer, 0, len(codes))
	for _, h := range codes {
		answers = append(answers, h.answer())
	}
	return answers, nil
}

// find looks a number up.
func (d *codeDesk) find(a *codeAnswer) (h held, others []held, err error) {
	if !a.HasID {
		return held{}, nil, errCodeMessage
	}
	codes, err := d.held()
	if err != nil {
		return held{}, nil, err
	}
	for i, h := range codes {
		if h.id == a.ID {
			return h, append(codes[:i:i], codes[i+1:]...), nil
		}
	}
	wipe(codes)
	return held{}, nil, bridge.ErrNoSuchUser
}

func (d *codeDesk) read(a *codeAnswer) error {
	h, others, err := d.find(a)
	if err != nil {
		return err
	}
	defer wipe(append(others, h))
	*a = h.answer()
	return nil
}

// codeStatusOf says in the service's words why a code was not changed.
func codeStatusOf(err error, it codeItem, t traits) codeStatus {
	switch {
	case errors.Is(err, errCodeMessage):
		return codeInvalidRequest
	case errors.Is(err, bridge.ErrCodeDigits):
		return codeBadCharacter
	case errors.Is(err, bridge.ErrCodeLength):
		if _, maximum := t.lengths(); len(it.Code) > maximum {
			return codeTooLong
		}
		var le lengthError
		if errors.As(err, &le) && le.long {
			return codeTooLong
		}
		return codeTooShort
	case errors.Is(err, bridge.ErrDuplicate):
		return codeDuplicate
	case errors.Is(err, bridge.ErrMemoryFull):
		return codeTooMany
	case errors.Is(err, bridge.ErrNoSuchUser), errors.Is(err, bridge.ErrNoSuchSlot):
		return codeNotExists
	}
	return codeUnknownError
}

// lengthError is ErrCodeLength with its direction.
type lengthError struct{ long bool }

func (e lengthError) Error() string { return bridge.ErrCodeLength.Error() }
func (e lengthError) Unwrap() error { return bridge.ErrCodeLength }
