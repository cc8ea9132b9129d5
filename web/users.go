package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// User is a person as the API shows them. PINs are never in it.
type User struct {
	ID       bridge.UserID   `json:"id"`
	Name     string          `json:"name"`
	HasPIN   bool            `json:"has_pin"`
	Locks    []bridge.LockID `json:"locks"`
	AllLocks bool            `json:"all_locks"`
	Schedule *Schedule       `json:"schedule,omitempty"`
	Origin   bridge.Origin   `json:"origin,omitempty"`
	Used     int             `json:"used"`
	Created  time.Time       `json:"created,omitzero"`
	LastUsed time.Time       `json:"last_used,omitzero"`
	Ended    bool            `json:"ended"` // expired or used up
	Codes    []Code          `json:"codes"` // on each lock
}

// Code is one code on one lock.
type Code struct {
	Lock     bridge.LockID    `json:"lock"`
	LockName string           `json:"lock_name,omitempty"`
	Slot     *bridge.Slot     `json:"slot,omitempty"`
	User     bridge.UserID    `json:"user,omitempty"` // none: not ours
	Name     string           `json:"name,omitempty"`
	State    bridge.CodeState `json:"state"`
	Reason   string           `json:"reason,omitempty"`
	Since    time.Time        `json:"since,omitzero"`
	Length   int              `json:"length,omitempty"` // digits
}

func codeOf(c bridge.Code, lockName string) Code {
	out := Code{Lock: c.Lock, LockName: lockName, User: c.User, Name: c.Name, State: c.State, Reason: c.Reason, Since: c.Since, Length: c.Length}
	if c.Slot != bridge.NoSlot {
		out.Slot = &c.Slot
	}
	return out
}

// codesByUser are the codes of everybody on every lock.
func (s *Server) codesByUser() map[bridge.UserID][]Code {
	out := map[bridge.UserID][]Code{}
	snap := s.cfg.Bridge.Snapshot()
	for i := range snap.Locks {
		codes, err := s.cfg.Bridge.Codes(snap.Locks[i].ID)
		if err != nil {
			continue // forgotten since
		}
		for _, c := range codes {
			if c.User != 0 {
				out[c.User] = append(out[c.User], codeOf(c, snap.Locks[i].Name))
			}
		}
	}
	return out
}

func userOf(u bridge.User, codes []Code) User {
	out := User{ID: u.ID, Name: u.Name, HasPIN: len(codes) > 0, Locks: u.Locks, AllLocks: u.AllLocks, Origin: u.Origin, Used: u.Used, Created: u.Created,
		LastUsed: u.LastUsed, Ended: u.Ended, Codes: codes, Schedule: scheduleOf(u.Schedule)}
	if out.Locks == nil {
		out.Locks = []bridge.LockID{}
	}
	if out.Codes == nil {
		out.Codes = []Code{}
	}
	return out
}

func (s *Server) listUsers(w http.ResponseWriter, _ *http.Request) error {
	codes := s.codesByUser()
	out := []User{}
	for _, u := range s.cfg.Bridge.Users() {
		out = append(out, userOf(u, codes[u.ID]))
	}
	return reply(w, http.StatusOK, out)
}

// user is the person that the path names: by number, or by name if that is of one person only.
func (s *Server) user(r *http.Request) (bridge.User, error) {
	want := r.PathValue("user")
	if id, err := strconv.ParseUint(want, 10, 32); err == nil {
		u, err := s.cfg.Bridge.User(bridge.UserID(id))
		if errors.Is(err, bridge.ErrNoSuchUser) { // the domain's error repeats the number
			err = noSuchUser(want)
		}
		return u, err
	}
	var found []bridge.User
	for _, u := range s.cfg.Bridge.Users() {
		if strings.EqualFold(u.Name, want) {
			found = append(found, u)
		}
	}
	switch len(found) {
	case 0:
		return bridge.User{}, noSuchUser(want)
	case 1:
		return found[0], nil
	}
	return bridge.User{}, problem(http.StatusConflict, "ambiguous", "Several users have this name", "", "Use the user's number.")
}

func (s *Server) getUser(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r)
	if err != nil {
		return err
	}
	return s.replyUser(w, http.StatusOK, u.ID)
}

// noSuchUser says whom nobody knows.
func noSuchUser(want string) error {
	return fmt.Errorf("user %s: %w", bridge.Quote(want), bridge.ErrNoSuchUser)
}

func (s *Server) replyUser(w http.ResponseWriter, status int, id bridge.UserID) error {
	u, err := s.cfg.Bridge.User(id)
	if err != nil {
		return err
	}
	return reply(w, status, userOf(u, s.codesByUser()[id]))
}

// userBody is a user on the way in. What is left out of a PATCH stays as it is.
type userBody struct {
	Name     *string   `json:"name"`
	PIN      *secret   `json:"pin"`
	Locks    *[]string `json:"locks"`
	AllLocks *bool     `json:"all_locks"`
	Schedule *Schedule `json:"schedule"`
}

// edit is the change that the body asks for. The PIN in it is a clone that the bridge owns.
func (s *Server) edit(body *userBody) (func(*bridge.User) error, error) {
	if body.Name != nil {
		if err := checkName(*body.Name); err != nil {
			return nil, err
		}
	}
	pin, err := body.PIN.pin()
	if err != nil {
		return nil, err
	}
	var locks []bridge.LockID
	if body.Locks != nil {
		locks = []bridge.LockID{}
		for _, name := range *body.Locks {
			v, err := s.cfg.Bridge.Find(name)
			if err != nil {
				return nil, err
			}
			locks = append(locks, v.ID)
		}
	}
	var schedule bridge.Schedule
	if body.Schedule != nil {
		if schedule, err = body.Schedule.parse(); err != nil {
			return nil, err
		}
	}
	return func(u *bridge.User) error {
		if body.Name != nil {
			u.Name = *body.Name
		}
		if !pin.IsZero() {
			u.PIN = pin
		}
		if body.Locks != nil {
			u.Locks, u.AllLocks = locks, false
		}
		if body.AllLocks != nil {
			if u.AllLocks = *body.AllLocks; u.AllLocks {
				u.Locks = nil
			}
		}
		if body.Schedule != nil {
			u.Schedule = schedule
		}
		return nil
	}, nil
}

func (s *Server) addUser(w http.ResponseWriter, r *http.Request) error {
	var body userBody
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.Name == nil {
		return badRequest("A user needs a name.", "Send name, pin, and locks or all_locks.")
	}
	edit, err := s.edit(&body)
	if err != nil {
		return err
	}
	u := bridge.User{Origin: bridge.OriginAPI, Locks: []bridge.LockID{}}
	if err := edit(&u); err != nil {
		return err
	}
	id, err := s.cfg.Bridge.AddUser(r.Context(), cause(r), u)
	if err != nil {
		return err
	}
	return s.replyUser(w, http.StatusCreated, id)
}

func (s *Server) changeUser(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r)
	if err != nil {
		return err
	}
	var body userBody
	if err := decode(r, &body); err != nil {
		return err
	}
	edit, err := s.edit(&body)
	if err != nil {
		return err
	}
	if err := s.cfg.Bridge.ChangeUser(r.Context(), cause(r), u.ID, edit); err != nil {
		return err
	}
	return s.replyUser(w, http.StatusOK, u.ID)
}

func (s *Server) removeUser(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Bridge.RemoveUser(r.Context(), cause(r), u.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// reveal shows a person's code, after the password, and to nobody's cache.
func (s *Server) reveal(w http.ResponseWriter, r *http.Request) error {
	u, err := s.user(r)
	if err != nil {
		return err
	}
	var body struct {
		Password *secret `json:"password"`
		Lock     string  `json:"lock"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := s.askPassword(body.Password); err != nil {
		return err
	}
	var lock bridge.LockID
	if body.Lock != "" {
		v, err := s.cfg.Bridge.Find(body.Lock)
		if err != nil {
			return err
		}
		lock = v.ID
	}
	pin, err := s.cfg.Bridge.Reveal(lock, u.ID)
	if err != nil {
		return err
	}
	defer pin.Wipe()
	s.log.Info("web: a code was shown", "user", u.ID, "to", cause(r).Actor)
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	pin.Expose(func(digits []byte) {
		b := make([]byte, 0, 64)
		b = append(b, `{"pin":"`...)
		b = append(b, digits...)
		b = append(b, '"', '}', '\n')
		_, _ = w.Write(b) // the connection is gone if this fails
		clear(b)
	})
	return nil
}

func (s *Server) askPassword(p *secret) error {
	if p == nil {
		p = &secret{}
	}
	defer p.wipe()
	err := s.keys.check(p.b)
	if pr, ok := err.(*Problem); ok { //nolint:errorlint // check returns it bare
		switch pr.Status {
		case http.StatusForbidden:
			s.refused("bad_password")
		case http.StatusTooManyRequests:
			s.refused("rate")
		}
	}
	return err
}

func checkName(name string) error {
	n := len([]rune(strings.TrimSpace(name)))
	if n == 0 || n > 64 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return problem(http.StatusUnprocessableEntity, "name", "The name does not do", "A name has 1 to 64 characters and no control characters.", "Choose another.")
	}
	return nil
}
