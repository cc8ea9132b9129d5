package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/web"
)

func (a *app) cmdCodes() *cobra.Command {
	list := func(ctx context.Context, args []string) error {
		var all []web.Code
		names := args
		if len(names) == 0 {
			var locks []web.Lock
			if err := a.call(ctx, "GET", "/locks", nil, &locks); err != nil {
				return err
			}
			for i := range locks {
				names = append(names, string(locks[i].ID))
			}
		}
		for _, n := range names {
			var codes []web.Code
			if err := a.call(ctx, "GET", "/locks/"+esc(n)+"/codes", nil, &codes); err != nil {
				return err
			}
			all = append(all, codes...)
		}
		if a.json {
			if all == nil {
				all = []web.Code{}
			}
			return a.printJSON(all)
		}
		if len(all) == 0 {
			a.say("There are no codes: latchkey users add NAME --all-locks")
			return nil
		}
		a.showCodes(all, true)
		return nil
	}
	return group("codes", "Codes on the locks, and where each stands", "  latchkey codes list\n  latchkey codes set \"Front door\" Anna", list,
		command("list [LOCK]", "Codes on the locks; never their digits", "  latchkey codes list\n  latchkey codes list \"Front door\"", 0, 1, list),
		a.cmdCodeSet(),
		command("rm LOCK USER", "Take a person's code off a lock", "  latchkey codes rm \"Front door\" Anna", 2, 2, func(ctx context.Context, args []string) error {
			if err := a.call(ctx, "DELETE", "/locks/"+esc(args[0])+"/codes/"+esc(args[1]), nil, nil); err != nil {
				return err
			}
			if !a.json {
				a.say("%s's code goes from %s as soon as it is reached.", args[1], args[0])
			}
			return nil
		}),
		command("adopt LOCK SLOT NAME", "Take a code that was found on a lock under a person's name", "  latchkey codes adopt \"Front door\" 5 Cleaner", 3, 3, func(ctx context.Context, args []string) error {
			slot, err := strconv.ParseUint(args[1], 10, 16)
			if err != nil {
				return usage("%s is no slot; latchkey codes list shows them", bridge.Quote(args[1]))
			}
			var u web.User
			if err := a.call(ctx, "POST", "/locks/"+esc(args[0])+"/adopt", map[string]any{"slot": slot, "name": args[2]}, &u); err != nil {
				return err
			}
			return a.tellUser(u, "adopted")
		}),
		command("reconcile LOCK", "Read all slots of a lock again and work on what differs", "  latchkey codes reconcile \"Front door\"", 1, 1, func(ctx context.Context, args []string) error {
			return a.call(ctx, "POST", "/locks/"+esc(args[0])+"/reconcile", nil, nil)
		}))
}

func (a *app) showCodes(codes []web.Code, whose bool) {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	if whose {
		fmt.Fprintln(w, "LOCK\tSLOT\tUSER\tSTATE")
	}
	for i := range codes {
		c := &codes[i]
		slot := "-"
		if c.Slot != nil {
			slot = strconv.Itoa(int(*c.Slot))
		}
		state := string(c.State) + ifText(c.Reason != "", ": "+c.Reason)
		if whose {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", c.LockName, slot, orDash(c.Name), state)
		} else {
			fmt.Fprintf(w, "  %s\t%s\n", c.LockName, state)
		}
	}
	w.Flush()
}

func (a *app) cmdCodeSet() *cobra.Command {
	var wait time.Duration
	c := command("set LOCK USER", "Give a person a code of their own on one lock; it is asked for, or read from standard input", "  latchkey codes set \"Front door\" Anna", 2, 2,
		func(ctx context.Context, args []string) error {
			pin, err := a.secret("PIN", true)
			if err != nil {
				return err
			}
			defer clear(pin)
			rest := map[string]string{}
			if wait > 0 {
				rest["wait"] = wait.String()
			}
			raw, err := json.Marshal(rest)
			if err != nil {
				return err
			}
			body, err := jsonSecret("pin", pin, raw)
			if err != nil {
				return err
			}
			resp, err := a.send(ctx, "PUT", "/locks/"+esc(args[0])+"/codes/"+esc(args[1]), body, "application/json")
			if err != nil {
				return err
			}
			var code web.Code
			if err := readJSON(resp, &code); err != nil {
				return err
			}
			if a.json {
				if err := a.printJSON(code); err != nil {
					return err
				}
			} else {
				a.showCodes([]web.Code{code}, false)
			}
			switch {
			case code.State == bridge.CodeFailed:
				return &coded{exitRefused, fmt.Errorf("the code is kept, but it is not on the lock: %s", code.Reason)}
			case code.State == bridge.CodePending && wait > 0:
				if code.Reason != "" {
					return &coded{exitNotSeen, fmt.Errorf("the code is kept, but it is not known to be on the lock yet: %s", code.Reason)}
				}
				return &coded{exitNotSeen, fmt.Errorf("the code is kept, and written as soon as the lock is reached")}
			}
			return nil
		})
	c.Flags().DurationVar(&wait, "wait", 10*time.Second, "wait so long for the lock to have it; 0s: do not wait")
	return c
}
