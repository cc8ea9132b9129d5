package daemon

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// SocketName is the name of the API's Unix socket in the runtime or state directory.
const SocketName = "latchkey.sock"

// Options of a Daemon. Only Config is needed.
type Options struct {
	Config     configs.Config
	ConfigFile string         // read again at SIGHUP; empty: nothing is
	Logger     *slog.Logger   // nil: discard
	Level      *slog.LevelVar // of Logger; nil: it does not change
	Version    string
	Commit     string

	// Dial opens the dongle in place of what Config.Radio.Port says.
	Dial func(ctx context.Context) (znp.Port, error)
	// Advertiser announces HomeKit accessories in place of mDNS.
	Advertiser hap.Advertiser
	// Socket is the API's Unix socket; empty: SocketName in $RUNTIME_DIRECTORY, else in the state directory.
	Socket string
	// Service says that the process is the daemon's own: signals are its, and systemd is told of readiness and fed its watchdog.
	Service bool
}

func (o *Options) socket() string {
	if o.Socket != "" {
		return o.Socket
	}
	if dir := os.Getenv("RUNTIME_DIRECTORY"); dir != "" && o.Service {
		return filepath.Join(dir, SocketName)
	}
	return filepath.Join(o.Config.State, SocketName)
}

// LoadConfig reads the configuration: path if it is given, else the file in /etc if there is one, else the defaults with the state in
// $XDG_STATE_HOME/latchkey. It returns the path that was read, empty for none.
func LoadConfig(path string) (configs.Config, string, error) {
	if path != "" {
		c, err := configs.Load(path)
		return c, path, err
	}
	c, err := configs.Load(configs.DefaultPath)
	switch {
	case err == nil:
		return c, configs.DefaultPath, nil
	case !errors.Is(err, fs.ErrNotExist):
		return c, configs.DefaultPath, err
	}
	c = configs.Defaults()
	if dir := os.Getenv("STATE_DIRECTORY"); dir != "" {
		c.State = dir
		return c, "", nil
	}
	c.State = userState()
	return c, "", nil
}

// userState is the state directory of a daemon that a person runs (XDG Base Directory Specification 0.8).
func userState() string {
	if dir := os.Getenv("XDG_STATE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "latchkey")
	}
	if home, err := os.UserHomeDir(); err == nil {
		return filepath.Join(home, ".local/state/latchkey")
	}
	return configs.Defaults().State
}
