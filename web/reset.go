package web

import (
	"net/http"
	"strings"

	"github.com/latchkeyd/latchkey/bridge"
)

func (s *Server) resetStatus(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	return s.replyReset(w, http.StatusOK, v.ID)
}

func (s *Server) replyReset(w http.ResponseWriter, status int, id bridge.LockID) error {
	st, err := s.cfg.Bridge.ResetStatus(id)
	if err != nil {
		return err
	}
	return reply(w, status, st)
}

func (s *Server) planReset(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	var body struct {
		Method string `json:"method"`
	}
	if r.ContentLength != 0 {
		if err := decode(r, &body); err != nil {
			return err
		}
	}
	switch way := bridge.ResetWay(body.Method); way {
	case "", bridge.ResetClearCodes, bridge.ResetBasic, bridge.ResetLeave, bridge.ResetHands:
		plan, err := s.cfg.Bridge.PlanReset(r.Context(), v.ID, way)
		if err != nil {
			return err
		}
		return reply(w, http.StatusOK, plan)
	}
	return badRequest("The method is not known.", "Use clear-codes, basic, leave or hands, or leave it out for the best that this lock has.")
}

// confirmReset wants the plan's hash and the lock's name, typed.
func (s *Server) confirmReset(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	var body struct {
		Plan string `json:"plan"`
		Name string `json:"name"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if strings.TrimSpace(body.Name) != v.Name {
		return problem(http.StatusUnprocessableEntity, "name-mismatch", "The name typed is not the lock's", "", "Type the lock's name exactly: it says which door will be reset.")
	}
	if err := s.cfg.Bridge.ConfirmReset(r.Context(), v.ID, body.Plan, cause(r)); err != nil {
		return err
	}
	return s.replyReset(w, http.StatusAccepted, v.ID)
}

func (s *Server) ackReset(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	var body struct {
		Step   string            `json:"step"`
		Answer map[string]string `json:"answer"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := s.cfg.Bridge.AckReset(r.Context(), v.ID, body.Step, body.Answer); err != nil {
		return err
	}
	return s.replyReset(w, http.StatusOK, v.ID)
}

func (s *Server) cancelReset(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Bridge.CancelReset(r.Context(), v.ID); err != nil {
		return err
	}
	return s.replyReset(w, http.StatusOK, v.ID)
}
