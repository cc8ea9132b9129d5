package configs

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

func TestEmptyFileIsTheDefaults(t *testing.T) {
	for _, text := range []string{"", "\n", "# nothing\n", "---\n", "{}\n", "radio:\nlocks:\n"} {
		c, err := Parse("latchkey.yaml", []byte(text))
		if err != nil || !reflect.DeepEqual(c, Defaults()) {
			t.Errorf("%q: %+v, %v", text, c, err)
		}
	}
}

// TestReference holds the reference file to what it says of itself: every key is there, and every value is the default.
func TestReference(t *testing.T) {
	c, err := Parse("latchkey.yaml", Reference)
	if err != nil {
		t.Fatal(err)
	}
	d := Defaults()
	d.HomeKit.Interfaces, d.Matter.Interfaces, d.HTTP.Hosts = []string{}, []string{}, []string{}
	if !reflect.DeepEqual(c, d) {
		t.Errorf("the reference file says\n%+v\nthe defaults are\n%+v", c, d)
	}
	var doc yaml.Node
	if err := yaml.Load(Reference, &doc); err != nil {
		t.Fatal(err)
	}
	w := &walker{}
	var scratch Config
	for _, k := range w.keys(&scratch) {
		n := find(doc.Content[0], k.name)
		if n == doc.Content[0] {
			t.Errorf("the reference file lacks %s", k.name)
			continue
		}
		// A section names its keys when it is given one that it does not know.
		w.problems = nil
		k.take(k.name, &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{
			{Kind: yaml.ScalarNode, Value: "zzzzzzzzzzzz"}, {Kind: yaml.ScalarNode, Value: "1"}}})
		if len(w.problems) != 1 || k.name == "locks" || k.name == "state" {
			continue
		}
		_, list, _ := strings.Cut(w.problems[0].Instead, "use one of ")
		for name := range strings.SplitSeq(list, ", ") {
			if find(n, name) == n {
				t.Errorf("the reference file lacks %s.%s", k.name, name)
			}
		}
	}
}

// TestReferenceExample uncomments the example of a lock and parses it.
func TestReferenceExample(t *testing.T) {
	_, example, _ := strings.Cut(string(Reference), "# Single locks, by IEEE address:\n#\n")
	example, _, _ = strings.Cut(example, "locks: {}")
	var lines []string
	for l := range strings.SplitSeq(example, "\n") {
		lines = append(lines, strings.TrimPrefix(l, "# "))
	}
	c, err := Parse("example", []byte(strings.Join(lines, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	off := time.Duration(0)
	want := map[string]Lock{"00:0d:6f:00:0a:90:69:e7": {Name: "Front door", MinBatteryForReset: 30, Restore: RestoreAsk, Relock: &off}}
	if !reflect.DeepEqual(c.Locks, want) {
		t.Errorf("%+v", c.Locks)
	}
}

func TestValues(t *testing.T) {
	c, err := Parse("x", []byte(`
radio: {port: "tcp://dongle.home.arpa:6638", baud: 460800, channel: 25, form: never}
state: /tmp/s
homekit: {enabled: false, mode: bridge, address: "fe80::1", ports: 52000, interfaces: [eth0, wlan0], timed_writes: accept, code_state: true, reset_switches: true}
matter: {enabled: false, listen: ":5541"}
http: {listen: "", hosts: [locks.home.arpa]}
metrics: {listen: ":9440"}
log: {level: debug, format: json}
locks:
  0x000D6F000A9069E7: {name: "Haustür", min_battery_for_reset: 12.5%, restore: auto, relock: 90s}
`))
	if err != nil {
		t.Fatal(err)
	}
	l := c.Locks["00:0d:6f:00:0a:90:69:e7"]
	switch {
	case c.Radio != Radio{"tcp://dongle.home.arpa:6638", 460800, 25, FormNever},
		c.HomeKit.Enabled, c.HomeKit.Mode != ModeBridge, c.HomeKit.Ports != PortRange{52000, 52000}, len(c.HomeKit.Interfaces) != 2,
		c.HomeKit.TimedWrites != TimedAccept, !c.HomeKit.CodeState, !c.HomeKit.ResetSwitches, c.HomeKit.Address.String() != "fe80::1",
		c.Matter.Enabled, c.HTTP.Listen != "", c.HTTP.Hosts[0] != "locks.home.arpa", c.Metrics.Listen != ":9440", c.Log != Log{"debug", "json"},
		l.Name != "Haustür", l.MinBatteryForReset != 12.5, l.Restore != RestoreAuto, *l.Relock != 90*time.Second:
		t.Errorf("%+v", c)
	}
}

// TestMistakes: each mistake is told with its line, what is wrong and what to write instead; all of a file's at once.
func TestMistakes(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key, near miss", "radio:\n  prot: auto\n", `f:2: radio.prot: unknown key, did you mean "port"?`},
		{"unknown key, nothing near", "radio: {zebra: 1}\n", "f:1: radio.zebra: unknown key, use one of port, baud, channel, form"},
		{"unknown section", "homkit: {}\n", `f:1: homkit: unknown key, did you mean "homekit"?`},
		{"key twice", "state: /a\nstate: /b\n", "f:2: state: set before in line 1, remove one of the two"},
		{"channel", "radio: {channel: 27}", `f:1: radio.channel: "27" is out of range or no number, use auto or a number from 11 to 26`},
		{"baud", "radio: {baud: fast}", `f:1: radio.baud: "fast" is not known here, use one of 9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 921600, 1000000, 2000000`},
		{"port", "radio: {port: ttyUSB0}", `f:1: radio.port: "ttyUSB0" is neither auto, a device path, nor tcp://host:port, use auto, a path like /dev/serial/by-id/…, or tcp://host:6638`},
		{"word", "homekit: {mode: acessories}", `f:1: homekit.mode: "acessories" is not known here, did you mean "accessories"?`},
		{"word far off", "log: {level: loud}", `f:1: log.level: "loud" is not known here, use one of debug, info, warn, error`},
		{"bool", "homekit: {enabled: yes}", `f:1: homekit.enabled: "yes" is neither true nor false, use true or false`},
		{"ports backwards", "homekit: {ports: 51889-51826}", "f:1: homekit.ports: the range ends before it begins, use a range like 51826-51889, ports 1024 to 65535, at most 256 of them"},
		{"ports low", "homekit: {ports: 80}", "f:1: homekit.ports: ports below 1024 need rights that the daemon does not have, use a range like 51826-51889, ports 1024 to 65535, at most 256 of them"},
		{"ports many", "homekit: {ports: 1024-65535}", "f:1: homekit.ports: the range is larger than 256 ports, use a range like 51826-51889, ports 1024 to 65535, at most 256 of them"},
		{"list", "homekit: {interfaces: eth0}", `f:1: homekit.interfaces: "eth0" is not a list, write a list like [eth0, wlan0]`},
		{"percent sign", "locks: {\"00:0d:6f:00:0a:90:69:e7\": {min_battery_for_reset: 30}}", `f:1: locks.00:0d:6f:00:0a:90:69:e7.min_battery_for_reset: "30" lacks the % sign, write 30%`},
		{"percent range", "locks: {\"00:0d:6f:00:0a:90:69:e7\": {min_battery_for_reset: NaN%}}", `f:1: locks.00:0d:6f:00:0a:90:69:e7.min_battery_for_reset: "NaN%" is no percentage from 0 to 100, use a percentage from 0% to 100%`},
		{"address", "locks:\n  front: {name: Front}\n", `f:2: locks.front: not an IEEE address, write sixteen hex digits in quotes, like "00:0d:6f:00:0a:90:69:e7"`},
		{"lock twice", "locks:\n  0x000d6f000a9069e7: {}\n  \"00:0D:6F:00:0A:90:69:E7\": {}\n", "f:3: locks.00:0D:6F:00:0A:90:69:E7: this lock is described twice, remove one of the two"},
		{"name twice", "locks:\n  0x000d6f000a9069e7: {name: Door}\n  0x000d6f000a9069e8: {name: door}\n", `f:2: locks.00:0d:6f:00:0a:90:69:e8.name: "door" is the name of 00:0d:6f:00:0a:90:69:e7 already, give each lock its own name`},
		{"relock", "locks: {0x000d6f000a9069e7: {relock: 48h}}", `f:1: locks.0x000d6f000a9069e7.relock: "48h" is out of range, use a duration like 30s or 5m, from 0s to 24h0m0s`},
		{"duration", "locks: {0x000d6f000a9069e7: {relock: soon}}", `f:1: locks.0x000d6f000a9069e7.relock: "soon" is no duration, use a duration like 30s or 5m, from 0s to 24h0m0s`},
		{"listen", "http: {listen: everywhere}", `f:1: http.listen: "everywhere" is no host:port, use host:port, or "" for none`},
		{"listen privileged", `http: {listen: ":80"}`, `f:1: http.listen: "80" is no port from 1024 to 65535 (0 lets the system choose), use host:port, or "" for none`},
		{"same port", "http: {listen: \":9440\"}\nmetrics: {listen: \":9440\"}\n", "f:2: metrics.listen: port 9440 is taken by http.listen already, choose another port"},
		{"port among HomeKit's", "metrics: {listen: \":51830\"}\n", "f:1: metrics.listen: port 51830 lies within homekit.ports, choose another port"},
		{"no value", "state:\n", "f:1: state: no value, use an absolute path like /var/lib/latchkey, or remove the key"},
		{"relative", "state: var\n", `f:1: state: "var" is no absolute path, use an absolute path like /var/lib/latchkey`},
		{"scalar for a section", "radio: auto\n", `f:1: radio: "auto" stands where keys and values belong, write port: …`},
		{"alias", "http: {hosts: &a [x]}\nmatter: {interfaces: *a}\n",
			"f:1: http.hosts: anchors and aliases (& and *) are not read, write the value out\nf:2: matter.interfaces: anchors and aliases (& and *) are not read, write the value out"},
		{"merge", "radio:\n  <<: {port: auto}\n", "f:2: radio: merge keys (<<) are not read, write the keys out"},
		{"list for the file", "- a\n", "f:1: a list stands where keys and values belong, write radio: …"},
		{"all at once", "radio: {prot: auto}\nstate: x\nlog: {level: 3}\n",
			"f:1: radio.prot: unknown key, did you mean \"port\"?\nf:2: state: \"x\" is no absolute path, use an absolute path like /var/lib/latchkey\nf:3: log.level: \"3\" is not known here, use one of debug, info, warn, error"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Parse("f", []byte(tc.text))
			if err == nil || err.Error() != tc.want {
				t.Errorf("got\n%v\nwant\n%s", err, tc.want)
			}
		})
	}
}

func TestSyntaxHasALine(t *testing.T) {
	for _, text := range []string{"a: [1\nb: 2\n", "a: b: c\n", "\t- x", "a: \"x\n", "--- a\n--- b\n", "\xff\xfe\x00"} {
		_, err := Parse("f", []byte(text))
		ps, ok := errors.AsType[Problems](err)
		if !ok || len(ps) == 0 || !strings.HasPrefix(err.Error(), "f:") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestHostileInput: a file made to hurt costs nothing and is refused.
func TestHostileInput(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("a: &a [x,x,x,x,x,x,x,x,x]\n")
	for i := 'b'; i < 'k'; i++ {
		p := string(i - 1)
		bomb.WriteString(string(i) + ": &" + string(i) + " [" + strings.Repeat("*"+p+",", 8) + "*" + p + "]\n")
	}
	for name, text := range map[string]string{
		"alias bomb": bomb.String(),
		"too large":  strings.Repeat("#", MaxSize+1),
		"deep":       strings.Repeat("[", 100000),
		"deep maps":  "locks: " + strings.Repeat("{a: ", 5000),
		"many keys":  strings.Repeat("x", 1) + strings.Repeat("\ny: 1", 20000),
	} {
		_, err := Parse("f", []byte(text))
		if err == nil {
			t.Errorf("%s was accepted", name)
		} else if len(err.Error()) > 32<<10 {
			t.Errorf("%s: %d bytes of error", name, len(err.Error()))
		}
	}
}

func TestLoad(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	p := filepath.Join(t.TempDir(), "latchkey.yaml")
	if err := os.WriteFile(p, []byte("radio: {channel: 9}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(p); err == nil || !strings.HasPrefix(err.Error(), p+":1: radio.channel: ") {
		t.Errorf("%v", err)
	}
}

// TestUnreadable: a file that cannot be read is told with what to do.
func TestUnreadable(t *testing.T) {
	dir := t.TempDir()
	shut := filepath.Join(dir, "shut")
	if err := os.WriteFile(shut, nil, 0); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		filepath.Join(dir, "none"): "there is no such file; name another with --config, or none for the defaults",
		dir:                        "it is a directory; name the file in it",
		"/proc/self/mem":           "cannot be read; name a file that can be",
		shut:                       "this user may not read it; run as the user latchkey",
	} {
		_, err := Load(path)
		if path == shut && os.Geteuid() == 0 && err == nil {
			continue // root may read everything
		}
		if err == nil || !strings.Contains(err.Error(), path+": "+want) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWarnings(t *testing.T) {
	c := Defaults()
	if w := c.Warnings(); len(w) != 0 {
		t.Errorf("defaults warn: %q", w)
	}
	c.MQTT.Broker, c.HTTP.Listen, c.Radio.Form = "tcp://x:1883", ":8440", FormForce
	if w := c.Warnings(); len(w) != 3 {
		t.Errorf("%q", w)
	}
	if c, err := Parse("x", []byte("radio: {form: restore}")); err != nil || c.Radio.Form != FormRestore || len(c.Warnings()) != 1 {
		t.Errorf("%+v, %v, %q", c.Radio, err, c.Warnings())
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(""))
	f.Add(Reference)
	f.Add([]byte("radio: {port: auto, channel: 11}\nlocks: {0x000d6f000a9069e7: {relock: 1s, min_battery_for_reset: 5%}}"))
	f.Add([]byte("a: &a [*a]\nb: *a\n<<: *a"))
	f.Add([]byte("? [a]\n: b\n--- x\n..."))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := Parse("f", data)
		if err != nil {
			if ps, ok := errors.AsType[Problems](err); !ok || len(ps) == 0 {
				t.Fatalf("an error that is no list of problems: %v", err)
			}
			return
		}
		if c.Radio.Channel != 0 && (c.Radio.Channel < 11 || c.Radio.Channel > 26) || c.HomeKit.Ports.Count() < 1 || c.State == "" || c.State[0] != '/' {
			t.Fatalf("accepted: %+v", c)
		}
	})
}

// TestEveryKeyIsDocumented: docs/config.md names each key of the reference file.
func TestEveryKeyIsDocumented(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("..", "docs", "config.md"))
	if err != nil {
		t.Fatal(err)
	}
	var doc yaml.Node
	if err := yaml.Load(Reference, &doc); err != nil {
		t.Fatal(err)
	}
	root := doc.Content[0]
	for i := 0; i < len(root.Content); i += 2 {
		section, v := root.Content[i].Value, root.Content[i+1]
		if len(v.Content) == 0 && section != "locks" && !strings.Contains(string(b), "`"+section+"`") {
			t.Errorf("docs/config.md does not name %s", section)
		}
		for j := 0; j+1 < len(v.Content); j += 2 {
			key := v.Content[j].Value
			if !strings.Contains(string(b), "`"+section+"."+key+"`") && !strings.Contains(string(b), "`."+key+"`") {
				t.Errorf("docs/config.md does not name %s.%s", section, key)
			}
		}
	}
}
