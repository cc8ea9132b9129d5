package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/daemon"
	"github.com/latchkeyd/latchkey/daemon/dongles"
	"github.com/latchkeyd/latchkey/web"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// finding is one thing that the doctor looked at.
type finding struct {
	What string `json:"what"`
	OK   bool   `json:"ok"`
	Bad  bool   `json:"bad"` // the daemon could not work
	Says string `json:"says"`
	Do   string `json:"do,omitempty"`
}

func (a *app) cmdDoctor() *cobra.Command {
	return command("doctor", "Look at dongles, clock, network, permissions and ports; say what to do", "  latchkey doctor", 0, 0, func(ctx context.Context, _ []string) error {
		findings := a.examine(ctx)
		bad := false
		for _, f := range findings {
			bad = bad || f.Bad
		}
		if a.json {
			if err := a.printJSON(findings); err != nil {
				return err
			}
		} else {
			for _, f := range findings {
				mark := "ok  "
				switch {
				case f.Bad:
					mark = "BAD "
				case !f.OK:
					mark = "note"
				}
				a.say("%s  %-12s %s", mark, f.What, f.Says)
				if f.Do != "" {
					a.say("%19s%s", "→ ", f.Do)
				}
			}
		}
		if bad {
			return &coded{exitFailed, nil}
		}
		return nil
	})
}

func (a *app) examine(ctx context.Context) []finding {
	cfg, file, err := daemon.LoadConfig(a.config)
	var out []finding
	if err != nil {
		out = append(out, finding{What: "config", Bad: true, Says: err.Error(), Do: "correct the file; latchkey check FILE looks at it again"})
	} else {
		out = append(out, finding{What: "config", OK: true, Says: orDash(file)})
	}
	var st web.Status
	running := a.call(ctx, "GET", "/status", nil, &st) == nil
	if running {
		out = append(out, finding{What: "daemon", OK: true, Says: "runs, version " + st.Version})
		if st.Dongle.Up {
			out = append(out, finding{What: "dongle", OK: true, Says: st.Dongle.Product + " at " + st.Dongle.Port})
		} else {
			out = append(out, finding{What: "dongle", Bad: true, Says: st.Dongle.Fault})
		}
	} else {
		out = append(out, finding{What: "daemon", Says: "does not run, or its socket may not be opened", Do: "sudo systemctl start latchkey, or: latchkey run"})
		out = append(out, examineDongles(ctx, &cfg)...)
		out = append(out, examineState(cfg.State), examinePorts(&cfg))
	}
	return append(out, examineClock(), examineNetwork(&cfg))
}

// examineDongles finds, names and asks dongles.
func examineDongles(ctx context.Context, cfg *configs.Config) []finding {
	if cfg.Radio.Port != configs.Auto {
		return []finding{askDongle(ctx, cfg.Radio.Port, cfg.Radio.Baud)}
	}
	devices, err := dongles.Find("/")
	if err != nil {
		return []finding{{What: "dongle", Bad: true, Says: err.Error()}}
	}
	var out []finding
	for _, d := range devices {
		if d.Likelihood == dongles.Likely {
			out = append(out, askDongle(ctx, d.Path, cfg.Radio.Baud))
			continue
		}
		out = append(out, finding{What: "serial", Says: d.Path + " " + d.Why})
	}
	if _, err := dongles.Choose(devices, ""); err != nil {
		out = append(out, finding{What: "dongle", Bad: true, Says: err.Error()})
	}
	return out
}

// askDongle opens the port and asks for a ping and the version.
func askDongle(ctx context.Context, path string, baud int) finding {
	f := finding{What: "dongle", Says: path}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	port, err := znp.OpenAt(ctx, path, baud)
	if err != nil {
		f.Bad, f.Says = true, err.Error()
		if fault, ok := errors.AsType[*znp.Fault](err); ok {
			f.Says = fault.Sentence
		}
		return f
	}
	defer port.Close()
	product, revision, err := greet(ctx, port)
	if err != nil {
		f.Bad, f.Says, f.Do = true, path+" does not answer as a Z-Stack dongle: "+err.Error(), "it may be another brand's dongle, or one without coordinator firmware"
		return f
	}
	f.OK, f.Says = true, fmt.Sprintf("%s (%d) at %s", product, revision, path)
	return f
}

func examineState(dir string) finding {
	f := finding{What: "state", Says: dir}
	fi, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		parent := dir
		for parent != "/" {
			parent = filepath.Dir(parent)
			if _, err := os.Stat(parent); err == nil {
				break
			}
		}
		if syscall.Access(parent, 2) != nil {
			f.Bad, f.Says, f.Do = true, dir+" does not exist and cannot be made by this user", "run as the daemon's user, or set state in the configuration"
			return f
		}
		f.OK, f.Says = true, dir+" will be made"
	case err != nil:
		f.Bad, f.Says = true, err.Error()
	case !fi.IsDir():
		f.Bad, f.Says, f.Do = true, dir+" is no directory", "move it away, or set state in the configuration"
	case syscall.Access(dir, 2) != nil:
		f.Bad, f.Says, f.Do = true, dir+" cannot be written by this user", "run as the daemon's user: sudo -u latchkey latchkey doctor"
	case fi.Mode().Perm()&0o077 != 0:
		f.Says, f.Do = dir+" can be read by others", "chmod 700 "+dir
	default:
		f.OK = true
	}
	return f
}

// examinePorts tries whether the ports are free.
func examinePorts(cfg *configs.Config) finding {
	try := func(addr string) error {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return err
		}
		return l.Close()
	}
	for _, addr := range nonEmpty(cfg.HTTP.Listen, cfg.Metrics.Listen) {
		if err := try(addr); err != nil {
			return finding{What: "ports", Bad: true, Says: err.Error(), Do: "stop the program that uses it (ss -ltnp), or choose another address in the configuration"}
		}
	}
	if !cfg.HomeKit.Enabled {
		return finding{What: "ports", OK: true, Says: "free"}
	}
	free, host := 0, ""
	if cfg.HomeKit.Address.IsValid() {
		host = cfg.HomeKit.Address.String()
	}
	for p := int(cfg.HomeKit.Ports.First); p <= int(cfg.HomeKit.Ports.Last); p++ {
		if try(net.JoinHostPort(host, strconv.Itoa(p))) == nil {
			free++
		}
	}
	f := finding{What: "ports", OK: true, Says: fmt.Sprintf("%d of %d HomeKit ports are free", free, cfg.HomeKit.Ports.Count())}
	if free == 0 {
		f.OK, f.Bad, f.Do = false, true, "choose another range in homekit.ports"
	}
	return f
}

// examineClock: schedules and certificates want the right time. A clock before this program was made cannot be right.
func examineClock() finding {
	now := time.Now()
	made := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if now.Before(made) {
		return finding{What: "clock", Bad: true, Says: "it is " + now.Format(time.RFC3339) + ", which cannot be", Do: "set the clock: timedatectl set-ntp true"}
	}
	f := finding{What: "clock", OK: true, Says: now.Format(time.RFC3339)}
	if _, err := os.Stat("/run/systemd/timesync"); err == nil {
		if _, err := os.Stat("/run/systemd/timesync/synchronized"); err != nil {
			f.OK, f.Says, f.Do = false, f.Says+", not synchronised yet", "timedatectl status; schedules of codes follow this clock"
		}
	}
	return f
}

// examineNetwork: mDNS needs an interface that is up and can do multicast, and port 5353 open to it.
func examineNetwork(cfg *configs.Config) finding {
	ifs, err := net.Interfaces()
	if err != nil {
		return finding{What: "mDNS", Bad: cfg.HomeKit.Enabled, Says: err.Error()}
	}
	var names []string
	for _, i := range ifs {
		if i.Flags&net.FlagUp != 0 && i.Flags&net.FlagMulticast != 0 && i.Flags&net.FlagLoopback == 0 {
			names = append(names, i.Name)
		}
	}
	if len(names) == 0 {
		return finding{What: "mDNS", Says: "no network interface is up that can do multicast", Do: "connect the machine to the network of the phones; HomeKit waits for it"}
	}
	for _, want := range cfg.HomeKit.Interfaces {
		if _, err := net.InterfaceByName(want); err != nil {
			return finding{What: "mDNS", Says: "homekit.interfaces names " + want + ", which is not there", Do: "ip link shows the names"}
		}
	}
	conn, err := net.ListenMulticastUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(224, 0, 0, 251), Port: 5353})
	if err != nil {
		return finding{What: "mDNS", Says: "port 5353 cannot be shared: " + err.Error(), Do: "a program holds it alone; see ss -lunp"}
	}
	conn.Close()
	return finding{What: "mDNS", OK: true, Says: fmt.Sprintf("can be spoken on %v", names)}
}
