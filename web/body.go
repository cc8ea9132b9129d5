package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// secret is a PIN or password on its way in. It is taken from the JSON text without passing through a string, and what it came from is wiped.
type secret struct{ b []byte }

var errSecret = errors.New("a PIN or password is a JSON string without escapes")

// UnmarshalJSON takes a plain JSON string. Its error never holds what was read.
func (s *secret) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' || bytes.IndexByte(b, '\\') >= 0 {
		return errSecret
	}
	s.b = append([]byte(nil), b[1:len(b)-1]...)
	return nil
}

// MarshalJSON never shows it.
func (s secret) MarshalJSON() ([]byte, error) { return []byte(`"[secret]"`), nil }

func (s secret) String() string { return "[secret]" }

func (s *secret) wipe() {
	if s != nil {
		clear(s.b)
		s.b = nil
	}
}

// pin reads the secret as a PIN and wipes it. A missing one is the zero PIN.
func (s *secret) pin() (bridge.PIN, error) {
	if s == nil {
		return bridge.PIN{}, nil
	}
	defer s.wipe()
	switch n := len(s.b); {
	case n == 0:
		return bridge.PIN{}, fmt.Errorf("the code is empty: %w", bridge.ErrCodeLength)
	case n > bridge.PINLimit:
		return bridge.PIN{}, fmt.Errorf("the code is too long: a code has at most %d digits: %w", bridge.PINLimit, bridge.ErrCodeLength)
	}
	return bridge.NewPIN(s.b)
}

// plainName is a key of ours, or the path to one within another.
var plainName = regexp.MustCompile(`^[a-z_]{1,40}(\.[a-z_]{1,40}){0,3}$`)

// decode reads the body into v and wipes it. Unknown keys, a second value and anything but JSON are refused; no error holds a part of the body.
func decode(r *http.Request, v any) error {
	if r.Body == nil || r.ContentLength == 0 {
		return badRequest("The request has no body.", "Send a JSON object.")
	}
	if ct, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || ct != "application/json" {
		return problem(http.StatusUnsupportedMediaType, "media-type", "Only JSON is understood", "The Content-Type is not application/json.", "Send JSON and say so.")
	}
	body, err := io.ReadAll(r.Body)
	defer func() { clear(body) }()
	if err != nil {
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return tooLarge
		}
		return badRequest("The body could not be read to its end.", "Send it again.")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return asBadJSON(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return badRequest("The body holds more than one JSON value.", "Send one JSON object.")
	}
	return nil
}

func asBadJSON(err error) *Problem {
	const do = "See the API's description at /api/v1/openapi.yaml."
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && plainName.MatchString(wrong.Field) {
		return badRequest("The value of "+wrong.Field+" is of the wrong kind.", do)
	}
	if _, ok := errors.AsType[*time.ParseError](err); ok {
		return badRequest("A time is not understood.", "Write it like 2026-12-24T15:00:00+01:00.")
	}
	if errors.Is(err, errSecret) {
		return badRequest("A PIN or password is a JSON string without escapes.", do)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		if name = strings.Trim(name, `"`); plainName.MatchString(name) {
			return badRequest("The key "+name+" is not known here.", do)
		}
		return badRequest("A key is not known here.", do)
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return badRequest("The body is not the JSON object that belongs here.", do)
}

// goDuration is a duration in Go's notation, as JSON text.
type goDuration time.Duration

func (d *goDuration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return badRequest("A duration is a text like 10s.", "Write it with its unit: 500ms, 10s, 2m.")
	}
	x, err := time.ParseDuration(s)
	if err != nil || x < 0 {
		return badRequest("A duration is a text like 10s.", "Write it with its unit: 500ms, 10s, 2m.")
	}
	*d = goDuration(x)
	return nil
}

// wait bounds a duration that a request asks to be waited for; zero gives def.
func (d goDuration) wait(def time.Duration) (time.Duration, error) {
	x := time.Duration(d)
	if x == 0 {
		return def, nil
	}
	if x < 100*time.Millisecond || x > maxWait {
		return 0, badRequest("The timeout is out of range.", "Use 100ms to 60s.")
	}
	return x, nil
}

func reply(w http.ResponseWriter, status int, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n')) // the connection is gone if this fails
	return nil
}
