package web

import (
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// Status is the state of the whole.
type Status struct {
	Version    string      `json:"version"`
	Commit     string      `json:"commit,omitempty"`
	Started    time.Time   `json:"started,omitzero"`
	Uptime     string      `json:"uptime,omitempty"`
	Dongle     Dongle      `json:"dongle"`
	PermitJoin time.Time   `json:"permit_join_until,omitzero"` // absent: closed
	Locks      []Lock      `json:"locks"`
	Faces      StatusFaces `json:"faces"`
	Store      StatusStore `json:"store"`
	LastBackup time.Time   `json:"last_backup,omitzero"` // absent: never
	Warnings   []string    `json:"warnings"`
}

// Dongle is the Zigbee dongle.
type Dongle struct {
	Up       bool   `json:"up"`
	Fault    string `json:"fault,omitempty"`
	Product  string `json:"product,omitempty"`
	Revision uint32 `json:"revision,omitempty"`
	Port     string `json:"port,omitempty"`
	Channel  uint8  `json:"channel,omitempty"`
	PAN      string `json:"pan,omitempty"`
	Address  string `json:"address,omitempty"`
}

// StatusFaces are the ways into the house.
type StatusFaces struct {
	HomeKit StatusFace `json:"homekit"`
	Matter  StatusFace `json:"matter"`
	HTTP    StatusHTTP `json:"http"`
}

// StatusFace is one of them.
type StatusFace struct {
	Enabled     bool   `json:"enabled"`
	InThisBuild bool   `json:"in_this_build"`
	Mode        string `json:"mode,omitempty"`
	Accessories int    `json:"accessories"`
	Paired      int    `json:"paired"`
	Sessions    int    `json:"sessions"`
	Advertised  bool   `json:"advertised"`
	Note        string `json:"note,omitempty"`
}

// StatusHTTP is this API.
type StatusHTTP struct {
	Socket      string `json:"socket,omitempty"`
	Listen      string `json:"listen,omitempty"`
	Metrics     string `json:"metrics,omitempty"`
	PasswordSet bool   `json:"password_set"`
}

// StatusStore is the durable state.
type StatusStore struct {
	Path   string `json:"path,omitempty"`
	Bytes  int64  `json:"bytes"`
	Errors uint64 `json:"errors"`
}

func (s *Server) status(w http.ResponseWriter, _ *http.Request) error {
	var f Facts
	if s.cfg.Facts != nil {
		f = s.cfg.Facts()
	}
	snap := s.cfg.Bridge.Snapshot()
	d := snap.Dongle
	st := Status{
		Version: f.Version, Commit: f.Commit, Started: f.Started, Locks: s.allLocks(), LastBackup: f.LastBackup,
		Dongle: Dongle{Up: d.Up, Fault: d.Fault, Product: d.Product, Revision: d.Revision, Port: d.Port, Channel: d.Channel, Address: d.Address},
		Faces:  StatusFaces{HomeKit: face(f.HomeKit), Matter: face(f.Matter), HTTP: StatusHTTP{Socket: s.cfg.Socket, Listen: s.Addr(), Metrics: s.MetricsAddr()}},
		Store:  StatusStore{f.State, f.StoreBytes, f.StoreErrs}, Warnings: append([]string{}, f.Warnings...),
	}
	if f.DonglePort != "" {
		st.Dongle.Port = f.DonglePort
	}
	if !f.Started.IsZero() {
		st.Uptime = time.Since(f.Started).Round(time.Second).String()
	}
	if d.PAN != 0 {
		st.Dongle.PAN = "0x" + strconv.FormatUint(uint64(d.PAN), 16)
	}
	if time.Until(snap.PermitJoin) > 0 {
		st.PermitJoin = snap.PermitJoin
	}
	if s.cfg.HomeKit != nil {
		for _, a := range s.cfg.HomeKit.Accessories() {
			st.Faces.HomeKit.Accessories++
			if a.Paired {
				st.Faces.HomeKit.Paired++
			}
		}
	}
	var err error
	if st.Faces.HTTP.PasswordSet, err = s.keys.hasPassword(); err != nil {
		return err
	}
	return reply(w, http.StatusOK, st)
}

func face(f FaceFacts) StatusFace {
	return StatusFace{Enabled: f.Enabled, InThisBuild: f.Built, Mode: f.Mode, Sessions: f.Sessions, Advertised: f.Up, Note: f.Fault}
}

// join opens the network to new locks, or closes it.
func (s *Server) join(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		For         goDuration `json:"for"`
		Only        string     `json:"only"`
		Device      string     `json:"device"`
		InstallCode string     `json:"install_code"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	j := bridge.Join{Window: time.Duration(body.For), Device: bridge.LockID(strings.ToLower(body.Device))}
	if j.Window > 254*time.Second || (j.Window != 0 && j.Window < time.Second) {
		return badRequest("The network is opened for 1 s to 254 s at a time.", "Use for: 60s; 0s closes it.")
	}
	if body.Only != "" {
		j.Only = bridge.LockID(strings.ToLower(body.Only))
		if v, err := s.cfg.Bridge.Find(body.Only); err == nil {
			j.Only = v.ID
		}
	}
	if body.InstallCode != "" {
		code, err := hex.DecodeString(strings.NewReplacer(" ", "", "-", "", ":", "").Replace(body.InstallCode))
		if err != nil || len(code) < 8 || len(code) > 18 || j.Device == "" {
			return badRequest("The install code is not readable, or it is not said whose it is.", "Send the digits from the lock's sticker as install_code, and its address as device.")
		}
		j.InstallCode = code
	}
	if err := s.cfg.Bridge.Join(r.Context(), j); err != nil {
		return err
	}
	until := time.Time{}
	if j.Window > 0 {
		until = time.Now().Add(j.Window).UTC()
	}
	return reply(w, http.StatusOK, struct {
		Until time.Time `json:"until,omitzero"`
	}{until})
}

// HomeKitAccessory is an accessory as the API shows it; codes stay hidden once it is paired, unless asked for.
type HomeKitAccessory struct {
	Lock      string        `json:"lock"` // its name
	LockID    bridge.LockID `json:"lock_id,omitempty"`
	SetupCode string        `json:"setup_code,omitempty"`
	SetupURI  string        `json:"setup_uri,omitempty"`
	Paired    bool          `json:"paired"`
	Port      int           `json:"port"`
	ID        string        `json:"id"`
}

func (s *Server) homekit(w http.ResponseWriter, r *http.Request) error {
	out := []HomeKitAccessory{}
	show, _ := strconv.ParseBool(r.URL.Query().Get("codes"))
	if s.cfg.HomeKit != nil {
		for _, a := range s.cfg.HomeKit.Accessories() {
			x := HomeKitAccessory{Lock: a.Name, LockID: a.Lock, Paired: a.Paired, Port: a.Port, ID: a.ID}
			if !a.Paired || show {
				x.SetupCode, x.SetupURI = a.SetupCode, a.SetupURI
			}
			out = append(out, x)
		}
	}
	return reply(w, http.StatusOK, out)
}

func (s *Server) unpair(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.HomeKit == nil {
		return problem(http.StatusConflict, "homekit-off", "HomeKit is switched off", "", "Set homekit.enabled to true and restart.")
	}
	var id bridge.LockID
	if r.PathValue("lock") != "bridge" {
		v, err := s.find(r)
		if err != nil {
			return err
		}
		id = v.ID
	}
	if err := s.cfg.HomeKit.Unpair(id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Server) matter(w http.ResponseWriter, _ *http.Request) error {
	var f Facts
	if s.cfg.Facts != nil {
		f = s.cfg.Facts()
	}
	return reply(w, http.StatusOK, face(f.Matter))
}

// backup sends an encrypted archive. What fails before its first byte is a problem; what fails later cuts the connection, and the archive is worthless.
func (s *Server) backup(w http.ResponseWriter, r *http.Request) error {
	if s.cfg.Backup == nil {
		return problem(http.StatusNotImplemented, "no-backup", "This daemon makes no backups", "", "Run it with a state directory.")
	}
	var body struct {
		Passphrase *secret `json:"passphrase"`
	}
	if err := decode(r, &body); err != nil {
		return err
	}
	if body.Passphrase == nil || len(body.Passphrase.b) < minPassword {
		return problem(http.StatusUnprocessableEntity, "passphrase", "The backup's password does not do", "The backup's password is too short: the backup holds every key of the home.", "Use at least 8 characters, and keep them somewhere else.")
	}
	defer body.Passphrase.wipe()
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		return err
	}
	out := &lateHeader{w: w}
	if err := s.cfg.Backup(r.Context(), out, body.Passphrase.b); err != nil {
		if !out.begun {
			return err
		}
		s.log.Error("web: backup", "err", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// lateHeader sends the header with the first byte.
type lateHeader struct {
	w     http.ResponseWriter
	begun bool
}

func (l *lateHeader) Write(b []byte) (int, error) {
	if !l.begun {
		l.begun = true
		h := l.w.Header()
		h.Set("Content-Type", "application/octet-stream")
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Disposition", `attachment; filename="latchkey-`+time.Now().UTC().Format("20060102-150405")+`.age"`)
	}
	return l.w.Write(b)
}
