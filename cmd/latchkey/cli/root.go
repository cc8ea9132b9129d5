// Package cli is the command line of latchkey: the daemon's start, and a client of its HTTP API over the Unix socket.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/web"
)

// Exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitUnreachable = 3 // the lock cannot be reached
	exitRefused     = 4 // the lock said no
	exitNotSeen     = 5 // not seen in time
)

// app is one run of the command line.
type app struct {
	version  string
	in       io.Reader
	out, err io.Writer
	config   string
	socket   string
	json     bool
}

// coded is an error with an exit code. A nil error says that everything was said already.
type coded struct {
	code int
	err  error
}

func (c *coded) Error() string {
	if c.err == nil {
		return ""
	}
	return c.err.Error()
}

func (c *coded) Unwrap() error { return c.err }

func usage(format string, args ...any) error { return &coded{exitUsage, fmt.Errorf(format, args...)} }

// Main runs the command line and returns its exit code.
func Main(version string, args []string, in io.Reader, out, errw io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return Run(ctx, version, args, in, out, errw)
}

// Run is Main under a context of the caller's.
func Run(ctx context.Context, version string, args []string, in io.Reader, out, errw io.Writer) int {
	a := &app{version: version, in: in, out: out, err: errw}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errw)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	code := exitCode(err)
	if text := err.Error(); text != "" {
		if a.json {
			a.printProblem(err)
		} else {
			fmt.Fprintln(errw, "latchkey: "+text)
		}
	}
	return code
}

// exitCode sorts an error by what a script can do about it.
func exitCode(err error) int {
	if c, ok := errors.AsType[*coded](err); ok {
		return c.code
	}
	p, ok := errors.AsType[*web.Problem](err)
	if !ok {
		return exitFailed
	}
	switch p.Type[min(len(web.TypePrefix), len(p.Type)):] {
	case "asleep", "unreachable", "dongle-down":
		return exitUnreachable
	case "rejected", "jammed", "unsupported", "needs-pin", "needs-hands", "duplicate-code", "memory-full", "code-length", "not-stored", "master-slot":
		return exitRefused
	case "not-seen", "timeout":
		return exitNotSeen
	}
	return exitFailed
}

func (a *app) printProblem(err error) {
	if p, ok := errors.AsType[*web.Problem](err); ok {
		_ = a.printJSON(p)
		return
	}
	_ = a.printJSON(map[string]any{"title": err.Error(), "exit": exitCode(err)})
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "latchkey",
		Short:         "Zigbee door locks in Apple Home",
		Long:          "Latchkey makes Zigbee door locks first-class in Apple Home.\n\nExit codes: 0 done, 1 failed, 2 usage, 3 lock unreachable, 4 refused by the lock, 5 not seen in time.",
		SilenceErrors: true, SilenceUsage: true,
	}
	f := root.PersistentFlags()
	f.StringVar(&a.config, "config", "", "configuration file (default /etc/latchkey/latchkey.yaml)")
	f.StringVar(&a.socket, "socket", "", "the daemon's socket")
	f.BoolVar(&a.json, "json", false, "print JSON")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(a.cmdRun(), a.cmdCheck(), a.cmdDoctor(), a.cmdStatus(), a.cmdJoin(), a.cmdLocks(), a.cmdMove("lock"), a.cmdMove("unlock"), a.cmdRename(),
		a.cmdForget(), a.cmdUsers(), a.cmdCodes(), a.cmdReset(), a.cmdHomeKit(), a.cmdMatter(), a.cmdEvents(), a.cmdBackup(), a.cmdVersion(),
		a.cmdPassword(), a.cmdToken())
	return root
}

// flagError says what is wrong with a flag. A value that may be a PIN is not repeated.
func flagError(c *cobra.Command, err error) error {
	text := err.Error()
	if bad, ok := errors.AsType[interface {
		error
		GetValue() string
	}](err); ok {
		text = strings.ReplaceAll(text, strconv.Quote(bad.GetValue()), bridge.Quote(bad.GetValue()))
	}
	return usage("%s; see %s --help", text, c.CommandPath())
}

// command fills in what all commands have. args is the number of arguments, or a range.
func command(use, short, example string, least, most int, run func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Example: example,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) < least || len(args) > most {
				return usage("%s takes the arguments: %s", c.CommandPath(), c.UseLine())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return run(c.Context(), args) },
	}
}

// group is a command that only has subcommands; by itself it does what run does.
func group(use, short, example string, run func(ctx context.Context, args []string) error, subs ...*cobra.Command) *cobra.Command {
	c := command(use, short, example, 0, 0, run)
	c.AddCommand(subs...)
	return c
}

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

func (a *app) say(format string, args ...any) { fmt.Fprintf(a.out, format+"\n", args...) }

// tty is the terminal that f is, or nil.
func tty(f any) *os.File {
	if file, ok := f.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		return file
	}
	return nil
}

// BuildInfo is what the program knows of how it was built.
func BuildInfo(version string) (v, commit, goVersion string) {
	v = version
	if info, ok := debug.ReadBuildInfo(); ok {
		goVersion = info.GoVersion
		if v == "" && info.Main.Version != "" && info.Main.Version != "(devel)" {
			v = info.Main.Version
		}
		dirty := ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value[:min(12, len(s.Value))]
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "-dirty"
			}
		}
		if commit != "" {
			commit += dirty
		}
	}
	if v == "" {
		v = "devel"
	}
	return v, commit, goVersion
}

func (a *app) cmdVersion() *cobra.Command {
	return command("version", "Version, commit and Go version", "  latchkey version --json", 0, 0, func(context.Context, []string) error {
		v, commit, goVersion := BuildInfo(a.version)
		if a.json {
			return a.printJSON(map[string]string{"version": v, "commit": commit, "go": goVersion})
		}
		a.say("latchkey %s\ncommit   %s\n%s", v, orDash(commit), goVersion)
		return nil
	})
}

func orDash(s string) string { return orText(s, "-") }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
