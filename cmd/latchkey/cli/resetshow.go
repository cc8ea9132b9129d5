package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

func (r *resetScreen) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	r.say("\n%s", title)
	for _, l := range lines {
		r.say("  - %s", l)
	}
}

func advice(lines []bridge.ResetLine) []string {
	var out []string
	for _, l := range lines {
		t := l.Text
		if l.Confidence != "high" && l.Confidence != "" {
			t += fmt.Sprintf(" (%s confidence: %s)", l.Confidence, l.Source)
		}
		out = append(out, t)
	}
	return out
}

func (r *resetScreen) showPlan(p bridge.ResetPlan) {
	r.say("Factory reset of %s (%s %s), method %s", p.Name, p.Manufacturer, p.Model, p.Way)
	if !p.Known {
		r.say("The procedure of this model is not known here: see the maker's manual, by the name %s %s.", p.Manufacturer, p.Model)
	}
	r.list("Lost for good:", p.Losses)
	r.list("Comes back by itself:", p.Returns)
	r.list("For you to do by hand:", p.Hands)
	r.list("It erases:", advice(p.Erases))
	r.list("Have at hand:", advice(p.AtHand))
	r.list("Where the button is:", advice(p.Button))
	if p.Default.Text != "" {
		r.list("Afterwards the lock opens with:", []string{p.Default.Text})
	}
	r.list("In the way now:", p.Blockers)
	for i, s := range p.Steps {
		if i == 0 {
			r.say("\nSteps:")
		}
		r.say("  %d. %s%s%s", i+1, s.Text, ifText(s.Seconds > 0, fmt.Sprintf(" (%d s)", s.Seconds)), ifText(s.Expect != "", " Expect: "+s.Expect))
	}
	r.say("\nThe plan holds until %s.", p.Expires.Local().Format("15:04"))
}

// show draws the workflow where it stands. On a terminal a new stage or step gets a fresh screen; as JSON each change is a line.
func (r *resetScreen) show(st bridge.ResetStatus) {
	key := fmt.Sprint(st.Stage, st.Since, st.StepNo, st.Why, st.Next, st.Awaiting, st.Restored, st.Pending)
	changed := key != r.last || len(st.Seen) != r.seen
	if r.json {
		if changed {
			r.last, r.seen = key, len(st.Seen)
			line := st
			if st.Stage != bridge.ResetDone {
				line.Plan = nil
			}
			if b, err := json.Marshal(line); err == nil {
				fmt.Fprintf(r.out, "%s\n", b)
			}
		}
		return
	}
	if changed {
		fresh := key != r.last
		r.last, r.seen = key, len(st.Seen)
		r.clearLine()
		r.screen(st, fresh)
	}
	r.clock(st)
}

func (r *resetScreen) screen(st bridge.ResetStatus, fresh bool) {
	if fresh && tty(r.out) != nil {
		fmt.Fprint(r.out, "\x1b[2J\x1b[H")
	}
	r.say("%s: %s%s", st.Name, st.Stage, ifText(st.StuckAt != "", fmt.Sprintf(" (at %s)", st.StuckAt)))
	if st.Dangerous {
		r.say("! The door may open to a default code now, or to none. Stay near it until this line is gone.")
	}
	if st.Step != nil {
		r.say("\nStep %d of %d: %s", st.StepNo, st.Steps, st.Step.Text)
		if st.Step.Expect != "" {
			r.say("Expect: %s", st.Step.Expect)
		}
	}
	if st.Why != "" {
		r.say("%s", st.Why)
	}
	r.list("Waiting for:", st.Awaiting)
	for i, s := range st.Seen {
		if i == 0 {
			r.say("\nSeen:")
		}
		r.say("  %s  %s", s.At.Local().Format("15:04:05"), s.Text)
	}
	if st.Restored+st.Pending > 0 {
		r.say("\nCodes: %d back, %d to go", st.Restored, st.Pending)
	}
	if st.Next != "" {
		r.say("\n→ %s", st.Next)
	}
	if st.Report != nil {
		r.report(st.Report)
	}
}

// clock shows what is counted down, on the last line.
func (r *resetScreen) clock(st bridge.ResetStatus) {
	if tty(r.err) == nil {
		return
	}
	switch {
	case time.Until(st.Countdown) > 0:
		fmt.Fprintf(r.err, "\r\x1b[K%v", time.Until(st.Countdown).Round(time.Second))
	case time.Until(st.Deadline) > 0:
		fmt.Fprintf(r.err, "\r\x1b[Kwaiting, %v left", time.Until(st.Deadline).Round(time.Second))
	}
}

func (r *resetScreen) report(p *bridge.ResetReport) {
	r.list("Erased:", p.Erased)
	r.list("Restored:", p.Restored)
	r.list("Verified:", p.Verified)
	r.list("Cannot be verified on this model:", p.Unverifiable)
	r.list("Not done:", p.Failed)
	r.list("Next:", p.Offers)
	r.say("\nIt took %v.", p.Took.Round(time.Second))
}
