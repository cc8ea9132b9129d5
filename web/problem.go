package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/latchkeyd/latchkey/bridge"
)

// Problem is an error as RFC 9457 wants it. Type is stable and names the kind; Detail says what happened, Do what to do about it.
type Problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Do     string `json:"do,omitempty"`
	// How far a command came, for commands.
	Stage  string `json:"stage,omitempty"`
	Result string `json:"result,omitempty"`
	Bolt   string `json:"bolt,omitempty"`
}

// Error implements error.
func (p *Problem) Error() string {
	s := p.Title
	if p.Detail != "" {
		s = p.Detail
	}
	if p.Do != "" {
		s = strings.TrimSuffix(s, ".") + ". " + p.Do
	}
	return s
}

// TypePrefix begins the type of every problem of ours.
const TypePrefix = "urn:latchkey:problem:"

// problem makes one; kind goes behind TypePrefix.
func problem(status int, kind, title, detail, do string) *Problem {
	return &Problem{Type: TypePrefix + kind, Title: title, Status: status, Detail: detail, Do: do}
}

func badRequest(detail, do string) *Problem {
	return problem(http.StatusBadRequest, "bad-request", "The request is not understood", detail, do)
}

// kinds sorts the domain's errors by consequence.
var kinds = []struct {
	err    error
	status int
	kind   string
	do     string
}{
	{bridge.ErrNoSuchLock, http.StatusNotFound, "no-such-lock", "List the locks to see their names and addresses."},
	{bridge.ErrNoSuchUser, http.StatusNotFound, "no-such-user", "List the users to see their names and numbers."},
	{bridge.ErrNoSuchSlot, http.StatusNotFound, "no-such-slot", "List the lock's codes to see which slots it has."},
	{bridge.ErrMasterSlot, http.StatusUnprocessableEntity, "master-slot", "Change the master code at the keypad, as the lock's manual says."},
	{bridge.ErrCodeDigits, http.StatusUnprocessableEntity, "code-digits", "Use digits only."},
	{bridge.ErrCodeLength, http.StatusUnprocessableEntity, "code-length", "Use a code of a length that the lock takes; the lock's page says which."},
	{bridge.ErrDuplicate, http.StatusConflict, "duplicate-code", "Choose another code."},
	{bridge.ErrMemoryFull, http.StatusConflict, "memory-full", "Remove a code from the lock first."},
	{bridge.ErrNotStored, http.StatusBadGateway, "not-stored", "It is tried again; if that does not help, the lock may want its master code to be set first."},
	{bridge.ErrNeedsPIN, http.StatusUnprocessableEntity, "needs-pin", "Store a code on the lock first, or switch that setting off at the lock."},
	{bridge.ErrNeedsHands, http.StatusUnprocessableEntity, "needs-hands", "Somebody has to be at the door for this."},
	{bridge.ErrUnsupported, http.StatusUnprocessableEntity, "unsupported", "This model cannot do it by radio."},
	{bridge.ErrNonsense, http.StatusBadGateway, "nonsense", "Nothing is known of what the lock did. Try again; if it stays so, take the lock's batteries out for a minute, or look for newer firmware."},
	{bridge.ErrJammed, http.StatusConflict, "jammed", "Go to the door: push or pull it so that the bolt runs free, then try again."},
	{bridge.ErrRejected, http.StatusConflict, "rejected", "The lock would refuse the same request again. Look at its own settings (privacy mode, lock-out after wrong codes)."},
	{bridge.ErrSuperseded, http.StatusConflict, "superseded", "Nothing to do: somebody asked for something else since."},
	{bridge.ErrNotSeen, http.StatusGatewayTimeout, "not-seen", "Look at the door: the lock said yes, but its bolt was not reported to have moved."},
	{bridge.ErrAsleep, http.StatusGatewayTimeout, "asleep", "Nothing was carried out and nothing will be later. Try again, or wake the lock by touching its keypad."},
	{bridge.ErrDown, http.StatusServiceUnavailable, "dongle-down", "Look at the status: it says what is wrong with the Zigbee dongle."},
	{bridge.ErrUnreachable, http.StatusGatewayTimeout, "unreachable", "Check the lock's batteries and its distance to the next router; its state is read again before anything else is sent."},
	{bridge.ErrExpired, http.StatusConflict, "expired", "Ask again: the plan or deadline was over."},
	{bridge.ErrConflict, http.StatusConflict, "conflict", "Look at the present state and ask again."},
	{bridge.ErrStore, http.StatusInternalServerError, "store", "Nothing was changed. Look at free space and health of the disk that holds the state."},
	{context.DeadlineExceeded, http.StatusGatewayTimeout, "timeout", "Ask again, with a longer timeout if the lock sleeps."},
	{context.Canceled, http.StatusServiceUnavailable, "cancelled", "The request or the daemon ended before an answer came."},
}

// asProblem turns any error into a problem. What is not known by consequence is said to be our fault, without particulars.
func asProblem(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem(http.StatusRequestEntityTooLarge, "too-large", "The request is too large", "A request body holds at most 64 KiB here.", "Send less.")
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return problem(k.status, k.kind, k.err.Error(), particulars(err, k.err), k.do)
		}
	}
	return problem(http.StatusInternalServerError, "internal", "Something went wrong here", "", "The daemon's log says what; please report it.")
}

// packages are the names that errors carry in front; people have no use for them.
var packages = []string{"bridge", "doorlock", "znp", "mt", "zcl", "store", "daemon", "homekit", "hap", "web"}

// doing is what a package says that it was at: unlock; admit 00:0d:6f:00:0a:90:69:e7; send to 0x1a2b.
var doing = regexp.MustCompile(`^[a-z]+( to)?( [0-9a-fx:]+)?$`)

// particulars is an error as a person reads it: without the packages that it came through and what each of them was at, without repeating itself, and
// without the kind behind where what stands before says it better.
func particulars(err, kind error) string {
	parts := strings.Split(err.Error(), ": ")
	var said []string
	for i := 0; i < len(parts); i++ {
		if slices.Contains(packages, parts[i]) && i+1 < len(parts) {
			if len(said) > 0 && i+2 < len(parts) && doing.MatchString(parts[i+1]) {
				i++ // what it was at; what came of it follows
			}
			continue
		}
		if !slices.Contains(said, parts[i]) {
			said = append(said, parts[i])
		}
	}
	s := strings.Join(said, ": ")
	for _, plain := range []error{bridge.ErrConflict, bridge.ErrDuplicate, bridge.ErrCodeLength, bridge.ErrMemoryFull, bridge.ErrUnsupported} {
		if kind == plain { //nolint:errorlint // the table's own values
			return strings.TrimSuffix(s, ": "+kind.Error())
		}
	}
	return s
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the connection is gone if this fails
}
