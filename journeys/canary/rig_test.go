package canary

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/daemon"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/homekit/hap/mdns"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// Places.
const (
	inLogText   = "log, text"
	inLogJSON   = "log, JSON"
	inLogSystem = "log, journald"
	inCLI       = "command line"
	inAPI       = "API answers"
	inStream    = "event stream"
	inJournal   = "journal"
	inMetrics   = "metrics"
	inHomeKit   = "HomeKit answers"
	inHomeEvent = "HomeKit events"
	inMDNS      = "mDNS"
	inState     = "state directory"
	inBackup    = "backup"
	inOpened    = "backup, opened"
)

// revealers are the only answers that hold digits. They are not scanned; each must be seen to hold them.
var revealers = map[string]string{
	"POST /api/v1/users/{user}/reveal": "shows a code, after the password",
	"latchkey users reveal":            "the same on the command line",
	"HomeKit access codes: List":       "shows an administrator the codes of a lock",
	"HomeKit access codes: Read":       "shows an administrator a code",
	"HomeKit access codes: Add":        "echoes it, as Apple's home daemon wants",
	"HomeKit access codes: Update":     "echoes it too",
}

// world is a house with the whole daemon in it, and everything that leaves the daemon captured.
type world struct {
	pins
	places
	t                  *testing.T
	ctx                context.Context
	house              *house.House
	home               *house.Resident
	dir                string
	file               string // the configuration, for the command line
	log                *slog.Logger
	token              string
	backup, passphrase string
	web                *http.Client

	named map[bridge.LockID]string // by the configuration

	mu       sync.Mutex
	revealed map[string]bool

	yale, dana, idlock, nimly, bcd, kwikset, hidden *lockfw.Lock
	paired                                          *controller.Pairing
	phone                                           *phone
}

const speed = 20

var models = []string{"YRD256 TSDB", "V3-BTZB", "ID Lock 150", "NimlyPRO", "EasyFingerTouch", "SMARTCODE_DEADBOLT_10", "HC-SLM-1"}

// newWorld builds the house and starts the daemon, whose log goes to three places.
func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	w := &world{t: t, ctx: ctx, dir: filepath.Join(t.TempDir(), "state"), revealed: map[string]bool{}}
	var handlers []slog.Handler
	for place, format := range map[string]string{inLogText: "text", inLogJSON: "json", inLogSystem: "journald"} {
		l, level := daemon.NewLogger(w.to(place), configs.Log{Level: "debug", Format: format})
		level.Set(-100) // whatever may stand below debug
		handlers = append(handlers, l.Handler())
	}
	w.log = slog.New(slog.NewMultiHandler(handlers...))
	n := 0
	h, err := house.New(house.Config{
		Dir: w.dir, Models: models, Air: lockfw.Config{Seed: 4, Speed: speed, Delay: time.Millisecond}, Logger: w.log, Version: "v0.0.0", Advertise: advertiser{&w.places},
		Adjust: func(b *lockfw.Behaviour) {
			b.PINInEvents, b.NoWrongEvent, b.RejoinByItself = true, false, true
			switch models[n] {
			case "V3-BTZB":
				b.RFNeedsPIN = true
			case "EasyFingerTouch":
				b.BCDPIN = true
			case "HC-SLM-1":
				b.GetPIN = "hidden"
			}
			n++
		},
		Configure: func(c *configs.Config) {
			c.HomeKit.CodeState, c.HomeKit.ResetSwitches = true, true
			for id, name := range w.named {
				l := configs.LockDefaults()
				l.Name = name
				c.Locks = map[string]configs.Lock{string(id): l}
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	w.house = h
	w.yale, w.dana, w.idlock, w.nimly, w.bcd, w.kwikset, w.hidden = h.Locks[0], h.Locks[1], h.Locks[2], h.Locks[3], h.Locks[4], h.Locks[5], h.Locks[6]
	hctx, stop := context.WithCancel(ctx)
	running := make(chan error, 1)
	go func() { running <- h.Run(hctx) }()
	t.Cleanup(func() { stop(); <-running })
	w.file = filepath.Join(t.TempDir(), "latchkey.yaml")
	if err := os.WriteFile(w.file, fmt.Appendf(nil, "state: %q\nradio: {port: %q}\nhttp: {listen: \"127.0.0.1:0\"}\n", w.dir, h.Port), 0o600); err != nil {
		t.Fatal(err)
	}
	w.web = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	w.start()
	t.Cleanup(w.stop)
	return w
}

func (w *world) start() {
	w.t.Helper()
	var err error
	if w.home, err = w.house.Start(w.ctx); err != nil {
		w.t.Fatal(err)
	}
	if err := w.home.Online(w.ctx); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stop() {
	if w.home == nil {
		return
	}
	if err := w.home.Stop(); err != nil {
		w.t.Error(err)
	}
	w.home = nil
}

// eventually waits for what comes about by itself.
func (w *world) eventually(what string, ok func() bool) {
	w.t.Helper()
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(3 * time.Millisecond) {
		if ok() {
			return
		}
	}
	w.t.Fatalf("waited in vain for %s", what)
}

// soon waits a little for what may not come.
func soon(ok func() bool) bool {
	for until := time.Now().Add(1300 * time.Millisecond); time.Now().Before(until); time.Sleep(3 * time.Millisecond) {
		if ok() {
			return true
		}
	}
	return false
}

// quiet waits until nothing comes to a place any more.
func (w *world) quiet(place string) {
	for n := -1; n != len(w.get(place)); {
		n = len(w.get(place))
		soon(func() bool { return len(w.get(place)) != n })
	}
}

// cli runs a command in this process, which must end with that exit code, if it is not negative. What it prints is captured, but not what a person typed.
func (w *world) cli(want int, stdin string, args ...string) string {
	w.t.Helper()
	out := w.run(want, stdin, args...)
	w.add(inCLI, []byte(out))
	return out
}

func (w *world) run(want int, stdin string, args ...string) string {
	w.t.Helper()
	global := []string{"--config", w.file}
	if w.home != nil {
		global = append(global, "--socket", w.home.SocketPath())
	}
	var out bytes.Buffer
	if code := cli.Run(w.ctx, "v0.0.0", append(global, args...), strings.NewReader(stdin), &out, &out); code != want && want >= 0 {
		w.t.Errorf("latchkey %.1q…: exit code %d, want %d: %s", args, code, want, &out)
	}
	return out.String()
}

// both runs a command that looks, for people and for scripts.
func (w *world) both(args ...string) {
	w.t.Helper()
	w.cli(0, "", args...)
	w.cli(0, "", append(args, "--json")...)
}

// api makes one request over TCP with an administrator's token, whose answer must have that status if it is not 0. The whole answer is captured.
func (w *world) api(want int, method, path, body string) []byte {
	w.t.Helper()
	answer, b := w.ask(want, method, path, body)
	w.add(inAPI, answer)
	return b
}

func (w *world) ask(want int, method, path, body string) (answer, b []byte) {
	w.t.Helper()
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(w.ctx, method, "http://"+w.home.HTTPAddr()+path, rd)
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+w.token)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", "application/json")
	resp, err := w.web.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, err = io.ReadAll(resp.Body); err != nil {
		w.t.Fatal(err)
	}
	var head bytes.Buffer
	_ = resp.Header.Write(&head)
	if want != 0 && resp.StatusCode != want {
		w.t.Errorf("%s: %s, want %d: %s", method, resp.Status, want, b)
	}
	return fmt.Appendf(nil, "%s\n%s\n%s\n", resp.Status, &head, b), b
}

// reveals notes that one of the revealers holds the digits that it is there to show.
func (w *world) reveals(what, text, pin string) {
	w.t.Helper()
	if revealers[what] == "" {
		w.t.Errorf("%s is none of those that may show digits", what)
	}
	if !strings.Contains(text, pin) {
		w.t.Errorf("%s does not show the code that it was asked for", what)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revealed[what] = true
}

// follow captures the event stream, from the journal's first entry on, until the daemon ends.
func (w *world) follow() (wait func()) {
	w.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", w.home.SocketPath())
	}}}
	req, err := http.NewRequestWithContext(w.ctx, http.MethodGet, "http://latchkey/api/v1/events?since=0", nil)
	if err != nil {
		w.t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer resp.Body.Close()
		_, _ = io.Copy(w.to(inStream), resp.Body) // ends with the daemon
	}()
	return func() { <-done }
}

// look captures what can be looked at now.
func (w *world) look() {
	w.t.Helper()
	for _, args := range [][]string{{"status"}, {"locks"}, {"users"}, {"codes"}, {"events"}, {"doctor"}, {"homekit", "show"}, {"token", "list"}, {"check"}, {"version"}} {
		w.both(args...)
	}
	w.cli(0, "", "events", "--since", "1h", "-n", "1000")
	for _, path := range []string{"/status", "/locks", "/users", "/homekit?codes=true", "/matter", "/tokens"} {
		w.api(200, "GET", "/api/v1"+path, "")
	}
	for _, l := range w.house.Locks {
		for _, path := range []string{"", "/codes", "/reset"} {
			w.api(200, "GET", "/api/v1/locks/"+string(house.ID(l))+path, "")
		}
	}
	for after := uint64(0); ; {
		var evs []struct {
			Seq uint64 `json:"seq"`
		}
		_, b := w.ask(200, "GET", fmt.Sprintf("/api/v1/events?since=%d&limit=1000", after), "")
		w.add(inJournal, b)
		if err := json.Unmarshal(b, &evs); err != nil {
			w.t.Fatal(err)
		}
		if len(evs) == 0 {
			break
		}
		after = evs[len(evs)-1].Seq
	}
	_, b := w.ask(200, "GET", "/metrics", "")
	w.add(inMetrics, b)
	w.phone.look()
}

// disk captures every file of the state directory and of those that a restore left beside it, with their names.
func (w *world) disk() {
	w.t.Helper()
	empty := make([]byte, 4096)
	dirs, err := filepath.Glob(w.dir + "*")
	if err != nil {
		w.t.Fatal(err)
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range entries {
			if !e.Type().IsRegular() {
				continue
			}
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			if err != nil {
				w.t.Fatal(err)
			}
			w.add(inState, []byte("\n"+filepath.Join(dir, e.Name())+"\n"))
			for page := range slices.Chunk(b, 4096) {
				if !bytes.Equal(page, empty[:len(page)]) { // most of the file is in reserve
					w.add(inState, page)
				}
			}
		}
	}
}

// synced waits until a person's code is where it should be on a lock.
func (w *world) synced(name string, locks ...*lockfw.Lock) {
	w.t.Helper()
	for _, l := range locks {
		c, err := w.home.Bridge().WaitSync(w.ctx, house.ID(l), w.user(name))
		if err != nil || c.State != bridge.CodeInSync && c.State != bridge.CodeUnverifiable {
			w.t.Fatalf("%s's code on %s is %s (%s), %v", name, l.Name(), c.State, c.Reason, err)
		}
	}
}

func (w *world) user(name string) bridge.UserID {
	w.t.Helper()
	for _, u := range w.home.Bridge().Users() {
		if u.Name == name {
			return u.ID
		}
	}
	w.t.Fatalf("there is no %s", name)
	return 0
}

// advertiser notes what is told to the local network.
type advertiser struct{ p *places }

func (advertiser) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (a advertiser) Publish(s mdns.Service)      { a.p.add(inMDNS, fmt.Appendf(nil, "%+v\n", s)) }
func (advertiser) Withdraw(string)               {}
func (advertiser) Seen(string) bool              { return true }
