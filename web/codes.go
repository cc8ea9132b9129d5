package web

import (
	"context"
	"net/http"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

func (s *Server) listCodes(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	codes, err := s.cfg.Bridge.Codes(v.ID)
	if err != nil {
		return err
	}
	out := []Code{}
	for _, c := range codes {
		out = append(out, codeOf(c, v.Name))
	}
	return reply(w, http.StatusOK, out)
}

// setCode gives a user a code on one lock, and waits for the lock if asked to.
func (s *Server) setCode(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	u, err := s.user(r)
	if err != nil {
		return err
	}
	var body struct {
		PIN  *secret    `json:"pin"`
		Wait goDuration `json:"wait"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	pin, err := body.PIN.pin()
	if err != nil {
		return err
	}
	if pin.IsZero() {
		return badRequest("The code is missing.", "Send pin.")
	}
	if err := s.cfg.Bridge.SetCode(r.Context(), cause(r), v.ID, u.ID, pin); err != nil {
		return err
	}
	return s.replyCode(w, r, v, u.ID, body.Wait)
}

// replyCode says where a user's code on a lock stands. It is durable already: what is waited for is the lock.
func (s *Server) replyCode(w http.ResponseWriter, r *http.Request, v bridge.LockView, user bridge.UserID, wait goDuration) error {
	timeout, err := wait.wait(0)
	if err != nil {
		return err
	}
	if timeout > 0 {
		ctx, cancel := context.WithTimeout(r.Context(), timeout)
		defer cancel()
		code, err := s.cfg.Bridge.WaitSync(ctx, v.ID, user)
		if err == nil {
			return reply(w, http.StatusOK, codeOf(code, v.Name))
		}
		if ctx.Err() == nil {
			return err
		}
	}
	codes, err := s.cfg.Bridge.Codes(v.ID)
	if err != nil {
		return err
	}
	for _, c := range codes {
		if c.User == user {
			return reply(w, http.StatusAccepted, codeOf(c, v.Name))
		}
	}
	return reply(w, http.StatusAccepted, Code{Lock: v.ID, LockName: v.Name, User: user, State: bridge.CodePending, Since: time.Now().UTC()})
}

func (s *Server) clearCode(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	u, err := s.user(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Bridge.ClearCode(r.Context(), cause(r), v.ID, u.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) adopt(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	var body struct {
		Slot *bridge.Slot `json:"slot"`
		Name string       `json:"name"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.Slot == nil {
		return badRequest("The slot is missing.", "Send slot and name.")
	}
	if err := checkName(body.Name); err != nil {
		return err
	}
	id, err := s.cfg.Bridge.Adopt(r.Context(), cause(r), v.ID, *body.Slot, body.Name)
	if err != nil {
		return err
	}
	return s.replyUser(w, http.StatusCreated, id)
}

func (s *Server) reconcile(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Bridge.Reconcile(r.Context(), v.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}
