package cli

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/web"
)

func (a *app) cmdStatus() *cobra.Command {
	return command("status", "Dongle, network, locks, faces, store, last backup", "  latchkey status\n  latchkey status --json", 0, 0, func(ctx context.Context, _ []string) error {
		var st web.Status
		if err := a.call(ctx, "GET", "/status", nil, &st); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(st)
		}
		a.showStatus(&st)
		return nil
	})
}

func (a *app) showStatus(st *web.Status) {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(w, "%s\t%s\n", name, fmt.Sprintf(format, args...)) }
	row("Latchkey", "%s, running for %s", st.Version, orDash(st.Uptime))
	if st.Dongle.Up {
		row("Dongle", "%s (%d) at %s", st.Dongle.Product, st.Dongle.Revision, st.Dongle.Port)
		row("Network", "channel %d, PAN %s, coordinator %s", st.Dongle.Channel, st.Dongle.PAN, st.Dongle.Address)
	} else {
		row("Dongle", "not working: %s", orDash(st.Dongle.Fault))
	}
	if !st.PermitJoin.IsZero() {
		row("Joining", "open for %v", time.Until(st.PermitJoin).Round(time.Second))
	}
	hk := st.Faces.HomeKit
	switch {
	case !hk.Enabled:
		row("HomeKit", "switched off")
	default:
		row("HomeKit", "%s in mode %s, %d paired, %d connections, %s", count(hk.Accessories, "accessory", "accessories"), hk.Mode, hk.Paired, hk.Sessions,
			map[bool]string{true: "seen on the network", false: "not seen on the network"}[hk.Advertised])
	}
	if m := st.Faces.Matter; !m.InThisBuild {
		row("Matter", "not in this build")
	} else if !m.Enabled {
		row("Matter", "switched off")
	}
	h := st.Faces.HTTP
	row("API", "%s%s", strings.Join(nonEmpty(h.Socket, h.Listen), " and "), map[bool]string{true: ", password set", false: ", no password set"}[h.PasswordSet])
	row("Store", "%s, %d KiB%s", orDash(st.Store.Path), st.Store.Bytes>>10, ifText(st.Store.Errors > 0, fmt.Sprintf(", %d errors", st.Store.Errors)))
	if st.LastBackup.IsZero() {
		row("Backup", "never: latchkey backup create FILE")
	} else {
		row("Backup", "%s ago", time.Since(st.LastBackup).Round(time.Minute))
	}
	w.Flush()
	for _, s := range st.Warnings {
		a.say("! %s", s)
	}
	if len(st.Locks) > 0 {
		a.say("")
		a.showLocks(st.Locks)
	}
}

func (a *app) showLocks(locks []web.Lock) {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tBOLT\tBATTERY\tCODES\tHEARD\tMODEL\tADDRESS")
	for i := range locks {
		l := &locks[i]
		bolt := l.Bolt
		switch {
		case l.ResetStage != "" && l.ResetStage != "done" && l.ResetStage != "cancelled":
			bolt += " (reset: " + l.ResetStage + ")"
		case l.Tampered:
			bolt += " (tampered)"
		case !l.Ready:
			bolt += " (not read out yet)"
		}
		battery := "-"
		if l.Battery != nil {
			battery = fmt.Sprintf("%.0f %%%s", *l.Battery, ifText(l.BatteryLow, " low"))
		}
		codes := "none"
		if l.Codes.Slots > 0 {
			codes = fmt.Sprintf("%d of %d%s", l.Codes.Used, l.Codes.Slots, ifText(l.Codes.OutOfSync > 0, fmt.Sprintf(", %d pending", l.Codes.OutOfSync)))
		}
		heard := "never"
		if !l.LastSeen.IsZero() {
			heard = time.Since(l.LastSeen).Round(time.Second).String() + " ago"
		}
		if !l.Reachable {
			heard += ", unreachable"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", l.Name, bolt, battery, codes, heard, orDash(l.Model), l.ID)
	}
	w.Flush()
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func nonEmpty(s ...string) []string {
	var out []string
	for _, x := range s {
		if x != "" {
			out = append(out, x)
		}
	}
	return out
}

func ifText(yes bool, text string) string {
	if yes {
		return text
	}
	return ""
}

// orText is s, or otherwise if s is empty.
func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
