package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/daemon"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/web"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// TestEveryCommand: help, an example that begins with the command's own words, and no flag for a secret.
func TestEveryCommand(t *testing.T) {
	a := &app{}
	seen := map[string]bool{}
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if c.Name() == "help" || c.Name() == "completion" {
			return
		}
		path := c.CommandPath()
		seen[strings.TrimPrefix(path, "latchkey ")] = true
		if c.HasParent() && (c.Short == "" || !strings.Contains(c.Example, "latchkey "+strings.Fields(strings.TrimPrefix(path, "latchkey "))[0])) {
			t.Errorf("%s: short %q, example %q", path, c.Short, c.Example)
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk(a.root())
	for _, want := range []string{"run", "check", "doctor", "status", "join", "locks", "lock", "unlock", "rename", "forget", "users", "codes list", "codes set", "codes rm", "codes adopt",
		"reset", "homekit show", "homekit unpair", "matter show", "matter open", "matter reset", "events", "backup create", "backup restore", "backup import", "version"} {
		if !seen[want] {
			t.Errorf("there is no command %q", want)
		}
	}
	for _, name := range []string{"users add", "users change", "codes set"} {
		c, _, err := a.root().Find(strings.Fields(name))
		if err != nil {
			t.Fatal(err)
		}
		if f := c.Flags().Lookup("pin"); f != nil && f.Value.Type() != "bool" {
			t.Errorf("%s takes a PIN from the arguments", name)
		}
	}
}

// terminal runs commands against one daemon.
type terminal struct {
	t      *testing.T
	config string
	lock   *lockfw.Lock
	daemon *daemon.Daemon
}

func (x *terminal) try(stdin string, args ...string) (code int, out, errs string) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Minute)
	defer cancel()
	var o, e bytes.Buffer
	code = Run(ctx, "v1.2.3", append([]string{"--config", x.config}, args...), strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

// want runs a command and looks at its exit code and what it says, on either output.
func (x *terminal) want(code int, says, stdin string, args ...string) string {
	x.t.Helper()
	got, out, errs := x.try(stdin, args...)
	if got != code || !strings.Contains(out+errs, says) {
		x.t.Errorf("latchkey %s: exit %d\n%s%s\nwant %d with %q", strings.Join(args, " "), got, out, errs, code, says)
	}
	return out
}

func newTerminal(t *testing.T) *terminal {
	t.Helper()
	home := lockfw.New(lockfw.Config{Seed: 5, Speed: 20})
	lock, err := home.AddLock(lockfw.LockConfig{Model: "YRD226 TSDB"})
	if err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	x := &terminal{t: t, config: filepath.Join(dir, "l.yaml"), lock: lock}
	text := "radio: {port: \"tcp://" + ln.Addr().String() + "\"}\nstate: " + filepath.Join(dir, "s") + "\nhttp: {listen: \"127.0.0.1:0\"}\nhomekit: {ports: 34100-34163}\n"
	if err := os.WriteFile(x.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := configs.Load(x.config)
	if err != nil {
		t.Fatal(err)
	}
	x.daemon, err = daemon.New(daemon.Options{Config: cfg, ConfigFile: x.config, Version: "v1.2.3", Advertiser: hap.Off,
		Dial: func(ctx context.Context) (znp.Port, error) { return znp.Open(ctx, cfg.Radio.Port) }})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var tasks sync.WaitGroup
	tasks.Go(func() { _ = home.Run(ctx) })
	tasks.Go(func() { _ = home.Dongle().ServeListener(ctx, ln) })
	tasks.Go(func() {
		if err := x.daemon.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { cancel(); tasks.Wait() })
	<-x.daemon.Ready()
	return x
}

// await waits until the journal has what yes says.
func (x *terminal) await(what string, yes func(bridge.Event) bool) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), 30*time.Second)
	defer cancel()
	r := x.daemon.Bridge().Follow(0)
	defer r.Close()
	for {
		ev, err := r.Next(ctx)
		if err != nil {
			evs, _ := x.daemon.Bridge().History(0, 1000)
			for _, e := range evs[max(0, len(evs)-12):] {
				x.t.Logf("%d %v %s", e.Seq, e.Cause.Source, sentence(e))
			}
			x.t.Fatalf("%s: %v", what, err)
		}
		if yes(ev) {
			return
		}
	}
}

// TestAnEvening goes through the commands as somebody would who has a new lock.
func TestAnEvening(t *testing.T) {
	x := newTerminal(t)
	x.await("the dongle", func(ev bridge.Event) bool { b, ok := ev.Body.(bridge.DongleMoved); return ok && b.Up })
	x.want(exitDone, "No lock has joined yet", "", "locks")
	x.want(exitUsage, "--for", "", "join", "--for", "1h")
	x.want(exitUsage, "--device", "", "join", "--install-code", "83FED3407A939723")
	pressed := make(chan struct{})
	go func() {
		defer close(pressed)
		x.await("the open network", func(ev bridge.Event) bool { b, ok := ev.Body.(bridge.PermitJoinMoved); return ok && b.Remaining > 0 })
		x.lock.PressJoin()
	}()
	x.want(exitDone, "1 lock is ready", "", "join", "--for", "60s")
	<-pressed

	x.want(exitDone, "unlocked, seen after", "", "unlock", "yale-assure")
	x.want(exitDone, `"stage":"moved"`, "", "lock", "yale-assure", "--json")
	x.want(exitFailed, "no such lock", "", "unlock", "nowhere")
	x.want(exitUsage, "--timeout", "", "unlock", "yale-assure", "--timeout", "2h")
	x.want(exitUsage, "unlock NAME", "", "unlock")
	x.want(exitUsage, "unknown flag", "", "unlock", "x", "--pin-code", "1234")
	x.want(exitDone, "Front door now", "", "rename", "yale-assure", "Front door")
	x.want(exitDone, "YRD226 TSDB", "", "locks")

	x.want(exitUsage, "--all-locks", "482913\n", "users", "add", "Anna")
	x.want(exitUsage, "standard input", "", "users", "add", "Anna", "--all-locks")
	x.want(exitDone, "Anna is added", "482913\n", "users", "add", "Anna", "--all-locks", "--weekly", "mon-fri,sun 08:00-17:00", "--until", "2035-01-01")
	x.want(exitDone, "sun,mon,tue,wed,thu,fri 08:00-17:00; until 2035-01-01 00:00", "", "users")
	x.want(exitDone, "Anna is changed", "", "users", "change", "Anna", "--always")
	x.want(exitUsage, "what to change", "", "users", "change", "Anna")
	x.want(exitRefused, "length", "12\n", "users", "add", "Bert", "--lock", "Front door")
	x.want(exitFailed, "digits", "12ab\n", "users", "add", "Bert", "--lock", "Front door")
	x.want(exitDone, "in sync", "246813\n", "codes", "set", "Front door", "Anna", "--wait", "30s")
	x.want(exitDone, "Front door", "", "codes", "list")
	x.codeStates("in sync")
	if err := x.lock.Keypad("246813"); err != nil {
		t.Error(err)
	}
	x.await("Anna at the keypad", func(ev bridge.Event) bool {
		b, ok := ev.Body.(bridge.BoltMoved)
		return ok && b.To == bridge.Unlocked && ev.Cause.Name == "Anna"
	})
	x.want(exitDone, "Front door: unlocked by Anna, at the keypad", "", "events", "-n", "20")
	x.want(exitDone, `"kind":"bolt_moved"`, "", "events", "--json", "--since", "1h")

	x.want(exitUsage, "password set", "", "password")
	x.want(exitDone, "The password is set", "correct horse\n", "password", "set")
	x.want(exitDone, "246813", "correct horse\n", "users", "reveal", "Anna", "--lock", "Front door")
	x.want(exitFailed, "password is wrong", "wrong horse\n", "users", "reveal", "Anna")

	x.homekit()
	x.resetByRadio()

	x.want(exitDone, "latchkey_", "", "token", "create", "display")
	x.want(exitDone, "display", "", "token", "list")
	x.want(exitFailed, "no Matter yet", "", "matter", "show")
	x.want(exitDone, "runs, version v1.2.3", "", "doctor")
	x.want(exitDone, "Z-Stack 3.x.0", "", "status")
	var st web.Status
	if err := json.Unmarshal([]byte(x.want(exitDone, "", "", "status", "--json")), &st); err != nil || len(st.Locks) != 1 {
		t.Errorf("%v %+v", err, st)
	}

	file := filepath.Join(t.TempDir(), "b.age")
	x.want(exitDone, "opens with its password alone", "a long password\n", "backup", "create", file)
	x.want(exitFailed, "is there already", "a long password\n", "backup", "create", file)
	x.want(exitFailed, "too short", "short\n", "backup", "create", file+"2")
	x.want(exitFailed, "stop it first", "a long password\n", "backup", "restore", file)

	x.want(exitDone, "as soon as it is reached", "", "codes", "rm", "Front door", "Anna")
	x.await("that the code is gone", func(ev bridge.Event) bool { b, ok := ev.Body.(bridge.CodeMoved); return ok && b.State == "" })
	x.codeStates("")
	x.want(exitDone, "Anna is removed", "", "users", "rm", "Anna")
	x.want(exitFailed, "not forgotten", "Back door\n", "forget", "Front door")
	x.want(exitDone, "is forgotten", "Front door\n", "forget", "Front door", "--force")
}

// codeStates: where a code stands is there for scripts, by lock and by person, as "state" with the words of the documentation; its digits are not. An empty
// state wants no code.
func (x *terminal) codeStates(state string) {
	x.t.Helper()
	type code map[string]any
	var byLock []code
	var people []struct {
		Name  string
		Codes []code
	}
	lists := map[string][]code{}
	out := x.want(exitDone, "", "", "codes", "list", "--json")
	if err := json.Unmarshal([]byte(out), &byLock); err != nil || byLock == nil {
		x.t.Fatalf("%v: %s", err, out)
	}
	lists["codes list"] = byLock
	of := x.want(exitDone, "", "", "codes", "list", "Front door", "--json")
	if of != out {
		x.t.Errorf("the only lock's codes: %s; all: %s", of, out)
	}
	users := x.want(exitDone, "", "", "users", "--json")
	if err := json.Unmarshal([]byte(users), &people); err != nil || len(people) != 1 || people[0].Name != "Anna" || people[0].Codes == nil {
		x.t.Fatalf("%v: %s", err, users)
	}
	lists["users"] = people[0].Codes
	for name, codes := range lists {
		if state == "" {
			if len(codes) != 0 {
				x.t.Errorf("%s: %v", name, codes)
			}
			continue
		}
		if len(codes) != 1 {
			x.t.Errorf("%s: %v", name, codes)
			continue
		}
		c := codes[0]
		if c["state"] != state || c["lock_name"] != "Front door" || c["name"] != "Anna" || c["slot"] != 1.0 || c["length"] != 6.0 || c["since"] == nil {
			x.t.Errorf("%s: %v", name, c)
		}
		if reason, told := c["reason"]; told {
			x.t.Errorf("%s: a reason for %q: %v", name, state, reason)
		}
	}
	if all := out + users; strings.Contains(all, "246813") || strings.Contains(all, "482913") {
		x.t.Error("digits among the states")
	}
}

// homekit: the list is as scripts rely on it, and the QR code is drawn.
func (x *terminal) homekit() {
	x.t.Helper()
	var list []map[string]any
	if err := json.Unmarshal([]byte(x.want(exitDone, "", "", "homekit", "show", "--json")), &list); err != nil || len(list) != 1 {
		x.t.Fatalf("%v %v", err, list)
	}
	for _, key := range []string{"lock", "setup_code", "setup_uri", "paired", "port", "id"} {
		if _, ok := list[0][key]; !ok {
			x.t.Errorf("%s is missing: %v", key, list[0])
		}
	}
	code, _ := list[0]["setup_code"].(string)
	if !regexp.MustCompile(`^\d{3}-\d{2}-\d{3}$`).MatchString(code) {
		x.t.Errorf("setup code %q", code)
	}
	out := x.want(exitDone, code, "", "homekit", "show", "Front door")
	if !strings.Contains(out, "▀") || !strings.Contains(out, "Add Accessory") {
		x.t.Errorf("no QR code:\n%s", out)
	}
	x.want(exitDone, "in no Apple home", "", "homekit", "unpair", "Front door")
}

// resetByRadio clears the codes by radio, as a script would, up to the test that only hands can do.
func (x *terminal) resetByRadio() {
	x.t.Helper()
	x.want(exitDone, "Lost for good", "", "reset", "Front door", "--plan")
	x.want(exitFailed, "nothing was reset", "Back door\n", "reset", "Front door", "--method", "clear-codes")
	x.want(exitUsage, "--confirm", "", "reset", "Front door", "--json")
	ctx, cancel := context.WithCancel(x.t.Context())
	defer cancel()
	var out, errs bytes.Buffer
	done := make(chan int, 1)
	go func() {
		done <- Run(ctx, "", []string{"--config", x.config, "reset", "Front door", "--method", "clear-codes", "--json", "--confirm", "Front door"}, strings.NewReader(""), &out, &errs)
	}()
	x.await("the test", func(ev bridge.Event) bool {
		b, ok := ev.Body.(bridge.ResetMoved)
		return ok && (b.Stage == string(bridge.ResetTesting) || b.Stage == string(bridge.ResetStuck) || b.Stage == string(bridge.ResetDone))
	})
	x.step("test-motor")
	x.want(exitFailed, "", "", "reset", "Front door", "--ack", "test-keypad=worked") // not what is waited for
	x.want(exitDone, "", "", "reset", "Front door", "--ack", "test-motor=go", "--json")
	x.step("test-keypad")
	x.want(exitDone, "testing", "", "reset", "Front door", "--status")
	if err := x.lock.Keypad("246813"); err != nil {
		x.t.Errorf("the code is not back: %v", err)
	}
	x.await("the end", func(ev bridge.Event) bool {
		b, ok := ev.Body.(bridge.ResetMoved)
		return ok && b.Stage == string(bridge.ResetDone)
	})
	if code := <-done; code != exitDone {
		x.t.Errorf("exit %d\n%s%s", code, &out, &errs)
	}
	for _, stage := range []string{`"stage":"plan"`, `"stage":"erasing"`, `"stage":"restoring"`, `"stage":"done"`} {
		if !strings.Contains(out.String(), stage) {
			x.t.Errorf("%s is not among the lines:\n%s", stage, &out)
		}
	}
	if strings.Contains(out.String(), "246813") || strings.Contains(out.String(), "482913") {
		x.t.Error("a code is among the lines")
	}
}

// step waits until the reset asks for a step.
func (x *terminal) step(id string) {
	x.t.Helper()
	end := time.Now().Add(30 * time.Second)
	for {
		_, out, _ := x.try("", "reset", "Front door", "--status", "--json")
		if strings.Contains(out, `"step":{"id":"`+id+`"`) {
			return
		}
		if time.Now().After(end) {
			x.t.Fatalf("the reset does not ask for %s: %s", id, out)
		}
	}
}

// TestWithoutADaemon: what needs one says how to start it; what does not works.
func TestWithoutADaemon(t *testing.T) {
	dir := t.TempDir()
	x := &terminal{t: t, config: filepath.Join(dir, "l.yaml")}
	if err := os.WriteFile(x.config, []byte("state: "+filepath.Join(dir, "s")+"\nradio: {port: /dev/none}\nhttp: {listen: \"127.0.0.1:0\"}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"status"}, {"locks"}, {"unlock", "x"}, {"events"}, {"homekit", "show"}, {"users"}, {"reset", "x"}} {
		x.want(exitFailed, "latchkey run", "", args...)
	}
	x.want(exitFailed, "There is no Zigbee dongle at /dev/none", "", "doctor")
	x.want(exitDone, "latchkey v1.2.3", "", "version")
	x.want(exitDone, `"version":"v1.2.3"`, "", "version", "--json")
	x.want(exitDone, `port: "/dev/none"`, "", "check")
	x.want(exitDone, `"problems":[]`, "", "check", "--json")
	bad := filepath.Join(dir, "bad.yaml")
	if err := os.WriteFile(bad, []byte("radio: {prot: auto}\nlog: {level: loud}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	x.want(exitFailed, bad+`:1: radio.prot: unknown key, did you mean "port"?`+"\n"+bad+":2: log.level", "", "check", bad)
	x.want(exitFailed, "radio.prot", "", "check", "--json", bad)
	x.want(exitFailed, "unknown command", "", "explode")
	x.want(exitFailed, "no such file", "", "backup", "restore", filepath.Join(dir, "none.age"))
	if _, err := os.Stat(filepath.Join(dir, "s")); err == nil {
		t.Error("looking has made a state")
	}
}

// TestCheckedConfigIsAFile: what check prints can be used as a file, and means the same.
func TestCheckedConfigIsAFile(t *testing.T) {
	var out bytes.Buffer
	a := &app{out: &out}
	relock := 90 * time.Second
	c := configs.Defaults()
	c.HomeKit.Interfaces, c.Matter.Interfaces, c.HTTP.Hosts = []string{"eth0"}, []string{}, []string{`a"b`}[:0]
	c.HomeKit.CodeState = true
	c.Locks = map[string]configs.Lock{"00:0d:6f:00:0a:90:69:e7": {Name: `Anna's "door"`, MinBatteryForReset: 12.5, Restore: configs.RestoreAuto, Relock: &relock}}
	a.showConfig(&c)
	again, err := configs.Parse("printed", out.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	if l := again.Locks["00:0d:6f:00:0a:90:69:e7"]; l.Name != `Anna's "door"` || *l.Relock != relock || again.HomeKit.Interfaces[0] != "eth0" || again.Radio != c.Radio || !again.HomeKit.CodeState {
		t.Errorf("%+v", again)
	}
}

func TestExitCodes(t *testing.T) {
	for kind, want := range map[string]int{"asleep": 3, "unreachable": 3, "dongle-down": 3, "rejected": 4, "jammed": 4, "unsupported": 4, "not-seen": 5, "timeout": 5, "no-such-lock": 1, "internal": 1} {
		if got := exitCode(&web.Problem{Type: web.TypePrefix + kind}); got != want {
			t.Errorf("%s: %d", kind, got)
		}
	}
}

// TestMisplacedPIN: a PIN that stands among the arguments, where none belongs, is not repeated by the error.
func TestMisplacedPIN(t *testing.T) {
	const pin = "48291374"
	for _, args := range [][]string{
		{"users", "change", "Anna", "--pin=" + pin}, {"users", "change", "Anna", "--uses", pin + pin + pin}, {"users", "change", "Anna", "--until", pin}, {"users", "add", "Anna", pin},
		{"users", "add", "Anna", "--weekly", pin}, {"users", "add", "Anna", "--code=" + pin}, {"codes", "set", "Door", "Anna", pin}, {"codes", "adopt", "Door", pin, "Anna"}, {"unlock", "Door", pin},
	} {
		var out bytes.Buffer
		if code := Run(t.Context(), "", args, strings.NewReader(""), &out, &out); code != exitUsage || out.Len() == 0 || strings.Contains(out.String(), pin) {
			t.Errorf("%.2q…: exit %d, %d octets, repeated: %v", args, code, out.Len(), strings.Contains(out.String(), pin))
		}
	}
	var out bytes.Buffer
	if Run(t.Context(), "", []string{"users", "change", "Anna", "--uses", "many"}, strings.NewReader(""), &out, &out); !strings.Contains(out.String(), `"many" for "--uses"`) {
		t.Errorf("%s", &out)
	}
	out.Reset()
	r := resetScreen{app: &app{out: &out}}
	if err := r.acknowledge(t.Context(), answer{step: bridge.ResetStep{Answers: []string{"worked", "refused"}}, text: pin}); err != nil || !strings.Contains(out.String(), "is no answer here") || strings.Contains(out.String(), pin) {
		t.Errorf("a code typed into the terminal in place of the keypad: %v, %d octets", err, out.Len())
	}
}

func TestJSONSecret(t *testing.T) {
	b, err := jsonSecret("pin", []byte("1234"), []byte(`{"wait":"1s"}`))
	if err != nil || string(b) != `{"pin":"1234","wait":"1s"}` {
		t.Errorf("%s %v", b, err)
	}
	if b, err := jsonSecret("pin", []byte("1234"), []byte(`{}`)); err != nil || string(b) != `{"pin":"1234"}` {
		t.Errorf("%s %v", b, err)
	}
	if _, err := jsonSecret("pin", []byte("12\"4"), nil); err == nil {
		t.Error("a quote was taken")
	}
}
