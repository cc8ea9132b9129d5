package configs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"

	"go.yaml.in/yaml/v4"

	"github.com/latchkeyd/latchkey/zigbee"
)

// MaxSize is the most that a configuration file may hold, in bytes.
const MaxSize = 256 << 10

// DefaultPath is where the daemon looks when no file is named.
const DefaultPath = "/etc/latchkey/latchkey.yaml"

// Load reads and parses the file. A file that cannot be read gives the error of os.Open; anything wrong in it gives Problems.
func Load(path string) (Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return Defaults(), unread(path, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, MaxSize+1))
	if err != nil {
		return Defaults(), unread(path, err)
	}
	return Parse(path, data)
}

// unread says why a file was not read, and what to do.
func unread(path string, err error) error {
	what, instead := "cannot be read", "name a file that can be, with --config"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		what, instead = "there is no such file", "name another with --config, or none for the defaults"
	case errors.Is(err, fs.ErrPermission):
		what, instead = "this user may not read it", "run as the user latchkey (sudo -u latchkey latchkey …), or change the file's mode"
	case errors.Is(err, syscall.EISDIR):
		what, instead = "it is a directory", "name the file in it, with --config"
	}
	return fmt.Errorf("configs: %s: %s; %s: %w", path, what, instead, err)
}

// Parse reads a configuration. name stands in messages. On any error the error is Problems, and the Config holds what could be read.
func Parse(name string, data []byte) (Config, error) {
	c := Defaults()
	if len(data) > MaxSize {
		return c, Problems{{File: name, What: fmt.Sprintf("larger than %d KiB", MaxSize>>10), Instead: "a configuration is a few lines"}}
	}
	w := &walker{file: name}
	var doc yaml.Node
	switch err := load(data, &doc); {
	case errors.Is(err, errEmpty):
		return c, nil
	case err != nil:
		return c, Problems{syntax(name, err)}
	}
	root := &doc
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if w.plain("", root) {
		w.mapping("", root, w.keys(&c))
	}
	w.conflicts(root, &c)
	if len(w.problems) > 0 {
		slices.SortStableFunc(w.problems, func(a, b Problem) int { return a.Line - b.Line })
		return c, w.problems
	}
	return c, nil
}

var errEmpty = errors.New("no document")

// load takes exactly one document, or none.
func load(data []byte, doc *yaml.Node) error {
	l, err := yaml.NewLoader(strings.NewReader(string(data)))
	if err != nil {
		return err
	}
	switch err := l.Load(doc); {
	case errors.Is(err, io.EOF):
		return errEmpty
	case err != nil:
		return err
	}
	var second yaml.Node
	if err := l.Load(&second); !errors.Is(err, io.EOF) {
		if err != nil {
			return err
		}
		return errors.New("more than one document (---) in the file")
	}
	return nil
}

// syntax turns the YAML reader's error into ours.
func syntax(name string, err error) Problem {
	p := Problem{File: name, What: "not YAML: " + err.Error(), Instead: "check indentation and quotes there"}
	if le, ok := errors.AsType[*yaml.LoadError](err); ok {
		p.Line, p.What = le.Mark.Line, "not YAML: "+le.Message
	}
	return p
}

// keys is the whole vocabulary of the file.
func (w *walker) keys(c *Config) []key {
	section := func(name string, keys ...key) key {
		return key{name, func(path string, n *yaml.Node) { w.mapping(path, n, keys) }}
	}
	const names = "write a list like [eth0, wlan0]"
	return []key{
		section("radio",
			key{"port", w.text(&c.Radio.Port, "use auto, a path like /dev/serial/by-id/…, or tcp://host:6638", checkPort)},
			key{"baud", w.speed(&c.Radio.Baud)},
			key{"channel", w.number(&c.Radio.Channel, 11, 26, map[string]int{Auto: 0})},
			key{"form", w.word(&c.Radio.Form, FormAuto, FormNever, FormRestore, FormForce)}),
		{"state", w.text(&c.State, "use an absolute path like /var/lib/latchkey", checkAbs)},
		section("homekit",
			key{"enabled", w.yes(&c.HomeKit.Enabled)},
			key{"mode", w.word(&c.HomeKit.Mode, ModeAccessories, ModeBridge)},
			key{"address", w.address(&c.HomeKit.Address)},
			key{"ports", w.ports(&c.HomeKit.Ports)},
			key{"interfaces", w.list(&c.HomeKit.Interfaces, names, checkHost)},
			key{"timed_writes", w.word(&c.HomeKit.TimedWrites, TimedRequire, TimedAccept)},
			key{"code_state", w.yes(&c.HomeKit.CodeState)},
			key{"reset_switches", w.yes(&c.HomeKit.ResetSwitches)}),
		section("matter",
			key{"enabled", w.yes(&c.Matter.Enabled)},
			key{"listen", w.text(&c.Matter.Listen, `use :5540 or host:port`, checkListen)},
			key{"interfaces", w.list(&c.Matter.Interfaces, names, checkHost)}),
		section("http",
			key{"listen", w.text(&c.HTTP.Listen, `use host:port, or "" for none`, checkListen)},
			key{"hosts", w.list(&c.HTTP.Hosts, "write a list of names like [locks.home.arpa]", checkHost)}),
		section("metrics", key{"listen", w.text(&c.Metrics.Listen, `use host:port, or "" for none`, checkListen)}),
		section("mqtt", key{"broker", w.text(&c.MQTT.Broker, `use "" for none`, nil)}),
		section("log",
			key{"level", w.word(&c.Log.Level, "debug", "info", "warn", "error")},
			key{"format", w.word(&c.Log.Format, Auto, "text", "json", "journald")}),
		{"locks", func(path string, n *yaml.Node) { w.locks(path, n, c) }},
	}
}

func (w *walker) locks(path string, n *yaml.Node, c *Config) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		w.say(n, path, kindName(n)+" stands where locks belong", `write "00:0d:6f:00:0a:90:69:e7": {name: Front door}`)
		return
	}
	w.pairs(path, n, func(p string, k, v *yaml.Node) {
		id, err := zigbee.ParseEUI64(k.Value)
		if err != nil {
			w.say(k, p, "not an IEEE address", `write sixteen hex digits in quotes, like "00:0d:6f:00:0a:90:69:e7"`)
			return
		}
		if _, twice := c.Locks[id.String()]; twice {
			w.say(k, p, "this lock is described twice", "remove one of the two")
			return
		}
		l := LockDefaults()
		w.mapping(p, v, []key{
			{"name", w.text(&l.Name, "give it a name like Front door", checkName)},
			{"min_battery_for_reset", w.percent(&l.MinBatteryForReset)},
			{"restore", w.word(&l.Restore, RestoreAsk, RestoreAuto)},
			{"relock", w.duration(&l.Relock, 0, maxRelock)},
		})
		if c.Locks == nil {
			c.Locks = map[string]Lock{}
		}
		c.Locks[id.String()] = l
	})
}
