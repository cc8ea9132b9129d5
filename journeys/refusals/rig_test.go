// Package refusals gives the daemon what it must refuse, by every face that takes it: each is told in its own words, costs no code, and leaves a daemon that
// still locks and unlocks.
package refusals

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/cmd/latchkey/cli"
	"github.com/latchkeyd/latchkey/homekit/hap"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
	"github.com/latchkeyd/latchkey/journeys/canary"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
	"github.com/latchkeyd/latchkey/web"
)

func TestMain(m *testing.M) {
	if config := os.Getenv("REFUSALS_DAEMON"); config != "" {
		daemonProcess(config)
		return
	}
	flag.Parse()
	_ = flag.Set("test.parallel", "8") // these tests wait for emulated locks more than they work
	goleak.VerifyTestMain(m)
}

const (
	speed = 25
	yale  = "YRD226 TSDB"
	sihas = "DLM-300Z" // holds one code, of four digits

	master = "11112222" // the locks' programming code
)

// people are those who have codes before anything is refused.
var people = map[string]string{"Ann": "28465731", "Bob": "91752846", "Dee": "2846"}

// home is one emulated lock with the daemon, and the faces by which it is asked.
type home struct {
	*house.Resident
	t     *testing.T
	house *house.House
	lock  *lockfw.Lock
	id    bridge.LockID
	dir   string
	token string
	logs  *logs

	hapOnce sync.Once
	hapConn *controller.Conn
	hapIDs  house.LockIDs
}

// logs keeps everything that the daemon logs.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) bytes() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Clone(l.b.Bytes())
}

// timeless leaves the time out of the log: its nanoseconds are digits, too.
func timeless(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// build builds a house around one lock of the model; no daemon runs in it yet.
func build(t *testing.T, model string, adjust func(*lockfw.Behaviour)) *home {
	t.Helper()
	dir, err := os.MkdirTemp("", "ref") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &home{t: t, dir: dir, logs: &logs{}}
	quick := func(b *lockfw.Behaviour) {
		b.LongPoll = time.Second
		if adjust != nil {
			adjust(b)
		}
	}
	h.house, err = house.New(house.Config{
		Dir: dir + "/s", Models: []string{model}, Adjust: quick, Air: lockfw.Config{Seed: 3, Speed: speed, Delay: time.Millisecond}, Advertise: hap.Off,
		Logger: slog.New(slog.NewTextHandler(h.logs, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: timeless})), Version: "v1.2.3",
	})
	if err != nil {
		t.Fatal(err)
	}
	h.lock = h.house.Locks[0]
	h.id = house.ID(h.lock)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.house.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the house: %v", err)
		}
	})
	return h
}

func (h *home) start() {
	h.t.Helper()
	r, err := h.house.Start(h.within(20 * time.Second))
	if err != nil {
		h.t.Fatal(err)
	}
	h.Resident = r
	h.t.Cleanup(func() { _ = r.Stop() })
}

func (h *home) stop() {
	h.t.Helper()
	if err := h.Stop(); err != nil {
		h.t.Fatal(err)
	}
}

// open starts a daemon, joins the lock and gives the people their codes.
func open(t *testing.T, model string, adjust func(*lockfw.Behaviour), names ...string) *home {
	t.Helper()
	h := build(t, model, adjust)
	h.start()
	if h.lock.NeedsMaster() {
		if err := h.lock.SetMaster("", master); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := h.Join(h.within(30*time.Second), h.lock); err != nil {
		t.Fatal(err)
	}
	if len(names) == 0 {
		names = []string{"Ann", "Bob"}
	}
	for _, n := range names {
		h.add(n)
	}
	return h
}

func (h *home) within(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(h.t.Context(), d)
	h.t.Cleanup(cancel)
	return ctx
}

func (h *home) wait(what string, ok func() bool) {
	h.t.Helper()
	for until := time.Now().Add(30 * time.Second); time.Now().Before(until); time.Sleep(3 * time.Millisecond) {
		if ok() {
			return
		}
	}
	h.t.Fatalf("waited in vain for %s", what)
}

// add gives one of the people a code, and waits for the lock.
func (h *home) add(name string) {
	h.t.Helper()
	pin, err := bridge.NewPIN([]byte(people[name]))
	if err != nil {
		h.t.Fatal(err)
	}
	id, err := h.Bridge().AddUser(h.t.Context(), bridge.Cause{Source: bridge.SourceAPI}, bridge.User{Name: name, PIN: pin, AllLocks: true})
	if err != nil {
		h.t.Fatal(err)
	}
	if c, err := h.Bridge().WaitSync(h.within(20*time.Second), h.id, id); err != nil || c.State != bridge.CodeInSync && c.State != bridge.CodeUnverifiable {
		h.t.Fatalf("%s: %+v, %v", name, c, err)
	}
}

// path puts the lock's address into a path or an argument.
func (h *home) path(s string) string { return strings.ReplaceAll(s, "LOCK", string(h.id)) }

// api asks by HTTP over TCP, as a program in the house would.
func (h *home) api(method, path, contentType, body string) (int, http.Header, []byte) {
	h.t.Helper()
	if h.token == "" {
		code, out, errs := h.cli("", "token", "create", "tests", "--scope", "admin")
		if code != 0 {
			h.t.Fatalf("no token: %s%s", out, errs)
		}
		h.token = strings.TrimSpace(out)
	}
	req, err := http.NewRequestWithContext(h.within(20*time.Second), method, "http://"+h.HTTPAddr()+h.path(path), strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if body == "" {
		req.Body, req.ContentLength = nil, 0
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	req.Header.Set("Authorization", "Bearer "+h.token)
	req.Close = true
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		h.t.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, b
}

// refused asks by HTTP for what must be refused, and gives what it is told.
func (h *home) refused(method, path, body string) (int, web.Problem) {
	h.t.Helper()
	ct := ""
	if body != "" {
		ct = "application/json"
	}
	status, head, b := h.api(method, path, ct, body)
	return status, h.problem(method+" "+path, status, head, b)
}

// problem reads a refusal and looks at its form: a stable type, and sentences that say what, and what to do.
func (h *home) problem(what string, status int, head http.Header, b []byte) (p web.Problem) {
	h.t.Helper()
	if err := json.Unmarshal(b, &p); err != nil || head.Get("Content-Type") != "application/problem+json" {
		h.t.Errorf("%s: %d %s %q: %v", what, status, head.Get("Content-Type"), b, err)
	}
	if p.Status != status || !strings.HasPrefix(p.Type, web.TypePrefix) || p.Title == "" || len(p.Do) < 10 || !strings.HasSuffix(p.Do, ".") {
		h.t.Errorf("%s: a refusal that does not say what and what to do: %d %+v", what, status, p)
	}
	return p
}

// cli runs a command in a terminal.
func (h *home) cli(stdin string, args ...string) (code int, out, errs string) {
	h.t.Helper()
	var o, e bytes.Buffer
	for i, a := range args {
		args[i] = h.path(a)
	}
	code = cli.Run(h.within(30*time.Second), "v1.2.3", append([]string{"--socket", h.SocketPath()}, args...), strings.NewReader(stdin), &o, &e)
	return code, o.String(), e.String()
}

// Operations and statuses of the access code service (docs/homekit.md).
const (
	codeAdd    = 3
	codeUpdate = 4
	codeRemove = 5

	statusTooMany    = 2
	statusDuplicate  = 4
	statusTooShort   = 5
	statusTooLong    = 6
	statusCharacters = 7
	statusNotExists  = 9
)

// phone asks the access code service for one thing, as the Home app does, and gives the status.
func (h *home) phone(op byte, id uint64, digits string) int {
	h.t.Helper()
	ctx := h.within(20 * time.Second)
	h.hapOnce.Do(func() {
		p, err := h.Pair(ctx, h.lock)
		if err != nil {
			h.t.Fatal(err)
		}
		if h.hapConn, err = p.Connect(ctx); err != nil {
			h.t.Fatal(err)
		}
		h.t.Cleanup(func() { h.hapConn.Close() })
		if h.hapIDs, err = house.FindLock(ctx, h.hapConn); err != nil {
			h.t.Fatal(err)
		}
	})
	var item []byte
	if id != 0 {
		item = tlv8.AppendByte(item, 1, byte(id))
	}
	if op != codeRemove {
		item = tlv8.Append(item, 2, []byte(digits))
	}
	msg := tlv8.Append(tlv8.AppendByte(nil, 1, op), 2, item)
	rs, err := h.hapConn.Put(ctx, controller.Write{ID: h.hapIDs.Codes, Value: base64.StdEncoding.EncodeToString(msg), Response: true})
	if err != nil || len(rs) != 1 || rs[0].Status != 0 {
		h.t.Fatalf("the control point: %v, %v", rs, err)
	}
	text, _ := rs[0].Value.(string)
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		h.t.Fatal(err)
	}
	root, err := tlv8.Parse(b)
	if err != nil {
		h.t.Fatal(err)
	}
	answer, _ := root.Get(3)
	fields, err := tlv8.Parse(answer)
	if err != nil {
		h.t.Fatal(err)
	}
	status, ok := fields.Byte(4)
	if !ok {
		return 0
	}
	return int(status)
}

// stands gives what stands on the lock itself.
func (h *home) stands() map[string]bool {
	out := map[string]bool{}
	for _, c := range h.lock.Codes() {
		if c.Status == 1 && c.PIN.Reveal() != master {
			out[c.PIN.Reveal()] = true
		}
	}
	return out
}

// unharmed checks that the people's codes are where they were, on the lock and in the list, that nothing half is beside them, and that the bolt still moves.
func (h *home) unharmed(what string, names ...string) {
	h.t.Helper()
	if len(names) == 0 {
		names = []string{"Ann", "Bob"}
	}
	h.kept(what, names...)
	h.moves(what)
}

func (h *home) kept(what string, names ...string) {
	h.t.Helper()
	codes, err := h.Bridge().Codes(h.id)
	if err != nil {
		h.t.Fatalf("%s: %v", what, err)
	}
	on := h.stands()
	list := map[string]bridge.Code{}
	for _, c := range codes {
		list[c.Name] = c
		if _, ours := people[c.Name]; !ours {
			h.t.Errorf("%s: left behind: %+v", what, c)
		}
	}
	for _, n := range names {
		if c := list[n]; c.State != bridge.CodeInSync && c.State != bridge.CodeUnverifiable || !on[people[n]] {
			h.t.Errorf("%s: %s's code: %+v, on the lock %v", what, n, c, on[people[n]])
		}
	}
	if len(list) != len(names) || len(on) != len(names) {
		h.t.Errorf("%s: %d codes in the list, %d on the lock, for %d people", what, len(list), len(on), len(names))
	}
	if us := h.Bridge().Users(); len(us) != len(names) {
		h.t.Errorf("%s: %d people", what, len(us))
	}
}

// other is the command that moves the bolt from where it is.
func (h *home) other() string {
	if h.lock.Bolt() == lockfw.Unlocked {
		return "lock"
	}
	return "unlock"
}

// moves has the bolt moved by the command line to where it is not.
func (h *home) moves(what string) {
	h.t.Helper()
	word, want := h.other(), lockfw.Unlocked
	if word == "lock" {
		want = lockfw.Locked
	}
	code, out, errs := h.cli("", word, "LOCK", "--timeout", "20s")
	if code != 0 || h.lock.Bolt() != want {
		h.t.Fatalf("%s: %s: exit %d, the bolt is %v: %s%s", what, word, code, h.lock.Bolt(), out, errs)
	}
}

// secretless checks that none of the digits are in what people and files are told.
func (h *home) secretless(what string, b []byte, digits ...string) {
	h.t.Helper()
	for _, d := range digits {
		if len(d) >= 5 && bytes.Contains(b, []byte(d)) {
			h.t.Errorf("%s: a PIN is in it", what)
		}
	}
}

// silent looks for the digits in the log and in the journal, in every form.
func (h *home) silent(digits ...string) {
	h.t.Helper()
	evs, err := h.Bridge().History(0, 100000)
	if err != nil {
		h.t.Fatal(err)
	}
	for i := range evs {
		evs[i].At = time.Time{} // its nanoseconds are digits, too
	}
	journal, err := json.Marshal(evs)
	if err != nil {
		h.t.Fatal(err)
	}
	var long []string
	for _, d := range digits {
		if len(d) >= 8 { // shorter ones turn up among numbers
			long = append(long, d)
		}
	}
	for name, b := range map[string][]byte{"log": h.logs.bytes(), "journal": journal} {
		if found := canary.Scan(b, long...); len(found) > 0 {
			h.t.Errorf("%s: %v", name, found)
		}
	}
}

func kind(p web.Problem) string { return strings.TrimPrefix(p.Type, web.TypePrefix) }

func sentence(p web.Problem) string { return fmt.Sprintf("%s | %s | %s", p.Title, p.Detail, p.Do) }
