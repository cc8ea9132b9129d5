package bridge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ways gives the ways of a lock, best first: by hands where the procedure is known, then what the radio can do, then by hands with the maker's manual.
func ways(info Info, p *Procedure) []ResetWay {
	var w []ResetWay
	if p.Found {
		w = append(w, ResetHands)
	}
	for _, r := range []ResetWay{ResetBasic, ResetClearCodes, ResetLeave} {
		if slices.Contains(info.Traits.RemoteResets, r) {
			w = append(w, r)
		}
	}
	if !p.Found {
		w = append(w, ResetHands)
	}
	return w
}

// makePlan puts a plan together from what is known, without asking the lock anything.
func (r *resets) makePlan(id LockID, way ResetWay) (ResetPlan, error) {
	v, err := r.host.Find(string(id))
	if err != nil {
		return ResetPlan{}, err
	}
	info := v.Info
	p := procedureFor(info.Family, info.Manufacturer, info.Model)
	all := ways(info, p)
	if way == "" {
		way = all[0]
		if !p.Found && info.Traits.Slots > 0 && len(all) > 1 && way == ResetLeave {
			way = ResetHands // leaving erases nothing: nobody means that by a reset
		}
	}
	if !slices.Contains(all, way) {
		return ResetPlan{}, fmt.Errorf("bridge: a reset of %s by %q is not known to work; possible: %v: %w", v.Name, way, all, ErrUnsupported)
	}
	plan := ResetPlan{
		Lock: id, Name: v.Name, Manufacturer: info.Manufacturer, Model: info.Model, Family: info.Family, Way: way, Ways: all,
		Known: way != ResetHands || p.Found, Erases: p.erases(way), AtHand: []ResetLine{}, Button: []ResetLine{}, Steps: []ResetStep{}, Expect: []ResetLine{},
		Default: DefaultCode{Kind: "none", Text: "Default codes do not come back by this way.", Source: p.Default.Source, Confidence: "medium"},
		Battery: v.Battery, MinBattery: r.minBattery(id),
	}
	if way == ResetHands {
		plan.AtHand, plan.Button, plan.Steps, plan.Expect = p.AtHand, p.Button, p.handSteps(), slices.Concat(p.Expect, p.Radio)
	}
	if way == ResetHands || way == ResetBasic {
		plan.Default = DefaultCode{
			Kind: p.Default.Kind, Text: p.Default.Text, Source: p.Default.Source, Confidence: p.Default.Confidence, Slots: p.Default.Slots,
			Provable: info.Traits.ReadBack == ReadBackFull || info.Traits.ReadBack == ReadBackStatus,
		}
	}
	r.costs(&plan, v, p)
	plan.Blockers = r.blockers(v, way)
	plan.Hash = plan.facts()
	plan.Made = time.Now()
	plan.Expires = plan.Made.Add(ResetPlanLifetime)
	return plan, nil
}

// costs fills in what is lost, what comes back and what hands must do.
func (r *resets) costs(plan *ResetPlan, v LockView, p *Procedure) {
	t, whole := v.Info.Traits, plan.Way == ResetHands || plan.Way == ResetBasic
	plan.Losses, plan.Returns, plan.Hands = []string{}, []string{}, []string{}
	var foreign, hidden []string
	var names []string
	for _, s := range r.host.savedSlots(v.ID) {
		switch {
		case s.User == 0 && s.State == CodeNotOurs && s.Observed == SlotKnown:
			foreign = append(foreign, fmt.Sprint(s.Slot))
		case s.User == 0 && s.State == CodeNotOurs:
			hidden = append(hidden, fmt.Sprint(s.Slot))
		case s.User != 0 && s.Want:
			names = append(names, r.host.userName(s.User))
		}
	}
	slices.Sort(names)
	if plan.Way == ResetLeave {
		plan.Returns = append(plan.Returns, "Nothing is lost on the lock: assume that its codes stay.")
		plan.Hands = append(plan.Hands, p.joinText())
		return
	}
	if len(hidden) > 0 {
		plan.Losses = append(plan.Losses, "The codes in slots "+strings.Join(hidden, ", ")+": Latchkey did not write them and cannot read them.")
	}
	if len(foreign) > 0 {
		plan.Losses = append(plan.Losses, "The codes in slots "+strings.Join(foreign, ", ")+", which Latchkey did not write: they are read and sealed before the reset, and come back only if you say so after it.")
	}
	plan.Losses = append(plan.Losses, "Codes set at the keypad that Latchkey has never seen.")
	if whole {
		if t.RFID {
			plan.Losses = append(plan.Losses, "RFID tags and cards: they have to be presented anew.")
			plan.Hands = append(plan.Hands, "Enrol RFID tags and cards at the lock.")
		}
		if t.Fingerprint {
			plan.Losses = append(plan.Losses, "Fingerprints: they have to be taken anew.")
			plan.Hands = append(plan.Hands, "Enrol fingerprints at the lock.")
		}
		if p.Master.Text != "" {
			plan.Losses = append(plan.Losses, "The lock's master code.")
			plan.Hands = append(plan.Hands, p.Master.Text)
		}
		plan.Losses = append(plan.Losses, "Pairings with other apps and networks, the maker's own included.")
	}
	if len(names) > 0 {
		plan.Returns = append(plan.Returns, fmt.Sprintf("%d codes that Latchkey wrote: %s.", len(names), strings.Join(names, ", ")), "Their schedules.")
	}
	if whole {
		plan.Returns = append(plan.Returns, "The lock's settings, as far as it lets them be read and written.", "Its name, its place in the Home app, and its history.")
		if plan.Way == ResetHands {
			plan.Hands = slices.Insert(plan.Hands, 0, "Reset the lock at the door, step by step.")
			plan.Hands = append(plan.Hands, p.joinText())
		}
	}
	if t.Slots > 0 {
		plan.Hands = append(plan.Hands, "Type one restored code at the keypad, as a test.")
	}
}

// blockers is what the guard would not let pass now.
func (r *resets) blockers(v LockView, way ResetWay) []string {
	b := []string{}
	switch bound := r.minBattery(v.ID); {
	case v.Battery == nil:
		b = append(b, "The battery has not been read; it is read before anything is erased.")
	case *v.Battery < bound:
		b = append(b, fmt.Sprintf("The battery is below %.0f %%: put fresh batteries in first.", bound))
	case time.Since(v.BatteryAt) >= freshReport:
		b = append(b, "The last battery report is older than a day; a fresh one is read before anything is erased.")
	}
	if doorWanted(way) && v.Info.Traits.DoorSensor && v.Door != DoorOpen && v.Door != DoorUnknown {
		b = append(b, "The door is "+v.Door.String()+": it has to be open.")
	}
	if !v.Reachable {
		b = append(b, "The lock has not been heard lately.")
	}
	return b
}

// facts is the hash of everything that the plan says about the lock. It changes with the facts, not with the clock; the battery counts by what it blocks.
func (p ResetPlan) facts() string {
	p.Hash, p.Made, p.Expires, p.Battery = "", time.Time{}, time.Time{}, nil
	b, err := json.Marshal(p)
	if err != nil {
		panic("bridge: reset plan: " + err.Error()) // strings and numbers only
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
