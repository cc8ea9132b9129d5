package web

import (
	"net/http"
)

// setPassword sets the password; over TCP, and wherever one is set already, the old one is asked for. The Unix socket's owner may always set a new one.
func (s *Server) setPassword(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Old *secret `json:"old"`
		New *secret `json:"new"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.New == nil {
		return badRequest("The new password is missing.", "Send new, and old unless you ask over the Unix socket.")
	}
	defer body.New.wipe()
	me, _ := r.Context().Value(whoKey{}).(who)
	if set, err := s.keys.hasPassword(); err != nil {
		return err
	} else if set && !me.local {
		if err := s.askPassword(body.Old); err != nil {
			return err
		}
	}
	if err := s.keys.set(body.New.b); err != nil {
		return err
	}
	s.log.Info("web: the password was set", "by", me.actor)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) listTokens(w http.ResponseWriter, _ *http.Request) error {
	list, err := s.keys.tokens()
	if err != nil {
		return err
	}
	out := []Token{}
	for _, t := range list {
		t.Hash = ""
		out = append(out, t)
	}
	return reply(w, http.StatusOK, out)
}

// NewToken is a token with its secret, which is shown this once.
type NewToken struct {
	Token
	Secret string `json:"token"`
}

func (s *Server) createToken(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Name  string `json:"name"`
		Scope string `json:"scope"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := checkName(body.Name); err != nil {
		return err
	}
	scope, ok := ParseScope(body.Scope)
	if !ok {
		return badRequest("The scope is not known.", "Use read, operate or admin.")
	}
	t, text, err := s.keys.create(body.Name, scope)
	if err != nil {
		return err
	}
	t.Hash = ""
	return reply(w, http.StatusCreated, NewToken{t, text})
}

func (s *Server) revokeToken(w http.ResponseWriter, r *http.Request) error {
	if err := s.keys.revoke(r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
