package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/web"
)

// userFlags are the parts of a user that flags can give.
type userFlags struct {
	name     string
	locks    []string
	allLocks bool
	weekly   []string
	from     string
	until    string
	uses     int
	always   bool
	noPIN    bool
}

func (u *userFlags) add(c *cobra.Command, change bool) {
	f := c.Flags()
	if change {
		f.StringVar(&u.name, "name", "", "another name")
		f.BoolVar(&u.always, "always", false, "without a schedule from now on")
	}
	f.StringArrayVar(&u.locks, "lock", nil, "a lock that the code opens; may be given several times")
	f.BoolVar(&u.allLocks, "all-locks", false, "all locks, also those that join later")
	f.StringArrayVar(&u.weekly, "weekly", nil, `a weekly window: "mon-fri 08:00-17:00", "sat,sun 22:00-02:00"`)
	f.StringVar(&u.from, "from", "", "not before: 2026-12-24 or 2026-12-24T15:00")
	f.StringVar(&u.until, "until", "", "not after")
	f.IntVar(&u.uses, "uses", 0, "opens so many times, then is withdrawn; 1 is a one-time code")
}

// body is what the API is asked for, without the PIN.
func (u *userFlags) body(c *cobra.Command) (map[string]any, error) {
	b := map[string]any{}
	if u.name != "" {
		b["name"] = u.name
	}
	if len(u.locks) > 0 {
		b["locks"] = u.locks
	}
	if c.Flags().Changed("all-locks") {
		b["all_locks"] = u.allLocks
	}
	var s web.Schedule
	for _, w := range u.weekly {
		x, err := parseWindow(w)
		if err != nil {
			return nil, err
		}
		s.Weekly = append(s.Weekly, x)
	}
	var err error
	if s.From, err = parseTime(u.from); err != nil {
		return nil, err
	}
	if s.Until, err = parseTime(u.until); err != nil {
		return nil, err
	}
	s.Uses = u.uses
	if u.always || len(s.Weekly) > 0 || s.From != nil || s.Until != nil || s.Uses != 0 {
		b["schedule"] = s
	}
	return b, nil
}

func parseTime(s string) (*time.Time, error) {
	if s == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return &t, nil
		}
	}
	return nil, usage("%s is no time; write 2026-12-24 or 2026-12-24T15:00", bridge.Quote(s))
}

var week = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// parseWindow reads "mon-fri 08:00-17:00".
func parseWindow(s string) (web.Window, error) {
	bad := func() (web.Window, error) {
		return web.Window{}, usage("%s is no weekly window; write \"mon-fri 08:00-17:00\" or \"sat,sun 22:00-02:00\"", bridge.Quote(s))
	}
	days, span, ok := strings.Cut(strings.ToLower(strings.TrimSpace(s)), " ")
	start, end, ok2 := strings.Cut(strings.TrimSpace(span), "-")
	if !ok || !ok2 {
		return bad()
	}
	w := web.Window{Start: start, End: end}
	for part := range strings.SplitSeq(days, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		i, j := dayIndex(first), dayIndex(last)
		if i < 0 || j < 0 {
			return bad()
		}
		for ; ; i = (i + 1) % 7 {
			w.Days = append(w.Days, week[i])
			if i == j {
				break
			}
		}
	}
	return w, nil
}

func dayIndex(s string) int {
	for i, d := range week {
		if s == d {
			return i
		}
	}
	return -1
}

// sendUser sends a user with the PIN beside it.
func (a *app) sendUser(ctx context.Context, method, path string, body map[string]any, pin []byte) (web.User, error) {
	var u web.User
	raw, err := json.Marshal(body)
	if err != nil {
		return u, err
	}
	if pin != nil {
		defer clear(pin)
		if raw, err = jsonSecret("pin", pin, raw); err != nil {
			return u, err
		}
	}
	resp, err := a.send(ctx, method, path, raw, "application/json")
	if err != nil {
		return u, err
	}
	return u, readJSON(resp, &u)
}

func (a *app) cmdUsers() *cobra.Command {
	list := func(ctx context.Context, _ []string) error {
		var users []web.User
		if err := a.call(ctx, "GET", "/users", nil, &users); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(users)
		}
		a.showUsers(users)
		return nil
	}
	return group("users", "People and when their codes open", "  latchkey users\n  latchkey users add Anna --all-locks", list,
		command("list", "All people", "  latchkey users list", 0, 0, list), a.cmdUserAdd(), a.cmdUserChange(),
		command("rm NAME", "Remove a person, and their codes from every lock", "  latchkey users rm Anna", 1, 1, func(ctx context.Context, args []string) error {
			if err := a.call(ctx, "DELETE", "/users/"+esc(args[0]), nil, nil); err != nil {
				return err
			}
			if !a.json {
				a.say("%s is removed. The codes go from each lock as soon as it is reached: latchkey codes list", args[0])
			}
			return nil
		}), a.cmdReveal())
}

func (a *app) showUsers(users []web.User) {
	if len(users) == 0 {
		a.say("Nobody has a code yet: latchkey users add NAME --all-locks")
		return
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "NO\tNAME\tOPENS\tCODES\tFROM")
	for i := range users {
		u := &users[i]
		states := map[string]int{}
		var order []string
		for _, c := range u.Codes {
			if states[string(c.State)]++; states[string(c.State)] == 1 {
				order = append(order, string(c.State))
			}
		}
		var codes []string
		for _, s := range order {
			codes = append(codes, fmt.Sprintf("%d %s", states[s], s))
		}
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", u.ID, u.Name, whenText(u), orDash(strings.Join(codes, ", ")), orDash(string(u.Origin)))
	}
	w.Flush()
}

func whenText(u *web.User) string {
	if u.Ended {
		return "no more"
	}
	if u.Schedule == nil {
		return "always"
	}
	var parts []string
	for _, w := range u.Schedule.Weekly {
		parts = append(parts, strings.Join(w.Days, ",")+" "+w.Start+"-"+w.End)
	}
	if t := u.Schedule.From; t != nil {
		parts = append(parts, "from "+t.Local().Format("2006-01-02 15:04"))
	}
	if t := u.Schedule.Until; t != nil {
		parts = append(parts, "until "+t.Local().Format("2006-01-02 15:04"))
	}
	if u.Schedule.Uses > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d times used", u.Used, u.Schedule.Uses))
	}
	return strings.Join(parts, "; ")
}

func (a *app) cmdUserAdd() *cobra.Command {
	var f userFlags
	var c *cobra.Command
	c = command("add NAME", "Add a person; the PIN is asked for, or read from standard input", "  latchkey users add Anna --all-locks\n  latchkey users add Cleaner --lock \"Front door\" --weekly \"tue 09:00-12:00\" < pin-file", 1, 1,
		func(ctx context.Context, args []string) error {
			f.name = args[0]
			body, err := f.body(c)
			if err != nil {
				return err
			}
			if len(f.locks) == 0 && !f.allLocks {
				return usage("say which locks the code opens: --lock NAME or --all-locks")
			}
			var pin []byte
			if !f.noPIN {
				if pin, err = a.secret("PIN for "+args[0], true); err != nil {
					return err
				}
			}
			u, err := a.sendUser(ctx, "POST", "/users", body, pin)
			if err != nil {
				return err
			}
			return a.tellUser(u, "added")
		})
	f.add(c, false)
	c.Flags().BoolVar(&f.noPIN, "no-pin", false, "without a code for now")
	return c
}

func (a *app) cmdUserChange() *cobra.Command {
	var f userFlags
	var newPIN bool
	var c *cobra.Command
	c = command("change NAME", "Change a person's name, code, locks or schedule", "  latchkey users change Anna --pin\n  latchkey users change Cleaner --until 2026-12-31", 1, 1,
		func(ctx context.Context, args []string) error {
			body, err := f.body(c)
			if err != nil {
				return err
			}
			var pin []byte
			if newPIN {
				if pin, err = a.secret("New PIN for "+args[0], true); err != nil {
					return err
				}
			}
			if len(body) == 0 && pin == nil {
				return usage("say what to change; see latchkey users change --help")
			}
			u, err := a.sendUser(ctx, "PATCH", "/users/"+esc(args[0]), body, pin)
			if err != nil {
				return err
			}
			return a.tellUser(u, "changed")
		})
	f.add(c, true)
	c.Flags().BoolVar(&newPIN, "pin", false, "another code; it is asked for, or read from standard input")
	return c
}

func (a *app) tellUser(u web.User, what string) error {
	if a.json {
		return a.printJSON(u)
	}
	a.say("%s is %s.", u.Name, what)
	a.showCodes(u.Codes, false)
	return nil
}

func (a *app) cmdReveal() *cobra.Command {
	var lock string
	c := command("reveal NAME", "Show a person's code, after the password", "  latchkey users reveal Anna", 1, 1, func(ctx context.Context, args []string) error {
		pw, err := a.secret("Password", false)
		if err != nil {
			return err
		}
		defer clear(pw)
		rest, err := json.Marshal(map[string]string{"lock": lock})
		if err != nil {
			return err
		}
		body, err := jsonSecret("password", pw, rest)
		if err != nil {
			return err
		}
		resp, err := a.send(ctx, "POST", "/users/"+esc(args[0])+"/reveal", body, "application/json")
		if err != nil {
			return err
		}
		var out struct {
			PIN string `json:"pin"`
		}
		if err := readJSON(resp, &out); err != nil {
			return err
		}
		if a.json {
			return a.printJSON(out)
		}
		a.say("%s", out.PIN)
		return nil
	})
	c.Flags().StringVar(&lock, "lock", "", "the code on this lock, where a person has different ones")
	return c
}
