package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"reflect"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/systemd"
)

// errStopped ends the group when a signal asked for it.
var errStopped = errors.New("asked to stop")

// signals is a task: SIGTERM and SIGINT end the daemon, SIGHUP has it read its configuration again.
func (d *Daemon) signals(ctx context.Context) error {
	ch := make(chan os.Signal, 4)
	signal.Notify(ch, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	defer signal.Stop(ch)
	for {
		select {
		case <-ctx.Done():
			return nil
		case s := <-ch:
			if s == syscall.SIGHUP {
				d.Reload()
				continue
			}
			d.log.Info("stopping", "signal", s.String())
			if err := systemd.Stopping(); err != nil {
				d.log.Debug("systemd is not told", "err", err)
			}
			return errStopped
		}
	}
}

// tidyAt are the times after the start at which memory that is no longer needed is given back to the system: when paired controllers have come back and read
// everything, and when the locks' slots were read. The last interval repeats, for what a backup or a long reconciliation needed.
var tidyAt = []time.Duration{3 * time.Second, 12 * time.Second, 45 * time.Second, 10 * time.Minute}

// tidy is a task: the start reads and shows everything once, and its garbage would stay resident until the collector's next turn, minutes later on a
// machine where nothing happens.
func (d *Daemon) tidy(ctx context.Context) error {
	select {
	case <-d.ready:
	case <-ctx.Done():
		return nil
	}
	for i := 0; ; i = min(i+1, len(tidyAt)-1) {
		t := time.NewTimer(tidyAt[i])
		select {
		case <-t.C:
			debug.FreeOSMemory()
		case <-ctx.Done():
			t.Stop()
			return nil
		}
	}
}

// Reload reads the configuration again, takes over what can change while the daemon runs, and says what needs a restart.
func (d *Daemon) Reload() {
	if err := systemd.Reloading(); err != nil {
		d.log.Debug("systemd is not told", "err", err)
	}
	defer func() {
		if err := systemd.Ready(d.statusLine()); err != nil {
			d.log.Debug("systemd is not told", "err", err)
		}
	}()
	if d.opts.ConfigFile == "" {
		d.log.Info("there is no configuration file to be read again")
		return
	}
	next, err := configs.Load(d.opts.ConfigFile)
	if err != nil {
		d.log.Error("the configuration is not taken over: it has errors", "err", err)
		return
	}
	if d.opts.Level != nil && next.Log.Level != d.opts.Config.Log.Level {
		d.opts.Level.Set(parseLevel(next.Log.Level))
		d.log.Info("the log level is changed", "level", next.Log.Level)
	}
	live := next
	live.Log.Level = d.opts.Config.Log.Level
	if changed := differences(d.opts.Config, live); len(changed) > 0 {
		d.log.Warn("these changes of the configuration need a restart", "keys", strings.Join(changed, ", "))
		return
	}
	d.log.Info("the configuration is read again")
}

// differences names the sections in which two configurations differ.
func differences(a, b configs.Config) []string {
	var out []string
	va, vb := reflect.ValueOf(a), reflect.ValueOf(b)
	for i := range va.NumField() {
		if !reflect.DeepEqual(va.Field(i).Interface(), vb.Field(i).Interface()) {
			out = append(out, strings.ToLower(va.Type().Field(i).Name))
		}
	}
	return out
}

// queueStuck is how many indications of the dongle may wait before the driver is taken for hung.
const queueStuck = 4096

// watchdog feeds systemd for as long as the serial, store and HTTP loops make progress.
func (d *Daemon) watchdog(ctx context.Context) error {
	return systemd.Watchdog(ctx, systemd.WatchdogInterval(), d.alive, func(err error) {
		d.log.Error("the watchdog is not fed", "err", err)
	})
}

// alive goes once through each loop: the driver's and the bridge's locks, the store, and the API over its own socket.
func (d *Daemon) alive(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { // a hung loop leaves this behind, and the restart ends it
		d.coord.Dongle()
		d.bridge.Snapshot()
		if n := d.coord.Stats().Queue; n > queueStuck {
			done <- fmt.Errorf("daemon: %d indications of the dongle wait for the driver", n)
			return
		}
		_, _, err := d.store.KV("daemon").Get(backupKey)
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return err
		}
	case <-ctx.Done():
		return fmt.Errorf("daemon: dongle, bridge or store does not answer: %w", ctx.Err())
	}
	if !d.isReady.Load() {
		return nil
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", d.SocketPath())
	}}}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://latchkey/healthz", nil)
	if err != nil {
		return err
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("daemon: the API does not answer: %w", err)
	}
	return resp.Body.Close()
}
