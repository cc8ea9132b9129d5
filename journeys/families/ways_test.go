package families

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/lockfw"
)

// known are the families whose procedure by hands was found; for the others the plan sends to the maker's manual.
var known = map[string]bool{"yale_assure": true, "yale_assure_noreport": true, "yale_real_living_rawpct": true, "kwikset": true, "schlage": true, "danalock": true}

// reset is a workflow, and the person at the door who does what it asks.
type reset struct {
	*home
	way     bridge.ResetWay
	done    map[string]bool
	defused bool // the danger of default codes was said
}

// TestEveryWay resets an emulated lock of every family by each way that its plan offers, and has the people's codes restored.
func TestEveryWay(t *testing.T) {
	t.Parallel()
	for _, f := range lockfw.Families() {
		for _, way := range []bridge.ResetWay{bridge.ResetHands, bridge.ResetBasic, bridge.ResetLeave, bridge.ResetClearCodes} {
			t.Run(f.Name+"/"+string(way), func(t *testing.T) {
				t.Parallel()
				h := open(t, f)
				first, err := h.PlanReset(t.Context(), h.id, "")
				if err != nil {
					t.Fatal(err)
				}
				p, err := h.PlanReset(t.Context(), h.id, way)
				if slices.Contains(first.Ways, way) != (err == nil) || err != nil && !errors.Is(err, bridge.ErrUnsupported) {
					t.Fatalf("offered: %v, and the plan: %v", first.Ways, err)
				}
				if err != nil {
					return // it does not have this way, and says so
				}
				if h.planned(f, p); t.Failed() {
					return
				}
				(&reset{home: h, way: way, done: map[string]bool{}}).whole(f)
			})
		}
	}
}

// planned checks that the plan says how far the procedure is known.
func (h *home) planned(f lockfw.Family, p bridge.ResetPlan) {
	t := h.t
	if p.Way != bridge.ResetHands {
		if !p.Known || len(p.Steps) != 0 {
			t.Errorf("%+v", p)
		}
		return
	}
	switch {
	case known[f.Name] != p.Known || len(p.Steps) == 0:
		t.Errorf("known: %v, steps %+v", p.Known, p.Steps)
	case p.Known && (len(p.AtHand) == 0 || len(p.Button) == 0 || strings.Contains(p.Steps[0].Text, "not known")):
		t.Errorf("a known procedure without what is needed: %+v", p)
	case !p.Known:
		if s := p.Steps[0].Text; len(p.Steps) != 1 || !strings.Contains(s, "not known here") || !strings.Contains(s, "See the manual of ") || !strings.Contains(s, p.Model) || strings.Contains(s, "manual of :") {
			t.Errorf("an unknown procedure for model %q: %+v", p.Model, p.Steps)
		}
	}
}

// whole goes through the workflow and checks what it left.
func (r *reset) whole(f lockfw.Family) {
	t := r.t
	digits := map[bridge.UserID]string{}
	if holding[f.Name] {
		ann := r.add("Ann", "2846")
		digits[ann] = "2846"
		r.settled(ann, "2846")
		if v, err := r.Find(string(r.id)); err != nil {
			t.Fatal(err)
		} else if v.Info.Traits.LastSlot != v.Info.Traits.FirstSlot {
			bob := r.add("Bob", "9175")
			digits[bob] = "9175"
			r.settled(bob, "9175")
		}
	}
	from := r.Snapshot().Seq
	p, err := r.PlanReset(t.Context(), r.id, r.way)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.ConfirmReset(t.Context(), r.id, p.Hash, asked); err != nil {
		t.Fatal(err)
	}
	s := r.carriedOut()
	if s.Stage == bridge.ResetStuck || r.way == bridge.ResetBasic && !slices.Contains([]string{"full", "codes"}, r.lock.Behaviour().BasicReset) {
		r.nothingErased(s, digits)
		return
	}
	for id, d := range digits {
		r.settled(id, d)
	}
	r.noDefaults(f)
	r.told(from)
	r.reported(f, s, len(digits))
	for _, d := range digits {
		if r.lock.Keypad(d) != nil {
			t.Error("a restored code does not open")
		}
	}
}

// nothingErased: the lock said yes and erased nothing; that is found out, told, and costs no code.
func (r *reset) nothingErased(s bridge.ResetStatus, digits map[bridge.UserID]string) {
	t := r.t
	if s.Stage != bridge.ResetStuck || s.StuckAt != bridge.ResetErasing || !s.CanCancel || !strings.Contains(s.Next, "by hands") ||
		!strings.Contains(s.Why, "No reset was seen") && !strings.Contains(s.Why, "said yes and erased nothing") {
		t.Errorf("%+v", s)
	}
	if err := r.CancelReset(t.Context(), r.id); err != nil {
		t.Error(err)
	}
	for id, d := range digits {
		r.settled(id, d)
	}
}

// carriedOut has the person do what is asked until the workflow is done, or stuck where that may be.
func (r *reset) carriedOut() bridge.ResetStatus {
	t := r.t
	t.Helper()
	var s bridge.ResetStatus
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(3 * time.Millisecond) {
		var err error
		if s, err = r.ResetStatus(r.id); err != nil {
			t.Fatal(err)
		}
		r.defused = r.defused || s.Dangerous
		switch {
		case s.Stage == bridge.ResetDone:
			return s
		case s.Stage == bridge.ResetStuck && r.way == bridge.ResetBasic:
			return s
		case s.Stage == bridge.ResetStuck, s.Stage == bridge.ResetCancelled:
			t.Fatalf("%s at %q: %s %s; seen %+v", s.Stage, s.StuckAt, s.Why, s.Next, s.Seen)
		case s.Stage == bridge.ResetConfirmed && strings.Contains(s.Why, "the door is closed"):
			r.lock.OpenDoor(true)
		case s.Stage == bridge.ResetRejoining && !r.lock.Joined() && !r.done["join"]:
			r.done["join"] = true
			r.lock.PressJoin()
		}
		if s.Step != nil && !r.done[s.Step.ID+s.Since.String()] {
			r.hands(s)
		}
	}
	t.Fatalf("it is at %q (%s; next: %s), step %+v, seen %+v", s.Stage, s.Why, s.Next, s.Step, s.Seen)
	return s
}

// hands does one step.
func (r *reset) hands(s bridge.ResetStatus) {
	answer, id := "done", s.Step.ID
	r.done[id+s.Since.String()] = true
	switch {
	case strings.HasPrefix(id, "hand-"):
		if s.StepNo == s.Steps { // whoever guides reads all steps first; the whole gesture is made at the last one
			<-r.lock.ResetByHand()
		}
	case id == "master":
		old := ""
		if !r.lock.NeedsMaster() {
			old = r.lock.Family().Defaults.Master
			if m, _ := r.lock.Sticker(); m != nil {
				old = m.Reveal()
			}
			for _, slot := range r.lock.Family().Masters {
				old += r.lock.Family().Defaults.Codes[slot]
			}
		}
		if r.lock.SetMaster(old, "998877") == nil && r.spoke(id) {
			return
		}
	case id == "default-tried":
		answer = "refused"
		for _, c := range r.defaults() {
			if r.lock.Keypad(c) == nil {
				answer = "opened"
			}
		}
	case id == "others":
		answer = "leave out"
	case id == "saw":
		answer = "no"
		for _, i := range r.lock.Indicators() {
			if i.Sign == "triple beep" {
				answer = "yes"
			}
		}
		if r.way == bridge.ResetBasic && r.lock.Keypad("2846") != nil { // no lamp tells of this way; whoever wants to know tries a code
			answer = "yes"
		}
	case id == "batteries":
		r.lock.FitBatteries(100)
		answer = s.Step.Answers[0]
	case id == "test-motor":
		answer = "go"
	case id == "test-keypad":
		code := "2846"
		if strings.Contains(s.Step.Text, "Bob") {
			code = "9175"
		}
		answer = "refused"
		if r.lock.Keypad(code) == nil {
			answer = "worked"
			if r.spoke(id) {
				return
			}
		}
	}
	ctx, cancel := context.WithTimeout(r.t.Context(), 30*time.Second)
	defer cancel()
	if err := r.AckReset(ctx, r.id, id, map[string]string{"answer": answer}); err != nil && !errors.Is(err, bridge.ErrConflict) {
		r.t.Errorf("answer %q to %q: %v", answer, id, err)
	}
}

// spoke lets the lock report before the person answers.
func (r *reset) spoke(step string) bool {
	for range 200 {
		if s, err := r.ResetStatus(r.id); err == nil && (s.Step == nil || s.Step.ID != step) {
			return true
		}
		time.Sleep(3 * time.Millisecond)
	}
	return false
}

// defaults are the codes that a factory-new lock of this family opens to.
func (r *reset) defaults() map[int]string {
	out := map[int]string{}
	maps.Copy(out, r.lock.Family().Defaults.Codes)
	_, users := r.lock.Sticker()
	for i, u := range users {
		out[i] = u.Reveal()
	}
	return out
}

// noDefaults looks into the lock itself and tries at its keypad.
func (r *reset) noDefaults(f lockfw.Family) {
	if r.way == bridge.ResetLeave {
		return // what stood on the lock stays, other people's codes included
	}
	for slot, d := range r.defaults() {
		for _, c := range r.lock.Codes() {
			if c.Slot >= 0 && !slices.Contains(f.Masters, c.Slot) && c.PIN.Reveal() == d {
				r.t.Errorf("slot %d holds a default code after %s", c.Slot, r.way)
			}
		}
		if master := slices.Contains(f.Masters, slot); r.lock.Keypad(d) == nil && !(master && r.way == bridge.ResetClearCodes) { // that way keeps the master
			r.t.Errorf("a default code opens the lock after %s", r.way)
		}
	}
}

// told checks the journal: each stage once, in order, ended by done.
func (r *reset) told(from uint64) {
	t := r.t
	t.Helper()
	events, err := r.History(from, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var stages []bridge.ResetStage
	for _, e := range events {
		if m, ok := e.Body.(bridge.ResetMoved); ok && (len(stages) == 0 || stages[len(stages)-1] != bridge.ResetStage(m.Stage)) {
			stages = append(stages, bridge.ResetStage(m.Stage))
		}
		if n, ok := e.Body.(bridge.ResetNoticed); ok {
			t.Errorf("a reset that was asked for is taken for another's: %+v", n)
		}
	}
	want := []bridge.ResetStage{bridge.ResetConfirmed, bridge.ResetGuarded, bridge.ResetErasing, bridge.ResetWaiting, bridge.ResetRejoining, bridge.ResetSecuring,
		bridge.ResetRestoring, bridge.ResetTesting, bridge.ResetDone}
	if !slices.Equal(stages, want) {
		t.Errorf("stages told: %q", stages)
	}
}

// reported checks the last page against what is known of the lock.
func (r *reset) reported(f lockfw.Family, s bridge.ResetStatus, codes int) {
	t := r.t
	t.Helper()
	if s.Report == nil {
		t.Fatal("no report")
	}
	rep := *s.Report
	if len(rep.Failed) != 0 || len(rep.Restored) != codes || r.way != bridge.ResetLeave && len(rep.Erased) == 0 {
		t.Errorf("report %+v", rep)
	}
	v, err := r.Find(string(r.id))
	if err != nil {
		t.Fatal(err)
	}
	list, other, words := rep.Verified, rep.Unverifiable, ": read back."
	if v.Info.Traits.ReadBack != bridge.ReadBackFull {
		list, other, words = other, list, ": the lock said yes, and cannot show it."
	}
	if n := count(list, words) - count(list, "That the codes were erased"+words); n != codes || count(other, words) != 0 {
		t.Errorf("%d of %d codes with %q: %+v", n, codes, words, rep)
	}
	gone, unproven := count(rep.Verified, "Default codes are gone")+count(rep.Verified, "default code was tried at the keypad"),
		count(rep.Unverifiable, "cannot be proven")+count(rep.Unverifiable, "default code was refused: on a person's word")+count(rep.Unverifiable, "Default codes: ")
	if want := r.way != bridge.ResetLeave; (gone+unproven == 1) != want {
		t.Errorf("default codes: %d lines say that they are gone, %d that it cannot be proven: %+v", gone, unproven, rep)
	}
	if v.Info.Traits.ReadBack == bridge.ReadBackNone && gone > 0 && count(rep.Verified, "default code was tried") == 0 {
		t.Errorf("proven on a lock that shows nothing: %+v", rep)
	}
	if whole := r.way == bridge.ResetHands; whole && (f.Defaults.Kind == "fixed" || f.Defaults.Kind == "sticker") && !r.defused {
		t.Error("the dangerous minute was not said")
	}
}

func count(list []string, part string) int {
	n := 0
	for _, s := range list {
		if strings.Contains(s, part) {
			n++
		}
	}
	return n
}
