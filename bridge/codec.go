package bridge

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// ErrKind: an event of a kind that this version does not know, written by a later one.
var ErrKind = errors.New("bridge: event of an unknown kind")

type wireEvent struct {
	Seq   uint64          `json:"seq"`
	At    time.Time       `json:"at"`
	Lock  LockID          `json:"lock,omitempty"`
	Cause *Cause          `json:"cause,omitempty"`
	Kind  string          `json:"kind"`
	Body  json.RawMessage `json:"body"`
}

// decoders makes a body of each kind. A body that is not here cannot be stored; the test of the codec holds the list complete.
var decoders = map[string]func(json.RawMessage) (Body, error){
	BoltMoved{}.Kind():       decode[BoltMoved],
	BoltRead{}.Kind():        decode[BoltRead],
	DoorMoved{}.Kind():       decode[DoorMoved],
	BatteryRead{}.Kind():     decode[BatteryRead],
	Alarmed{}.Kind():         decode[Alarmed],
	EntryRefused{}.Kind():    decode[EntryRefused],
	LockProgrammed{}.Kind():  decode[LockProgrammed],
	Reached{}.Kind():         decode[Reached],
	Heard{}.Kind():           decode[Heard],
	LockJoined{}.Kind():      decode[LockJoined],
	LockReady{}.Kind():       decode[LockReady],
	LockLeft{}.Kind():        decode[LockLeft],
	InterviewFailed{}.Kind(): decode[InterviewFailed],
	StrangerRefused{}.Kind(): decode[StrangerRefused],
	DongleMoved{}.Kind():     decode[DongleMoved],
	PermitJoinMoved{}.Kind(): decode[PermitJoinMoved],
	CommandFinished{}.Kind(): decode[CommandFinished],
	CodeMoved{}.Kind():       decode[CodeMoved],
	UserChanged{}.Kind():     decode[UserChanged],
	ResetMoved{}.Kind():      decode[ResetMoved],
	ResetNoticed{}.Kind():    decode[ResetNoticed],
	LockRenamed{}.Kind():     decode[LockRenamed],
	LockForgotten{}.Kind():   decode[LockForgotten],
	PairingChanged{}.Kind():  decode[PairingChanged],
	SettingsMoved{}.Kind():   decode[SettingsMoved],
	Lagged{}.Kind():          decode[Lagged],
}

func decode[T Body](raw json.RawMessage) (Body, error) {
	var v T
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &v); err != nil {
			return nil, err
		}
	}
	return v, nil
}

// MarshalJSON writes an event as {"seq", "at", "lock", "cause", "kind", "body"}.
func (e Event) MarshalJSON() ([]byte, error) {
	if e.Body == nil {
		return nil, errors.New("bridge: event without a body")
	}
	body, err := json.Marshal(e.Body)
	if err != nil {
		return nil, fmt.Errorf("bridge: event %s: %w", e.Body.Kind(), err)
	}
	w := wireEvent{Seq: e.Seq, At: e.At, Lock: e.Lock, Kind: e.Body.Kind(), Body: body}
	if e.Cause != (Cause{}) {
		w.Cause = &e.Cause
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote. The error is ErrKind for a kind that is not known.
func (e *Event) UnmarshalJSON(b []byte) error {
	var w wireEvent
	if err := json.Unmarshal(b, &w); err != nil {
		return fmt.Errorf("bridge: event: %w", err)
	}
	dec, ok := decoders[w.Kind]
	if !ok {
		return fmt.Errorf("%w: %.40q", ErrKind, w.Kind)
	}
	body, err := dec(w.Body)
	if err != nil {
		return fmt.Errorf("bridge: event %s: %w", w.Kind, err)
	}
	*e = Event{Seq: w.Seq, At: w.At, Lock: w.Lock, Body: body}
	if w.Cause != nil {
		e.Cause = *w.Cause
	}
	return nil
}

// span is a duration that reads "1.5s" in JSON.
type span time.Duration

func (s span) MarshalText() ([]byte, error) { return []byte(time.Duration(s).String()), nil }

func (s *span) UnmarshalText(b []byte) error {
	d, err := time.ParseDuration(string(b))
	*s = span(d)
	return err
}

// MarshalJSON writes the remaining time as "58s".
func (p PermitJoinMoved) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Remaining span `json:"remaining"`
	}{span(p.Remaining)})
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (p *PermitJoinMoved) UnmarshalJSON(b []byte) error {
	var w struct {
		Remaining span `json:"remaining"`
	}
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	p.Remaining = time.Duration(w.Remaining)
	return nil
}

type wireFinished struct {
	Command   string         `json:"command"`
	Result    Result         `json:"result"`
	Stage     Stage          `json:"stage"`
	Why       string         `json:"why,omitempty"`
	Durations map[Stage]span `json:"durations,omitempty"`
	Retries   int            `json:"retries,omitempty"`
}

// MarshalJSON writes stages by name and durations as "120ms".
func (c CommandFinished) MarshalJSON() ([]byte, error) {
	w := wireFinished{Command: c.Command, Result: c.Result, Stage: c.Stage, Why: c.Why, Retries: c.Retries}
	if len(c.Durations) > 0 {
		w.Durations = make(map[Stage]span, len(c.Durations))
		for s, d := range c.Durations {
			w.Durations[s] = span(d)
		}
	}
	return json.Marshal(w)
}

// UnmarshalJSON reads what MarshalJSON wrote.
func (c *CommandFinished) UnmarshalJSON(b []byte) error {
	var w wireFinished
	if err := json.Unmarshal(b, &w); err != nil {
		return err
	}
	*c = CommandFinished{Command: w.Command, Result: w.Result, Stage: w.Stage, Why: w.Why, Retries: w.Retries}
	if len(w.Durations) > 0 {
		c.Durations = make(map[Stage]time.Duration, len(w.Durations))
		for s, d := range w.Durations {
			c.Durations[s] = time.Duration(d)
		}
	}
	return nil
}
