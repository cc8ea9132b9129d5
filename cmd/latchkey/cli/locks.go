package cli

import (
	"context"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/web"
)

func (a *app) cmdLocks() *cobra.Command {
	return command("locks", "All locks and their state", "  latchkey locks\n  latchkey locks --json", 0, 0, func(ctx context.Context, _ []string) error {
		var locks []web.Lock
		if err := a.call(ctx, "GET", "/locks", nil, &locks); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(locks)
		}
		if len(locks) == 0 {
			a.say("No lock has joined yet: latchkey join")
			return nil
		}
		a.showLocks(locks)
		return nil
	})
}

// cmdMove is lock and unlock: they wait for the bolt's own report.
func (a *app) cmdMove(action string) *cobra.Command {
	var timeout time.Duration
	var pin bool
	past := action + "ed"
	c := command(action+" NAME", "Have a lock "+action+", and wait until its bolt was seen to move", "  latchkey "+action+" \"Front door\"\n  latchkey "+action+" front-door --timeout 20s", 1, 1,
		func(ctx context.Context, args []string) error {
			if timeout < 100*time.Millisecond || timeout > time.Minute {
				return usage("--timeout is 100ms to 60s")
			}
			rest := fmt.Sprintf(`{"action":%q,"timeout":%q}`, action, timeout)
			body := []byte(rest)
			if pin {
				code, err := a.secret("PIN", false)
				if err != nil {
					return err
				}
				defer clear(code)
				if body, err = jsonSecret("pin", code, []byte(rest)); err != nil {
					return err
				}
			}
			start := time.Now()
			var done web.Actuated
			resp, err := a.send(ctx, "POST", "/locks/"+esc(args[0])+"/actuate", body, "application/json")
			if err != nil {
				return err
			}
			if err := readJSON(resp, &done); err != nil {
				return err
			}
			if a.json {
				return a.printJSON(done)
			}
			a.say("%s: %s, seen after %v", args[0], past, time.Since(start).Round(10*time.Millisecond))
			return nil
		})
	c.Flags().DurationVar(&timeout, "timeout", 10*time.Second, "how long to wait; the command is given up then, and never carried out later")
	c.Flags().BoolVar(&pin, "pin", false, "the lock wants a PIN for this; it is asked for, or read from standard input")
	return c
}

func (a *app) cmdRename() *cobra.Command {
	return command("rename NAME NEW", "Give a lock another name", `  latchkey rename "Front door" "Street door"`, 2, 2, func(ctx context.Context, args []string) error {
		var l web.Lock
		if err := a.call(ctx, "PATCH", "/locks/"+esc(args[0]), map[string]string{"name": args[1]}, &l); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(l)
		}
		a.say("%s is %s now. Its label in metrics stays %s.", args[0], l.Name, l.Slug)
		return nil
	})
}

func (a *app) cmdForget() *cobra.Command {
	var force, yes bool
	c := command("forget NAME", "Send a lock away from the network and forget it and its codes", `  latchkey forget "Shed"`, 1, 1, func(ctx context.Context, args []string) error {
		var l web.Lock
		if err := a.call(ctx, "GET", "/locks/"+esc(args[0]), nil, &l); err != nil {
			return err
		}
		if !yes {
			typed, err := a.ask(fmt.Sprintf("%s leaves the network, and Apple Home loses it. The codes in it stay until it is reset. Type its name to go on:", l.Name))
			if err != nil {
				return err
			}
			if strings.TrimSpace(typed) != l.Name {
				return &coded{exitFailed, fmt.Errorf("not forgotten: the name typed is not %q", l.Name)}
			}
		}
		path := "/locks/" + esc(string(l.ID))
		if force {
			path += "?" + url.Values{"force": {"true"}}.Encode()
		}
		if err := a.call(ctx, "DELETE", path, nil, nil); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(map[string]any{"forgotten": l.ID, "name": l.Name})
		}
		a.say("%s is forgotten.", l.Name)
		return nil
	})
	c.Flags().BoolVar(&force, "force", false, "forget it even if it cannot be told")
	c.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return c
}
