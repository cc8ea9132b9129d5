package journeys

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
	"github.com/latchkeyd/latchkey/web"
)

// ended is what became of a run of the command line.
type ended struct {
	code     int
	out, err string
	at       time.Time
}

// tell passes on what was said, and holds the exit code against the one that is wanted.
func (e ended) tell(ts *testscript.TestScript, want string) error {
	fmt.Fprint(ts.Stdout(), e.out)
	fmt.Fprint(ts.Stderr(), e.err)
	if strconv.Itoa(e.code) != want {
		return fmt.Errorf("exit code %d, want %s\n%s%s", e.code, want, e.out, e.err)
	}
	return nil
}

// command is a run of the command line, yet to be made.
func (p *play) command(args ...string) func() ended {
	switch {
	case p.home != nil:
		args = append([]string{"--socket", p.home.SocketPath()}, args...)
	case p.apart:
		args = append([]string{"--socket", p.socket()}, args...)
	}
	in := strings.NewReader(p.typed)
	p.typed = ""
	return func() ended {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		var out, errs bytes.Buffer
		code := cli.Run(ctx, "test", args, in, &out, &errs)
		return ended{code, out.String(), errs.String(), time.Now()}
	}
}

// later runs the command line beside the script, and returns once the daemon has the command.
func (p *play) later(args []string) error {
	ctx, cancel := within()
	defer cancel()
	before, err := p.pending(ctx)
	if err != nil {
		return err
	}
	c := make(chan ended, 1)
	p.running = append(p.running, c)
	run := p.command(args...)
	go func() { c <- run() }()
	return until(ctx, "the daemon to take the command", func() bool {
		n, err := p.pending(ctx)
		return err == nil && n > before
	})
}

// pending counts the commands that were given: those under way, and those that have ended and are not finished in the script.
func (p *play) pending(ctx context.Context) (n int, err error) {
	var locks []web.Lock
	err = p.ask(ctx, &locks, "locks")
	for _, l := range locks {
		n += l.Pending
	}
	for _, c := range p.running {
		n += len(c)
	}
	return n, err
}

// ask is what a program does: it reads the command line's JSON.
func (p *play) ask(ctx context.Context, v any, args ...string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	e := p.command(append([]string{"--json"}, args...)...)()
	if e.code != 0 {
		return fmt.Errorf("latchkey %s: exit code %d: %s%s", strings.Join(args, " "), e.code, e.out, e.err)
	}
	return json.Unmarshal([]byte(e.out), v)
}
