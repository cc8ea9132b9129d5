package refusals

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
)

// asks are one bad input and what each face says to it. An empty method or command leaves that face out.
type asks struct {
	name string
	pin  string // the bad digits, which no answer may hold

	method, path, body string
	status             int
	kind, says         string // of the problem; says is looked for in its sentences

	args  []string
	stdin string
	exit  int
	told  string // on standard error; empty: says

	phone *phoned
}

type phoned struct {
	op     byte
	id     uint64
	digits string
	status int
}

const setAnn = "/api/v1/locks/LOCK/codes/Ann"

func setting(name, pin string, status int, kind, says string, exit, onPhone int) asks {
	a := asks{
		name: name, pin: pin, method: "PUT", path: setAnn, body: `{"pin":"` + pin + `"}`, status: status, kind: kind, says: says,
		args: []string{"codes", "set", "LOCK", "Ann"}, stdin: pin + "\n", exit: exit,
	}
	if onPhone != 0 {
		a.phone = &phoned{codeAdd, 0, pin, onPhone}
	}
	return a
}

func adding(name, schedule string, status int, kind, says string, exit int, told string, flags ...string) asks {
	return asks{
		name: name, pin: "40618273", method: "POST", path: "/api/v1/users", body: `{"name":"Cleo","pin":"40618273","all_locks":true,"schedule":` + schedule + `}`,
		status: status, kind: kind, says: says, exit: exit, told: told, stdin: "40618273\n", args: append([]string{"users", "add", "Cleo", "--all-locks"}, flags...),
	}
}

// adopting takes a slot under a name, which is the one place where a person names a slot.
func adopting(name, slot string, status int, kind, says string, exit int) asks {
	return asks{
		name: name, method: "POST", path: "/api/v1/locks/LOCK/adopt", body: `{"slot":` + slot + `,"name":"Cleo"}`, status: status, kind: kind, says: says,
		args: []string{"codes", "adopt", "LOCK", slot, "Cleo"}, exit: exit,
	}
}

var badCodes = []asks{
	setting("too short", "123", 422, "code-length", "too short", 4, statusTooShort),
	setting("too long", "123456789", 422, "code-length", "too long", 4, statusTooLong),
	setting("longer than any lock takes", "123456789012345678901234567890123", 422, "code-length", "at most 32 digits", 4, statusTooLong),
	setting("letters", "12ab5678", 422, "code-digits", "digits 0 to 9", 1, statusCharacters),
	setting("digits of another script", "١٢٣٤٥٦", 422, "code-digits", "digits 0 to 9", 1, 0),
	setting("empty", "", 422, "code-length", "empty", 4, statusTooShort),
	setting("another person's code", people["Bob"], 409, "duplicate-code", "somebody else has this code", 4, statusDuplicate),
	{
		name: "another person's code, for a new person", pin: people["Bob"], method: "POST", path: "/api/v1/users", body: `{"name":"Cleo","pin":"` + people["Bob"] + `","all_locks":true}`,
		status: 409, kind: "duplicate-code", says: "somebody else has this code", args: []string{"users", "add", "Cleo", "--all-locks"}, stdin: people["Bob"] + "\n", exit: 4,
	},
	{
		name: "a code that hands put on the lock", pin: hands, method: "POST", path: "/api/v1/users", body: `{"name":"Cleo","pin":"` + hands + `","all_locks":true}`,
		status: 409, kind: "duplicate-code", says: "written by other hands", args: []string{"users", "add", "Cleo", "--all-locks"}, stdin: hands + "\n", exit: 4,
		phone: &phoned{codeAdd, 0, hands, statusDuplicate},
	},
	{
		name: "a name taken", pin: "40618273", method: "POST", path: "/api/v1/users", body: `{"name":"aNN","pin":"40618273","all_locks":true}`, status: 409, kind: "conflict",
		says: "somebody called", args: []string{"users", "add", "aNN", "--all-locks"}, stdin: "40618273\n", exit: 1,
	},
	{
		name: "no name", pin: "40618273", method: "POST", path: "/api/v1/users", body: `{"name":" ","pin":"40618273","all_locks":true}`, status: 422, kind: "name",
		says: "1 to 64 characters", args: []string{"users", "add", " ", "--all-locks"}, stdin: "40618273\n", exit: 1,
	},
	adopting("the master slot", "0", 422, "master-slot", "never touched", 4),
	adopting("slot 65535", "65535", 404, "no-such-slot", "65535 stands for no slot at all", 1),
	adopting("a slot out of range", "4711", 404, "no-such-slot", "its slots are 1 to 249", 1),
	adopting("an empty slot", "40", 404, "no-such-slot", "nothing is known to stand in slot 40", 1),
	adopting("a slot that has its person", "1", 409, "conflict", "belongs to somebody already", 1),
	{
		name: "a slot that is no number", method: "POST", path: "/api/v1/locks/LOCK/adopt", body: `{"slot":65536,"name":"Cleo"}`, status: 400, kind: "bad-request", says: "slot",
		args: []string{"codes", "adopt", "LOCK", "65536", "Cleo"}, exit: 2, told: "is no slot",
	},
	{
		name: "an unknown user", pin: "40618273", method: "PUT", path: "/api/v1/locks/LOCK/codes/Zoe", body: `{"pin":"40618273"}`, status: 404, kind: "no-such-user",
		says: "no such user", args: []string{"codes", "set", "LOCK", "Zoe"}, stdin: "40618273\n", exit: 1, phone: &phoned{codeUpdate, 77, "40618273", statusNotExists},
	},
	{
		name: "an unknown user's number", method: "DELETE", path: "/api/v1/users/77", status: 404, kind: "no-such-user", says: `user "77"`,
		args: []string{"users", "rm", "77"}, exit: 1, phone: &phoned{codeRemove, 77, "", statusNotExists},
	},
	{
		name: "an unknown lock", pin: "40618273", method: "PUT", path: "/api/v1/locks/nowhere/codes/Ann", body: `{"pin":"40618273"}`, status: 404, kind: "no-such-lock",
		says: `"nowhere"`, args: []string{"codes", "set", "nowhere", "Ann"}, stdin: "40618273\n", exit: 1,
	},
	{
		name: "a person for an unknown lock", pin: "40618273", method: "POST", path: "/api/v1/users", body: `{"name":"Cleo","pin":"40618273","locks":["nowhere"]}`, status: 404,
		kind: "no-such-lock", says: `"nowhere"`, args: []string{"users", "add", "Cleo", "--lock", "nowhere"}, stdin: "40618273\n", exit: 1,
	},
	adding("to before from", `{"from":"2030-02-01T00:00:00Z","until":"2030-01-01T00:00:00Z"}`, 422, "schedule", "ends before it begins", 1, "",
		"--from", "2030-02-01", "--until", "2030-01-01"),
	adding("a day that is none", `{"weekly":[{"days":["someday"],"start":"08:00","end":"09:00"}]}`, 422, "schedule", "day is not known", 2, "no weekly window",
		"--weekly", "someday 08:00-09:00"),
	adding("no day", `{"weekly":[{"days":[],"start":"08:00","end":"09:00"}]}`, 422, "schedule", "names no day", 2, "no weekly window", "--weekly", "08:00-09:00"),
	adding("a time that is none", `{"weekly":[{"days":["mon"],"start":"25:00","end":"26:00"}]}`, 422, "schedule", "times do not do", 1, "", "--weekly", "mon 25:00-26:00"),
	adding("a window that ends as it starts", `{"weekly":[{"days":["mon"],"start":"08:00","end":"08:00"}]}`, 422, "schedule", "times do not do", 1, "", "--weekly", "mon 08:00-08:00"),
	adding("a bad time zone", `{"until":"2030-01-01T00:00:00+99:00"}`, 400, "bad-request", "time", 2, "is no time", "--until", "2030-01-01T00:00:00+99:00"),
	adding("a time zone's name", `{"until":"2030-01-01T00:00:00 Mars/Olympus"}`, 400, "bad-request", "time", 2, "is no time", "--until", "2030-01-01T00:00 Mars/Olympus"),
	adding("negative uses", `{"uses":-1}`, 422, "schedule", "number of uses", 1, "", "--uses", "-1"),
	adding("uses that are no number", `{"uses":"many"}`, 400, "bad-request", "uses", 2, "invalid argument", "--uses", "many"),
}

// hands is a code that somebody set at the keypad.
const hands = "35079164"

func TestBadCodes(t *testing.T) {
	const homes = 3 // at the same time, because most of it is waiting
	for part := range homes {
		t.Run(strconv.Itoa(part), func(t *testing.T) {
			t.Parallel()
			h := open(t, yale, nil)
			pins := []string{people["Ann"], people["Bob"]}
			for i := part; i < len(badCodes); i += homes {
				a := badCodes[i]
				pins = append(pins, a.pin)
				if a.pin == hands {
					h.handsOn()
				}
				h.ask(a)
				if a.pin == hands {
					h.handsOff()
				}
			}
			h.silent(pins...)
		})
	}
}

// handsOn has somebody set a code at the keypad, and waits until the daemon has found it.
func (h *home) handsOn() {
	h.t.Helper()
	if err := h.lock.AddUser(master, 30, hands); err != nil {
		h.t.Fatal(err)
	}
	h.wait("the code of other hands", func() bool {
		codes, err := h.Bridge().Codes(h.id)
		return err == nil && len(codes) == 3 && codes[2].Length == len(hands)
	})
}

func (h *home) handsOff() {
	h.t.Helper()
	if err := h.lock.DeleteUser(master, 30); err != nil {
		h.t.Fatal(err)
	}
	h.wait("the code of other hands to go", func() bool {
		codes, err := h.Bridge().Codes(h.id)
		return err == nil && len(codes) == 2
	})
}

// ask puts one bad input to every face, and looks at what it left.
func (h *home) ask(a asks) {
	h.t.Helper()
	h.askOnly(a)
	if a.pin != hands {
		h.unharmed(a.name)
	}
}

func (h *home) askOnly(a asks) {
	t := h.t
	t.Helper()
	status, p := h.refused(a.method, a.path, a.body)
	if status != a.status || kind(p) != a.kind || !strings.Contains(sentence(p), a.says) {
		t.Errorf("%s: HTTP %d %s: %s; want %d %s with %q", a.name, status, kind(p), sentence(p), a.status, a.kind, a.says)
	}
	h.secretless(a.name+" by HTTP", []byte(sentence(p)), a.pin)
	told := a.told
	if told == "" {
		told = a.says
	}
	code, out, errs := h.cli(a.stdin, a.args...)
	if code != a.exit || !strings.Contains(errs, told) || out != "" {
		t.Errorf("%s: exit %d: %q %q; want %d with %q", a.name, code, out, errs, a.exit, told)
	}
	h.secretless(a.name+" by the command line", []byte(errs), a.pin)
	onPhone := ""
	if a.phone != nil {
		if got := h.phone(a.phone.op, a.phone.id, a.phone.digits); got != a.phone.status {
			t.Errorf("%s: the Home app is told %d, want %d", a.name, got, a.phone.status)
		}
		onPhone = fmt.Sprintf(" || Home: %d", a.phone.status)
	}
	t.Logf("%-40s HTTP %d %s: %s || exit %d: %s%s", a.name, status, kind(p), p.Error(), code, strings.TrimSpace(errs), onPhone)
}
