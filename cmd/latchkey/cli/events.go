package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/web"
)

func (a *app) cmdEvents() *cobra.Command {
	var follow bool
	var since, lock string
	var limit int
	c := command("events", "The journal: who did what, by name", "  latchkey events\n  latchkey events -f\n  latchkey events --since 24h --lock \"Front door\"", 0, 0,
		func(ctx context.Context, _ []string) error {
			q := url.Values{}
			for k, v := range map[string]string{"since": since, "lock": lock} {
				if v != "" {
					q.Set(k, v)
				}
			}
			names := a.lockNames(ctx)
			if follow {
				return a.stream(ctx, q, func(ev event) bool {
					a.showEvent(ev.Event, ev.Raw, names)
					return false
				})
			}
			if limit > 0 {
				q.Set("limit", strconv.Itoa(limit))
			}
			var raw []json.RawMessage
			if err := a.call(ctx, "GET", "/events?"+q.Encode(), nil, &raw); err != nil {
				return err
			}
			for _, r := range raw {
				var ev bridge.Event
				if err := json.Unmarshal(r, &ev); err != nil {
					continue // of a later version
				}
				a.showEvent(ev, r, names)
			}
			return nil
		})
	c.Flags().BoolVarP(&follow, "follow", "f", false, "go on with what happens from now")
	c.Flags().StringVar(&since, "since", "", "an event's number, a time, or how far back: 24h")
	c.Flags().StringVar(&lock, "lock", "", "of one lock only")
	c.Flags().IntVarP(&limit, "number", "n", 0, "at most so many")
	return c
}

func (a *app) lockNames(ctx context.Context) map[bridge.LockID]string {
	names := map[bridge.LockID]string{}
	var locks []web.Lock
	if a.call(ctx, "GET", "/locks", nil, &locks) == nil {
		for i := range locks {
			names[locks[i].ID] = locks[i].Name
		}
	}
	return names
}

func (a *app) showEvent(ev bridge.Event, raw json.RawMessage, names map[bridge.LockID]string) {
	if a.json {
		fmt.Fprintf(a.out, "%s\n", raw)
		return
	}
	text := sentence(ev)
	if text == "" {
		return
	}
	name := names[ev.Lock]
	if name == "" {
		name = string(ev.Lock)
	}
	if b, ok := ev.Body.(bridge.LockRenamed); ok {
		names[ev.Lock] = b.Name
	}
	if name != "" {
		name += ": "
	}
	a.say("%s  %s%s", ev.At.Local().Format("2006-01-02 15:04:05"), name, text)
}

// by says who or what did it.
func by(c bridge.Cause) string {
	who := c.Name
	if who == "" && c.User != 0 {
		who = fmt.Sprintf("user %d", c.User)
	}
	if who == "" && c.Slot != nil {
		who = fmt.Sprintf("the code in slot %d", *c.Slot)
	}
	way := map[bridge.Source]string{bridge.SourceKeypad: "at the keypad", bridge.SourceManual: "by the thumb turn", bridge.SourceKey: "with a key", bridge.SourceOneTouch: "by one touch",
		bridge.SourceAuto: "by its own timer", bridge.SourceSchedule: "by its own schedule", bridge.SourceRFID: "with a tag", bridge.SourceFingerprint: "with a finger",
		bridge.SourceRemote: "by radio, not through Latchkey", bridge.SourceHomeKit: "from the Home app", bridge.SourceMatter: "over Matter", bridge.SourceAPI: "through the API",
		bridge.SourceBridge: "by Latchkey"}[c.Source]
	if c.Source == bridge.SourceAPI && c.Actor != "" {
		way = "from " + c.Actor
	}
	parts := nonEmpty(ifText(who != "", "by "+who), way)
	if len(parts) == 0 {
		return ""
	}
	return " " + strings.Join(parts, ", ")
}

// sentence puts an event into words; "" for those that are no news to people.
func sentence(ev bridge.Event) string {
	switch b := ev.Body.(type) {
	case bridge.BoltMoved:
		return b.To.String() + by(ev.Cause)
	case bridge.BoltRead:
		if ev.Cause.Source != bridge.SourceUnknown {
			return "was " + b.Bolt.String() + by(ev.Cause)
		}
		return "is " + b.Bolt.String()
	case bridge.DoorMoved:
		return "the door is " + b.To.String()
	case bridge.BatteryRead:
		return fmt.Sprintf("battery %.0f %%%s", b.Percent, ifText(b.Low, ", low"))
	case bridge.Alarmed:
		return "ALARM: " + string(b.Alarm)
	case bridge.EntryRefused:
		return "entry refused (" + b.Why + ")" + by(ev.Cause)
	case bridge.LockProgrammed:
		return string(b.Change) + ifText(b.Ours, " by Latchkey")
	case bridge.Reached:
		return map[bool]string{true: "is heard again", false: "is not heard any more"}[b.Reachable]
	case bridge.LockJoined:
		return map[bool]string{true: "came back to the network", false: "joined the network"}[b.Known]
	case bridge.LockReady:
		return "is known: " + strings.Join(nonEmpty(b.Info.FamilyTitle, b.Info.Model, ifText(b.Info.Firmware != "", "firmware "+b.Info.Firmware)), ", ")
	case bridge.LockLeft:
		return "left the network"
	case bridge.InterviewFailed:
		return "could not be read out: " + b.Why
	case bridge.StrangerRefused:
		return fmt.Sprintf("%s was sent away: %s", b.Address, b.Why)
	case bridge.DongleMoved:
		if b.Up {
			return "the Zigbee dongle works"
		}
		return "the Zigbee dongle does not work: " + b.Fault
	case bridge.PermitJoinMoved:
		if b.Remaining > 0 {
			return fmt.Sprintf("the network is open to new locks for %v", b.Remaining)
		}
		return "the network is closed to new locks"
	}
	return sentenceOfPeople(ev)
}

func sentenceOfPeople(ev bridge.Event) string {
	switch b := ev.Body.(type) {
	case bridge.CommandFinished:
		if b.Result == bridge.ResultOK {
			return fmt.Sprintf("%s done%s", b.Command, by(ev.Cause))
		}
		return fmt.Sprintf("%s failed (%s)%s%s", b.Command, b.Result, by(ev.Cause), ifText(b.Why != "", ": "+b.Why))
	case bridge.CodeMoved:
		state := string(b.State)
		if state == "" {
			state = "gone"
		}
		return fmt.Sprintf("code in slot %d: %s%s", b.Slot, state, ifText(b.Reason != "", " ("+b.Reason+")"))
	case bridge.UserChanged:
		return fmt.Sprintf("user %s %s%s", b.Name, b.Change, by(ev.Cause))
	case bridge.ResetMoved:
		return "reset: " + b.Stage + ifText(b.Why != "", " ("+b.Why+")") + ifText(b.Next != "", ". "+b.Next)
	case bridge.ResetNoticed:
		return "ALARM: a reset that nobody asked for here: " + strings.Join(b.Signs, ", ")
	case bridge.LockRenamed:
		return "is called " + b.Name + " now"
	case bridge.LockForgotten:
		return "was forgotten"
	case bridge.SettingsMoved:
		return "settings of its own" + ifText(b.Settings.AutoRelock != nil, ": locks by itself "+relock(b.Settings.AutoRelock)) + ifText(b.Why != "", " ("+b.Why+")") + by(ev.Cause)
	case bridge.PairingChanged:
		return fmt.Sprintf("%s: controller %s, %d paired", b.Face, b.Change, b.Count)
	case bridge.Lagged:
		return fmt.Sprintf("(%d events were missed)", b.Missed)
	}
	return ""
}

// relock is an automatic relock time in words.
func relock(d *time.Duration) string {
	if d == nil || *d == 0 {
		return "never"
	}
	return "after " + d.String()
}
