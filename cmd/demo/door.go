package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

const menu = `
At the door (1 = front, 2 = back):
  turn 1 lock|unlock    the thumb turn           key 1 lock|unlock   the key
  type 1 CODE           at the keypad            add 1 SLOT CODE     program a code at the keypad
  hold 1 SECONDS        the reset button         join 1              the join procedure
  batteries 1 PERCENT   pull, and fit others     jam 1 on|off        block the bolt
  away 1 on|off         out of radio reach       unplug | replug     the dongle
  look                  what the lock's bolt really does, and what Latchkey shows
  help | quit
The emulated house lives four times as fast as the clock: ten seconds at the reset button take two and a half.
`

var errUsage = errors.New("not understood; type help")

// play lets a person act at the emulated door, and prints the journal as it goes on.
func (s *scene) play(ctx context.Context, in io.Reader, out io.Writer) error {
	fmt.Fprint(out, menu)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	told := make(chan struct{})
	go func() { defer close(told); s.tell(ctx, out) }()
	lines := make(chan string)
	go func() { // ends with the process: a terminal's read cannot be called off
		defer close(lines)
		for sc := bufio.NewScanner(in); sc.Scan(); {
			select {
			case lines <- sc.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	defer func() { cancel(); <-told }()
	for {
		select {
		case <-ctx.Done():
			return nil
		case line, ok := <-lines:
			if !ok { // no terminal: serve until stopped
				<-ctx.Done()
				return nil
			}
			words := strings.Fields(line)
			if len(words) == 0 {
				continue
			}
			if words[0] == "quit" {
				return nil
			}
			if err := s.obey(words, out); err != nil {
				fmt.Fprintln(out, err)
			}
		}
	}
}

func (s *scene) obey(words []string, out io.Writer) error {
	switch words[0] {
	case "help":
		fmt.Fprint(out, menu)
		return nil
	case "unplug":
		s.house.Air.Dongle().Unplug()
		return nil
	case "replug":
		s.house.Air.Dongle().Replug()
		return nil
	case "look":
		for i, l := range s.house.Locks {
			shown := "not joined"
			if v, err := s.home.Bridge().Find(string(house.ID(l))); err == nil {
				shown = v.Bolt.String()
			}
			fmt.Fprintf(out, "%d %s: the bolt is %v, Latchkey shows %s\n", i+1, names[i], l.Bolt(), shown)
		}
		return nil
	}
	if len(words) < 2 {
		return errUsage
	}
	n, err := strconv.Atoi(words[1])
	if err != nil || n < 1 || n > len(s.house.Locks) {
		return errUsage
	}
	return atDoor(s.house.Locks[n-1], words[0], words[2:])
}

func atDoor(l *lockfw.Lock, verb string, args []string) error {
	if verb == "join" {
		l.PressJoin()
		return nil
	}
	if len(args) < 1 {
		return errUsage
	}
	on := args[0] == "on" || args[0] == "lock"
	if off := args[0] == "off" || args[0] == "unlock"; !on && !off && strings.Contains(" turn key jam away ", " "+verb+" ") {
		return errUsage
	}
	switch verb {
	case "turn":
		l.TurnThumb(on)
	case "key":
		l.Key(on)
	case "jam":
		l.Jam(on)
	case "away":
		l.Off(on)
	case "type":
		return l.Keypad(args[0])
	case "add":
		slot, err := strconv.Atoi(args[0])
		if err != nil || len(args) != 2 {
			return errUsage
		}
		master := l.Family().Defaults.Master
		if master == "" {
			master = masterCode
		}
		return l.AddUser(master, slot, args[1])
	case "hold":
		seconds, err := strconv.ParseFloat(args[0], 64)
		if err != nil || seconds <= 0 || seconds > 120 {
			return errUsage
		}
		l.HoldReset(time.Duration(seconds * float64(time.Second)))
	case "batteries":
		percent, err := strconv.Atoi(args[0])
		if err != nil || percent < 1 || percent > 100 {
			return errUsage
		}
		l.PullBatteries()
		l.FitBatteries(percent)
	default:
		return errUsage
	}
	return nil
}

// tell prints facts as they come.
func (s *scene) tell(ctx context.Context, out io.Writer) {
	r := s.home.Bridge().Follow(s.home.Bridge().Snapshot().Seq)
	defer r.Close()
	for {
		ev, err := r.Next(ctx)
		if err != nil {
			return
		}
		if _, ok := ev.Body.(bridge.Heard); ok {
			continue
		}
		name := ""
		if v, err := s.home.Bridge().Find(string(ev.Lock)); err == nil {
			name = v.Name + ": "
		}
		by := ""
		if ev.Cause.Source != "" {
			by = " (" + strings.TrimSpace(string(ev.Cause.Source)+" "+ev.Cause.Name) + ")"
		}
		fmt.Fprintf(out, "  %s %s%s %+v%s\n", ev.At.Format(time.TimeOnly), name, strings.ReplaceAll(ev.Body.Kind(), "_", " "), ev.Body, by)
	}
}
