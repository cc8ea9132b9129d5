package store

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// The records as JSON inside their seals. Digits stand in them as bytes, which are wiped as soon as the record is sealed.

type userRecord struct {
	ID       bridge.UserID            `json:"id"`
	Name     string                   `json:"name"`
	PIN      []byte                   `json:"pin,omitempty"`
	PINs     map[bridge.LockID][]byte `json:"pins,omitempty"`
	Locks    []bridge.LockID          `json:"locks,omitempty"`
	AllLocks bool                     `json:"all_locks,omitempty"`
	Schedule bridge.Schedule          `json:"schedule,omitzero"`
	Origin   bridge.Origin            `json:"origin,omitempty"`
	Used     int                      `json:"used,omitempty"`
	Created  time.Time                `json:"created,omitzero"`
	LastUsed time.Time                `json:"last_used,omitzero"`
	Ended    bool                     `json:"ended,omitempty"`
	Removed  time.Time                `json:"removed,omitzero"`
}

type slotRecord struct {
	Lock      bridge.LockID          `json:"lock"`
	Slot      bridge.Slot            `json:"slot"`
	User      bridge.UserID          `json:"user,omitempty"`
	Want      bool                   `json:"want,omitempty"`
	Wanted    []byte                 `json:"wanted,omitempty"`
	Observed  bridge.CredentialState `json:"observed"`
	Seen      []byte                 `json:"seen,omitempty"`
	State     bridge.CodeState       `json:"state,omitempty"`
	Reason    string                 `json:"reason,omitempty"`
	Attempts  int                    `json:"attempts,omitempty"`
	NotBefore time.Time              `json:"not_before,omitzero"`
	Claimed   bool                   `json:"claimed,omitempty"`
	Stale     bool                   `json:"stale,omitempty"`
	Since     time.Time              `json:"since,omitzero"`
	Own       bridge.SlotSchedule    `json:"own,omitzero"`
}

type codeRecord struct {
	Slot bridge.Slot   `json:"slot"`
	User bridge.UserID `json:"user,omitempty"`
	PIN  []byte        `json:"pin,omitempty"`
}

type resetRecord struct {
	Lock  bridge.LockID `json:"lock"`
	Stage string        `json:"stage"`
	Data  []byte        `json:"data,omitempty"`
	Codes []codeRecord  `json:"codes,omitempty"`
	Since time.Time     `json:"since,omitzero"`
	// Entries of the journal in their own form, in the order in which they are told.
	Lines  []json.RawMessage `json:"lines,omitempty"`
	LineNo uint64            `json:"line_no,omitempty"`
}

// digits copies a PIN's digits out.
func digits(p bridge.PIN) (out []byte) {
	p.Expose(func(d []byte) { out = append([]byte(nil), d...) })
	return out
}

// pin makes a PIN and wipes what it was made of. No digits give no PIN.
func pin(d []byte) (bridge.PIN, error) {
	if len(d) == 0 {
		return bridge.PIN{}, nil
	}
	defer clear(d)
	return bridge.NewPIN(d)
}

func encodeUser(u bridge.User) ([]byte, error) {
	r := userRecord{
		ID: u.ID, Name: u.Name, PIN: digits(u.PIN), Locks: u.Locks, AllLocks: u.AllLocks, Schedule: u.Schedule, Origin: u.Origin, Used: u.Used,
		Created: u.Created, LastUsed: u.LastUsed, Ended: u.Ended, Removed: u.Removed,
	}
	defer clear(r.PIN)
	for l, p := range u.PINs {
		if r.PINs == nil {
			r.PINs = map[bridge.LockID][]byte{}
		}
		d := digits(p)
		defer clear(d)
		r.PINs[l] = d
	}
	return json.Marshal(r)
}

func decodeUser(key, b []byte) (bridge.User, error) {
	var r userRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return bridge.User{}, plain(err)
	}
	if r.ID == 0 || string(key) != string(userKey(r.ID)) {
		return bridge.User{}, errPlace
	}
	u := bridge.User{
		ID: r.ID, Name: r.Name, Locks: r.Locks, AllLocks: r.AllLocks, Schedule: r.Schedule, Origin: r.Origin, Used: r.Used,
		Created: r.Created, LastUsed: r.LastUsed, Ended: r.Ended, Removed: r.Removed,
	}
	if u.Locks == nil {
		u.Locks = []bridge.LockID{} // nil would mean all
	}
	var err error
	if u.PIN, err = pin(r.PIN); err != nil {
		return bridge.User{}, err
	}
	for l, d := range r.PINs {
		p, err := pin(d)
		if err != nil {
			return bridge.User{}, err
		}
		if u.PINs == nil {
			u.PINs = map[bridge.LockID]bridge.PIN{}
		}
		u.PINs[l] = p
	}
	return u, nil
}

func encodeSlot(s bridge.SavedSlot) ([]byte, error) {
	r := slotRecord{
		Lock: s.Lock, Slot: s.Slot, User: s.User, Want: s.Want, Wanted: digits(s.Wanted), Observed: s.Observed, Seen: digits(s.Seen), State: s.State,
		Reason: s.Reason, Attempts: s.Attempts, NotBefore: s.NotBefore, Claimed: s.Claimed, Stale: s.Stale, Since: s.Since,
		Own: s.Own,
	}
	defer clear(r.Wanted)
	defer clear(r.Seen)
	return json.Marshal(r)
}

func decodeSlot(key, b []byte) (bridge.SavedSlot, error) {
	var r slotRecord
	if err := json.Unmarshal(b, &r); err != nil {
		return bridge.SavedSlot{}, plain(err)
	}
	s := bridge.SavedSlot{
		SlotKey: bridge.SlotKey{Lock: r.Lock, Slot: r.Slot}, User: r.User, Want: r.Want, Observed: r.Observed, State: r.State,
		Reason: r.Reason, Attempts: r.Attempts, NotBefore: r.NotBefore, Claimed: r.Claimed, Stale: r.Stale, Since: r.Since,
		Own: r.Own,
	}
	if string(key) != string(slotKey(s.SlotKey)) {
		return bridge.SavedSlot{}, errPlace
	}
	var err error
	if s.Wanted, err = pin(r.Wanted); err != nil {
		return bridge.SavedSlot{}, err
	}
	if s.Seen, err = pin(r.Seen); err != nil {
		return bridge.SavedSlot{}, err
	}
	return s, nil
}

func encodeReset(r bridge.SavedReset) ([]byte, error) {
	rec := resetRecord{Lock: r.Lock, Stage: r.Stage, Data: r.Data, Since: r.Since, LineNo: r.LineNo}
	for _, ev := range r.Lines {
		line, err := ev.MarshalJSON()
		if err != nil {
			return nil, err
		}
		rec.Lines = append(rec.Lines, line)
	}
	for _, c := range r.Codes {
		d := digits(c.PIN)
		defer clear(d)
		rec.Codes = append(rec.Codes, codeRecord{c.Slot, c.User, d})
	}
	return json.Marshal(rec)
}

func decodeReset(key, b []byte) (bridge.SavedReset, error) {
	var rec resetRecord
	if err := json.Unmarshal(b, &rec); err != nil {
		return bridge.SavedReset{}, plain(err)
	}
	if string(key) != string(rec.Lock) {
		return bridge.SavedReset{}, errPlace
	}
	r := bridge.SavedReset{Lock: rec.Lock, Stage: rec.Stage, Data: rec.Data, Since: rec.Since, LineNo: rec.LineNo}
	for _, line := range rec.Lines {
		var ev bridge.Event
		if err := json.Unmarshal(line, &ev); errors.Is(err, bridge.ErrKind) {
			continue // of a later version; the workflow itself can be read
		} else if err != nil {
			return bridge.SavedReset{}, plain(err)
		}
		r.Lines = append(r.Lines, ev)
	}
	for _, c := range rec.Codes {
		p, err := pin(c.PIN)
		if err != nil {
			return bridge.SavedReset{}, err
		}
		r.Codes = append(r.Codes, bridge.CapturedCode{Slot: c.Slot, User: c.User, PIN: p})
	}
	return r, nil
}

func decodeLock(key, b []byte) (bridge.SavedLock, error) {
	var l bridge.SavedLock
	if err := json.Unmarshal(b, &l); err != nil {
		return l, plain(err)
	}
	if string(key) != string(l.ID) {
		return l, errPlace
	}
	return l, nil
}

func decodeEvent(key, b []byte) (bridge.Event, error) {
	var ev bridge.Event
	if err := json.Unmarshal(b, &ev); err != nil {
		return ev, err
	}
	if len(key) != 8 || binary.BigEndian.Uint64(key) != ev.Seq {
		return ev, errPlace
	}
	return ev, nil
}

var errPlace = errors.New("the record does not belong where it stands")

// plain is a decoding error without what was being decoded: it may hold digits.
func plain(err error) error {
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) {
		return fmt.Errorf("wrong type in field %.40q", typ.Field)
	}
	return errors.New("not the JSON that was expected")
}

func userKey(id bridge.UserID) []byte { return binary.BigEndian.AppendUint32(nil, uint32(id)) }

func seqKey(seq uint64) []byte { return binary.BigEndian.AppendUint64(nil, seq) }

func slotKey(k bridge.SlotKey) []byte {
	return binary.BigEndian.AppendUint16(append([]byte(k.Lock), 0), uint16(k.Slot))
}

func parseSlotKey(b []byte) (k bridge.SlotKey, ok bool) {
	n := len(b) - 3
	if n < 1 || b[n] != 0 {
		return k, false
	}
	return bridge.SlotKey{Lock: bridge.LockID(b[:n]), Slot: bridge.Slot(binary.BigEndian.Uint16(b[n+1:]))}, true
}

// printable names a key for people.
func printable(bucket string, key []byte) string {
	var n uint64
	switch {
	case bucket == "users" && len(key) == 4:
		n = uint64(binary.BigEndian.Uint32(key))
	case bucket == "journal" && len(key) == 8:
		n = binary.BigEndian.Uint64(key)
	case bucket == "slots" && len(key) > 3 && key[len(key)-3] == 0:
		return fmt.Sprintf("%s/%s slot %d", bucket, key[:len(key)-3], binary.BigEndian.Uint16(key[len(key)-2:]))
	default:
		return bucket + "/" + strings.Trim(fmt.Sprintf("%q", key), `"`)
	}
	return fmt.Sprintf("%s/%d", bucket, n)
}
