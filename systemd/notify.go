package systemd

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Ready tells that the service has started, with a line for systemctl status. Outside systemd it does nothing.
func Ready(status string) error {
	return notify(daemon.SdNotifyReady + "\nSTATUS=" + oneLine(status))
}

// Status changes the line that systemctl status shows.
func Status(status string) error { return notify("STATUS=" + oneLine(status)) }

// Reloading tells that SIGHUP is being worked on; Ready ends it.
func Reloading() error {
	return notify(daemon.SdNotifyReloading + "\n" + daemon.SdNotifyMonotonicUsec())
}

// Stopping tells that the service is on its way out.
func Stopping() error { return notify(daemon.SdNotifyStopping) }

func notify(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("systemd: notify: %w", err)
	}
	return nil
}

func oneLine(s string) string { return strings.ReplaceAll(s, "\n", " ") }

// WatchdogInterval is what WatchdogSec= of the unit asks for, zero if it asks for nothing.
func WatchdogInterval() time.Duration {
	d, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return 0
	}
	return d
}

// Watchdog feeds systemd's watchdog for as long as alive says that work goes on. It returns when ctx ends. While alive says no it is silent, and systemd
// restarts the service once the interval has passed. It asks four times in an interval, so that one slow answer kills nothing.
func Watchdog(ctx context.Context, interval time.Duration, alive func(context.Context) error, failed func(error)) error {
	if interval <= 0 {
		<-ctx.Done()
		return nil
	}
	t := time.NewTicker(interval / 4)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
			ask, cancel := context.WithTimeout(ctx, interval/4)
			err := alive(ask)
			cancel()
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				failed(err)
			default:
				if err := notify(daemon.SdNotifyWatchdog); err != nil {
					failed(err)
				}
			}
		}
	}
}
