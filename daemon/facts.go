package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/metrics"
	"github.com/latchkeyd/latchkey/systemd"
	"github.com/latchkeyd/latchkey/web"
)

var errNotReady = errors.New("parts of the daemon are still starting")

func (d *Daemon) readiness() error {
	if !d.isReady.Load() {
		return errNotReady
	}
	return nil
}

// httpListen is where the TCP listener goes: beyond loopback only once a password is set.
func (d *Daemon) httpListen() (string, error) {
	listen := d.opts.Config.HTTP.Listen
	if listen == "" {
		return "", nil
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", fmt.Errorf("daemon: http.listen: %w", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || (ip != nil && ip.IsLoopback()) {
		return listen, nil
	}
	set, err := web.HasPassword(d.store.KV("web"))
	if err != nil {
		d.log.Error("the password's record cannot be read; set another: latchkey password set", "err", err)
	}
	if set {
		return listen, nil
	}
	d.log.Warn("no password is set: the API is not opened beyond this machine", "wanted", listen, "do", "latchkey password set, then restart")
	return net.JoinHostPort("127.0.0.1", port), nil
}

// homekitPort is the HomeKit face as the API sees it; an untyped nil if it is switched off.
func (d *Daemon) homekitPort() web.HomeKit {
	if d.homekit == nil {
		return nil
	}
	return hkPort{d}
}

type hkPort struct{ d *Daemon }

func (h hkPort) Accessories() []web.Accessory {
	var out []web.Accessory
	for _, a := range h.d.homekit.Show() {
		out = append(out, web.Accessory{Lock: a.LockID, Name: a.Lock, SetupCode: a.SetupCode, SetupURI: a.SetupURI, Paired: a.Paired, Port: a.Port, ID: a.ID})
	}
	return out
}

func (h hkPort) Unpair(id bridge.LockID) error { return h.d.homekit.Unpair(id) }

func (d *Daemon) sources() metrics.Sources {
	s := metrics.Sources{
		Radio: func() metrics.Radio {
			st := d.coord.Stats()
			r := metrics.Radio{
				Sent:     map[string]uint64{"sreq": st.Sent.SREQ, "srsp": st.Sent.SRSP, "areq": st.Sent.AREQ},
				Received: map[string]uint64{"sreq": st.Received.SREQ, "srsp": st.Received.SRSP, "areq": st.Received.AREQ},
				Errors:   map[string]uint64{"fcs": st.Errors.FCS, "length": st.Errors.Length, "timeout": st.Errors.Timeout, "unexpected": st.Errors.Unexpected},
			}
			if st.Connects > 0 {
				r.Reconnects = st.Connects - 1
			}
			return r
		},
		Store: func() metrics.Store {
			st := d.store.Stats()
			return metrics.Store{Size: st.Size, Errors: st.Errors, LastBackup: d.lastBackup()}
		},
	}
	if d.homekit != nil {
		s.HomeKit = func() metrics.HomeKit {
			st := d.homekit.Stats()
			return metrics.HomeKit{Sessions: st.Sessions, Pairings: st.Pairings, Advertised: st.Servers > 0 && st.Advertised == st.Servers, PairFailures: st.PairFailures}
		}
	}
	return s
}

func (d *Daemon) facts() web.Facts {
	st := d.store.Stats()
	f := web.Facts{
		Version: d.opts.Version, Commit: d.opts.Commit, Started: d.started, State: d.opts.Config.State, StoreBytes: st.Size, StoreErrs: st.Errors, LastBackup: d.lastBackup(),
		HomeKit: web.FaceFacts{Enabled: d.homekit != nil, Built: true, Mode: d.opts.Config.HomeKit.Mode},
		Matter:  web.FaceFacts{Enabled: d.opts.Config.Matter.Enabled, Fault: "this build has no Matter yet"},
	}
	if p := d.tried.Load(); p != nil {
		f.DonglePort = *p
	}
	if d.homekit != nil {
		hs := d.homekit.Stats()
		f.HomeKit.Sessions, f.HomeKit.Up = hs.Sessions, hs.Servers > 0 && hs.Advertised == hs.Servers
		f.Warnings = append(f.Warnings, d.homekit.Missing()...)
	}
	f.Warnings = append(f.Warnings, d.opts.Config.Warnings()...)
	if st.Restored {
		f.Warnings = append(f.Warnings, "the state's file was damaged at the start, and its last daily copy took its place: look at codes and locks")
	}
	f.Warnings = append(f.Warnings, d.unreadable()...)
	return f
}

// statusLine is what systemctl status shows.
func (d *Daemon) statusLine() string {
	snap := d.bridge.Snapshot()
	dongle := "no dongle"
	if snap.Dongle.Up {
		dongle = "dongle works"
	} else if snap.Dongle.Fault != "" {
		dongle = snap.Dongle.Fault
	}
	if len(snap.Locks) == 1 {
		return "1 lock; " + dongle
	}
	return fmt.Sprintf("%d locks; %s", len(snap.Locks), dongle)
}

// followDongle keeps the dongle's path and the status line with its state.
func (d *Daemon) followDongle(ctx context.Context) error {
	r := d.bridge.Follow(d.bridge.Snapshot().Seq)
	defer r.Close()
	for {
		ev, err := r.Next(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		switch b := ev.Body.(type) {
		case bridge.DongleMoved:
			if b.Up {
				d.keepPort()
			}
		case bridge.LockReady, bridge.LockForgotten:
		default:
			continue
		}
		if d.opts.Service && d.isReady.Load() {
			if err := systemd.Status(d.statusLine()); err != nil {
				d.log.Debug("systemd is not told", "err", err)
			}
		}
	}
}

const backupKey = "last-backup"

func (d *Daemon) lastBackup() time.Time {
	b, found, err := d.store.KV("daemon").Get(backupKey)
	if err != nil || !found {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, string(b))
	if err != nil {
		return time.Time{}
	}
	return t
}
