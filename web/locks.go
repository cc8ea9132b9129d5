package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// Lock is a lock as the API shows it.
type Lock struct {
	ID           bridge.LockID `json:"id"`
	Name         string        `json:"name"`
	Slug         string        `json:"slug"`
	Manufacturer string        `json:"manufacturer,omitempty"`
	Model        string        `json:"model,omitempty"`
	Family       string        `json:"family,omitempty"`
	FamilyTitle  string        `json:"family_title,omitempty"`
	Firmware     string        `json:"firmware,omitempty"`
	Ready        bool          `json:"ready"`
	Bolt         string        `json:"bolt"`
	BoltAt       time.Time     `json:"bolt_at,omitzero"`
	Target       string        `json:"target"`
	Door         string        `json:"door,omitempty"`
	Reachable    bool          `json:"reachable"`
	LastSeen     time.Time     `json:"last_seen,omitzero"`
	LinkQuality  uint8         `json:"link_quality"`
	Battery      *float64      `json:"battery,omitempty"` // percent
	BatteryAt    time.Time     `json:"battery_at,omitzero"`
	BatteryLow   bool          `json:"battery_low"`
	Tampered     bool          `json:"tampered"`
	ResetStage   string        `json:"reset_stage,omitempty"`
	Pending      int           `json:"pending"`
	Codes        CodeCount     `json:"codes"`
	PINMin       int           `json:"pin_min,omitempty"`
	PINMax       int           `json:"pin_max,omitempty"`
	LastAction   *LastAction   `json:"last_action,omitempty"`
}

// CodeCount says how many codes a lock holds.
type CodeCount struct {
	Slots     int `json:"slots"`
	Used      int `json:"used"`
	OutOfSync int `json:"out_of_sync"`
}

// LastAction is who moved the bolt last.
type LastAction struct {
	To string `json:"to"`
	bridge.Cause
}

func lockOf(v *bridge.LockView) Lock {
	l := Lock{
		ID: v.ID, Name: v.Name, Slug: v.Slug, Manufacturer: v.Info.Manufacturer, Model: v.Info.Model, Family: v.Info.Family, FamilyTitle: v.Info.FamilyTitle,
		Firmware: v.Info.Firmware, Ready: v.Info.Ready, Bolt: v.Bolt.String(), BoltAt: v.BoltAt, Target: v.Target.String(), Reachable: v.Reachable,
		LastSeen: v.LastSeen, LinkQuality: v.LQI, Battery: v.Battery, BatteryAt: v.BatteryAt, BatteryLow: v.BatteryLow, Tampered: v.Tampered,
		ResetStage: v.ResetStage, Pending: v.Pending, Codes: CodeCount{v.Info.Traits.Slots, v.CodesUsed, v.CodesUnsync},
		PINMin: v.Info.Traits.PINMin, PINMax: v.Info.Traits.PINMax,
	}
	if v.Info.Traits.DoorSensor || v.Door != bridge.DoorUnknown {
		l.Door = v.Door.String()
	}
	if v.LastTo != bridge.BoltUnknown {
		l.LastAction = &LastAction{v.LastTo.String(), v.LastAction}
	}
	return l
}

// find is the lock that the path names: by address, name or slug.
func (s *Server) find(r *http.Request) (bridge.LockView, error) {
	return s.cfg.Bridge.Find(r.PathValue("lock"))
}

func (s *Server) listLocks(w http.ResponseWriter, _ *http.Request) error {
	return reply(w, http.StatusOK, s.allLocks())
}

func (s *Server) allLocks() []Lock {
	snap := s.cfg.Bridge.Snapshot()
	out := make([]Lock, len(snap.Locks))
	for i := range snap.Locks {
		out[i] = lockOf(&snap.Locks[i])
	}
	return out
}

func (s *Server) getLock(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	return reply(w, http.StatusOK, lockOf(&v))
}

func (s *Server) renameLock(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	var body struct {
		Name string `json:"name"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if err := checkName(body.Name); err != nil {
		return err
	}
	if err := s.cfg.Bridge.Rename(r.Context(), v.ID, body.Name); err != nil {
		return err
	}
	if v, err = s.cfg.Bridge.Find(string(v.ID)); err != nil {
		return err
	}
	return reply(w, http.StatusOK, lockOf(&v))
}

func (s *Server) forgetLock(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	force, _ := strconv.ParseBool(r.URL.Query().Get("force"))
	ctx, cancel := context.WithTimeout(r.Context(), maxWait)
	defer cancel()
	if err := s.cfg.Bridge.Forget(ctx, v.ID, force); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) ackTamper(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	if err := s.cfg.Bridge.AckTamper(r.Context(), v.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Actuated is how far a command came.
type Actuated struct {
	Stage     string            `json:"stage"`
	Result    string            `json:"result"`
	Bolt      string            `json:"bolt"`
	Durations map[string]string `json:"durations,omitempty"` // from the request to each stage
}

func (s *Server) actuate(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	var body struct {
		Action  string     `json:"action"`
		Timeout goDuration `json:"timeout"`
		PIN     *secret    `json:"pin"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	a := bridge.Action{Cause: cause(r)}
	switch body.Action {
	case "lock":
		a.Kind = bridge.ActLock
	case "unlock":
		a.Kind = bridge.ActUnlock
	default:
		return badRequest("The action is neither lock nor unlock.", "There is no toggle: ask for a state.")
	}
	if a.PIN, err = body.PIN.pin(); err != nil {
		return err
	}
	defer a.PIN.Wipe()
	timeout, err := body.Timeout.wait(defaultWait)
	if err != nil {
		return err
	}
	// The command dies with the request: who hung up does not want the door to open any more.
	ctx, cancel := context.WithTimeout(r.Context(), timeout)
	defer cancel()
	out, err := s.cfg.Bridge.Actuate(ctx, v.ID, a)
	if err != nil {
		p := *asProblem(err)
		p.Stage, p.Result, p.Bolt = out.Stage.String(), string(out.Result), out.Bolt.String()
		return &p
	}
	return reply(w, http.StatusOK, Actuated{out.Stage.String(), string(out.Result), out.Bolt.String(), stageDurations(out.Durations)})
}

func stageDurations(d map[bridge.Stage]time.Duration) map[string]string {
	out := make(map[string]string, len(d))
	for s, x := range d {
		out[s.String()] = x.Round(100 * time.Microsecond).String()
	}
	return out
}

func (s *Server) refresh(w http.ResponseWriter, r *http.Request) error {
	v, err := s.find(r)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), defaultWait)
	defer cancel()
	if err := s.cfg.Bridge.Refresh(ctx, v.ID); err != nil {
		return err
	}
	if v, err = s.cfg.Bridge.Find(string(v.ID)); err != nil {
		return err
	}
	return reply(w, http.StatusOK, lockOf(&v))
}
