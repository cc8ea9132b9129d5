package systemd

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

// maxCredential is the most that a credential file may hold here, in bytes.
const maxCredential = 4096

// Credential reads a credential that the unit loaded (LoadCredential, LoadCredentialEncrypted). Nil and no error: there is none.
func Credential(name string) ([]byte, error) {
	dir := os.Getenv("CREDENTIALS_DIRECTORY")
	if dir == "" {
		return nil, nil
	}
	f, err := os.Open(filepath.Join(dir, filepath.Base(name)))
	if os.IsNotExist(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("systemd: credential: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCredential+1))
	if err != nil {
		return nil, fmt.Errorf("systemd: credential %s: %w", name, err)
	}
	if len(b) > maxCredential {
		return nil, fmt.Errorf("systemd: credential %s is larger than %d bytes", name, maxCredential)
	}
	return b, nil
}
