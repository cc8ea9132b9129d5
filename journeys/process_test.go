package journeys

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/web"
)

// childEnv makes this program latchkey itself, so that a daemon can be killed as no goroutine can.
const childEnv = "LATCHKEY_JOURNEYS_DAEMON"

// child is latchkey, for as long as its standard input is open: it must not outlive the test.
func child() int {
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(3)
	}()
	return cli.Main("test", os.Args[1:], strings.NewReader(""), os.Stdout, os.Stderr)
}

// process is a daemon that is a process of its own.
type process struct {
	cmd *exec.Cmd
	in  io.Closer
	log *os.File
}

func (p *play) socket() string { return filepath.Join(p.dir, "s") }

// launch starts "latchkey run" and waits until the dongle works.
func (p *play) launch(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	file := filepath.Join(p.dir, "latchkey.yaml")
	c := p.house.Settings()
	text := fmt.Sprintf("radio: {port: %q}\nstate: %q\nhomekit: {address: %s, ports: %d-%d, interfaces: [lo]}\nhttp: {listen: \"127.0.0.1:0\"}\nmatter: {enabled: false}\n",
		c.Radio.Port, c.State, c.HomeKit.Address, c.HomeKit.Ports.First, c.HomeKit.Ports.Last)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return err
	}
	x := &process{cmd: exec.Command(self, "--socket", p.socket(), "--config", file, "run")}
	x.cmd.Env = append(os.Environ(), childEnv+"=1")
	if x.log, err = os.OpenFile(filepath.Join(p.dir, "daemon.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600); err != nil {
		return err
	}
	x.cmd.Stdout, x.cmd.Stderr = x.log, x.log
	if x.in, err = x.cmd.StdinPipe(); err != nil {
		return err
	}
	if err := x.cmd.Start(); err != nil {
		return err
	}
	p.process = x
	err = until(ctx, "the daemon", func() bool {
		var st web.Status
		return p.ask(ctx, &st, "status") == nil && st.Dongle.Up
	})
	if err != nil {
		said, _ := os.ReadFile(x.log.Name())
		return fmt.Errorf("%w; it says:\n%s", err, said)
	}
	return nil
}

// end sends the daemon's process a signal and waits until it is gone.
func (p *play) end(s syscall.Signal) error {
	x := p.process
	if x == nil {
		return nil
	}
	p.process = nil
	err := x.cmd.Process.Signal(s)
	werr := x.cmd.Wait()
	_, _ = x.in.Close(), x.log.Close()
	if died := new(exec.ExitError); s == syscall.SIGKILL && errors.As(werr, &died) {
		if st, ok := died.Sys().(syscall.WaitStatus); ok && st.Signaled() && st.Signal() == s {
			werr = nil
		}
	}
	return errors.Join(err, werr)
}

// joinApart lets a lock join by the command line.
func (p *play) joinApart(ctx context.Context, l *lockfw.Lock, name string) error {
	open := make(chan ended, 1)
	join := p.command("join")
	go func() { open <- join() }()
	if err := until(ctx, "the network to open", p.house.Air.Dongle().PermitsJoin); err != nil {
		return err
	}
	l.PressJoin()
	if e := <-open; e.code != 0 {
		return fmt.Errorf("join: exit code %d: %s%s", e.code, e.out, e.err)
	}
	err := until(ctx, "the bolt", func() bool {
		v, err := p.view(ctx, l)
		time.Sleep(5 * time.Millisecond)
		return err == nil && v.Ready && v.Bolt != "unknown"
	})
	if err != nil {
		return err
	}
	if e := p.command("rename", string(house.ID(l)), name)(); e.code != 0 {
		return fmt.Errorf("rename: %s", e.err)
	}
	return nil
}
