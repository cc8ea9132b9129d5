package bridge

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Procedure is how locks of one family are reset, as far as it was found. Each line says where it is from and how far it can be trusted. What was not found
// is said to be unknown; nothing is guessed.
type Procedure struct {
	Family  string          `json:"family"`
	Title   string          `json:"title"`
	Maker   string          `json:"maker"`
	Page    string          `json:"page"`  // where the maker's own words are to be had
	Found   bool            `json:"found"` // Steps are known
	AtHand  []ResetLine     `json:"at_hand"`
	Button  []ResetLine     `json:"button"`
	Steps   []ProcedureStep `json:"steps"`
	Expect  []ResetLine     `json:"expect"`
	Radio   []ResetLine     `json:"radio,omitempty"` // resets of the radio alone, which keep the codes
	Default DefaultCodes    `json:"default"`
	Master  ResetLine       `json:"master,omitzero"` // what is to be done about the master code; none: the lock has none
	Erases  []ResetLine     `json:"erases"`
	Join    []ResetLine     `json:"join"`
	Remote  []RemoteLine    `json:"remote"`
	Signs   []SignLine      `json:"signs"`
	Early   string          `json:"early"` // what a release that came too early missed
}

// ProcedureStep is one thing to do by hand.
type ProcedureStep struct {
	ResetLine
	Seconds int    `json:"seconds,omitempty"`
	Expect  string `json:"expect,omitempty"`
}

// DefaultCodes are a maker's defaults. They are public, and yet never written to a log or an event.
type DefaultCodes struct {
	Kind       string   `json:"kind"` // none, fixed, sticker, unknown
	Text       string   `json:"text"`
	Codes      []string `json:"codes"`
	Slots      []Slot   `json:"slots"`
	Source     string   `json:"source"`
	Confidence string   `json:"confidence"`
}

// RemoteLine describes a remote way.
type RemoteLine struct {
	ResetLine
	Way ResetWay `json:"way"`
}

// SignLine is a sign to expect by radio.
type SignLine struct {
	Sign       string `json:"sign"` // alarm, leave, silence, announce, join
	May        string `json:"may"`
	Within     int    `json:"within"` // seconds after the last step
	Source     string `json:"source"`
	Confidence string `json:"confidence"`
}

//go:embed procedures.json
var proceduresJSON []byte

// Procedures are those of all families, and of "generic".
var Procedures = sync.OnceValue(func() map[string]*Procedure {
	var list []*Procedure
	if err := json.Unmarshal(proceduresJSON, &list); err != nil {
		panic("bridge: procedures.json: " + err.Error()) // embedded, and held by a test
	}
	m := map[string]*Procedure{}
	for _, p := range list {
		m[p.Family] = p
	}
	return m
})

// procedureFor gives the family's procedure, or the generic one, with the maker's and model's names in it.
func procedureFor(family, manufacturer, model string) *Procedure {
	p, ok := Procedures()[family]
	if !ok {
		p = Procedures()["generic"]
	}
	q := *p
	if q.Maker == "" {
		q.Maker = manufacturer
	}
	if q.Maker == "" {
		q.Maker = "the maker"
	}
	q.Title = strings.TrimSpace(q.Title)
	if model != "" {
		q.Title += " (" + model + ")"
	}
	return &q
}

// handSteps are the steps as a person gets them. For a model whose procedure was not found it is one step, which names the maker and the model.
func (p *Procedure) handSteps() []ResetStep {
	if !p.Found || len(p.Steps) == 0 {
		return []ResetStep{{
			ID:     "hand-1",
			Text:   fmt.Sprintf("How a %s is reset is not known here. See the manual of %s: %s. Reset the lock as it says, then come back and say done.", p.Title, p.Maker, p.Page),
			Source: "no procedure for this model was found in public sources", Confidence: "high",
		}}
	}
	var steps []ResetStep
	for i, s := range p.Steps {
		steps = append(steps, ResetStep{
			ID: fmt.Sprintf("hand-%d", i+1), Text: s.Text, Seconds: s.Seconds, Expect: s.Expect, Source: s.Source, Confidence: s.Confidence,
		})
	}
	return steps
}

// within is how long signs are waited for.
func (p *Procedure) within(way ResetWay) time.Duration {
	switch way {
	case ResetClearCodes:
		return 40 * time.Second
	case ResetBasic, ResetLeave:
		return 60 * time.Second
	}
	longest := 60
	for _, s := range p.Signs {
		if s.Sign != "join" {
			longest = max(longest, s.Within)
		}
	}
	return time.Duration(longest) * time.Second
}

func (p *Procedure) awaited(way ResetWay) []string {
	switch way {
	case ResetClearCodes:
		return []string{"empty slots, read back"}
	case ResetLeave:
		return []string{"the lock's leave", "silence", "a join from the same address"}
	}
	return []string{"the lock's alarm “reset to factory defaults”", "its leave", "silence", "a new announcement", "a join from the same address", "empty slots"}
}

// expected is what eyes and ears should notice.
func (p *Procedure) expected() string {
	var s []string
	for _, e := range p.Expect {
		s = append(s, e.Text)
	}
	return strings.Join(s, " ")
}

// likely is why a reset was not seen.
func (p *Procedure) likely(way ResetWay) string {
	if way != ResetHands {
		return "The request may not have reached the lock, or this model does not do it. Try again with the lock awake, or plan the reset by hands."
	}
	s := "The likely reasons: the button was released too early, it was another button, or the batteries are too weak or were not out. "
	if p.Early != "" {
		s += p.Early + " "
	}
	return s + "Try again from the first step; no new plan is needed."
}

func (p *Procedure) joinText() string {
	var s []string
	for _, l := range p.Join {
		s = append(s, l.Text)
	}
	return "Have the lock join the network again: " + strings.Join(s, " ")
}

// erases is what the way erases.
func (p *Procedure) erases(way ResetWay) []ResetLine {
	switch way {
	case ResetHands:
		return p.Erases
	default:
		for _, r := range p.Remote {
			if r.Way == way {
				return []ResetLine{r.ResetLine}
			}
		}
	}
	return nil
}

func (p *Procedure) defaultSlot(s Slot) bool { return slices.Contains(p.Default.Slots, s) }
