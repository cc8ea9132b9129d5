package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// Bridge is what the API needs of the bridge.
type Bridge interface {
	Snapshot() bridge.Snapshot
	Find(name string) (bridge.LockView, error)
	Follow(after uint64) bridge.Reader
	History(after uint64, limit int) ([]bridge.Event, error)
	Actuate(ctx context.Context, id bridge.LockID, a bridge.Action) (bridge.Outcome, error)
	Refresh(ctx context.Context, id bridge.LockID) error
	Join(ctx context.Context, j bridge.Join) error
	Rename(ctx context.Context, id bridge.LockID, name string) error
	Forget(ctx context.Context, id bridge.LockID, force bool) error
	AckTamper(ctx context.Context, id bridge.LockID) error

	Users() []bridge.User
	User(id bridge.UserID) (bridge.User, error)
	AddUser(ctx context.Context, c bridge.Cause, u bridge.User) (bridge.UserID, error)
	ChangeUser(ctx context.Context, c bridge.Cause, id bridge.UserID, edit func(*bridge.User) error) error
	RemoveUser(ctx context.Context, c bridge.Cause, id bridge.UserID) error
	SetCode(ctx context.Context, c bridge.Cause, lock bridge.LockID, user bridge.UserID, p bridge.PIN) error
	ClearCode(ctx context.Context, c bridge.Cause, lock bridge.LockID, user bridge.UserID) error
	Codes(lock bridge.LockID) ([]bridge.Code, error)
	Adopt(ctx context.Context, c bridge.Cause, lock bridge.LockID, slot bridge.Slot, name string) (bridge.UserID, error)
	Reveal(lock bridge.LockID, user bridge.UserID) (bridge.PIN, error)
	Reconcile(ctx context.Context, lock bridge.LockID) error
	WaitSync(ctx context.Context, lock bridge.LockID, user bridge.UserID) (bridge.Code, error)

	PlanReset(ctx context.Context, id bridge.LockID, way bridge.ResetWay) (bridge.ResetPlan, error)
	ConfirmReset(ctx context.Context, id bridge.LockID, planHash string, c bridge.Cause) error
	AckReset(ctx context.Context, id bridge.LockID, step string, answer map[string]string) error
	CancelReset(ctx context.Context, id bridge.LockID) error
	ResetStatus(id bridge.LockID) (bridge.ResetStatus, error)
}

// KV keeps the password's and the tokens' hashes. A record is durable when Put returns.
type KV interface {
	Get(key string) (value []byte, found bool, err error)
	Put(key string, value []byte) error
	Delete(key string) error
}

// HomeKit is what the API needs of the HomeKit face.
type HomeKit interface {
	Accessories() []Accessory
	Unpair(lock bridge.LockID) error
}

// Accessory is one HomeKit accessory.
type Accessory struct {
	Lock      bridge.LockID // empty: the bridge of mode bridge
	Name      string
	SetupCode string
	SetupURI  string
	Paired    bool
	Port      int
	ID        string // the HAP device identifier
}

// Observer counts what the API is asked.
type Observer interface {
	Request(route string, status int)
	AuthFailure(reason string)
}

// Facts is what the API tells of parts that it does not know.
type Facts struct {
	Version    string
	Commit     string
	Started    time.Time
	State      string // directory
	StoreBytes int64
	DonglePort string // the port that "auto" found; empty: as the dongle says
	StoreErrs  uint64
	LastBackup time.Time
	HomeKit    FaceFacts
	Matter     FaceFacts
	Warnings   []string // what wants a person's attention, each a sentence
}

// FaceFacts is the state of one face.
type FaceFacts struct {
	Enabled  bool
	Built    bool   // false: this build does not have it
	Mode     string `json:",omitempty"`
	Sessions int
	Up       bool // seen on the network
	Fault    string
}

// Config of a Server. Bridge and KV are needed.
type Config struct {
	Socket        string   // path of the Unix socket; empty: none
	Listen        string   // host:port of the TCP listener; empty: none
	MetricsListen string   // host:port of a listener for /metrics alone; empty: none
	Hosts         []string // further names under which the TCP listener may be asked for

	Bridge   Bridge
	KV       KV
	HomeKit  HomeKit      // nil: switched off
	Metrics  http.Handler // nil: none
	Observer Observer     // nil: nobody counts
	Facts    func() Facts // nil: none
	// Ready says why the daemon does not serve yet; nil: it does.
	Ready func() error
	// Backup writes an encrypted archive of the whole state. nil: this daemon makes none.
	Backup func(ctx context.Context, w io.Writer, passphrase []byte) error
	// Sealed says why the state cannot be opened. Then locks can be moved, and nothing can be changed. nil: it is open.
	Sealed error

	Logger *slog.Logger // nil: discard
}

// Limits of the API.
const (
	maxBody        = 64 << 10 // bytes
	maxHeader      = 16 << 10 // bytes
	maxConns       = 64       // a listener
	maxSubscribers = 32       // event streams
	headerTimeout  = 5 * time.Second
	readTimeout    = 15 * time.Second // of a whole request
	writeTimeout   = 90 * time.Second // of a whole answer, event streams apart; longer than any wait that can be asked for
	idleTimeout    = 2 * time.Minute
	maxWait        = 60 * time.Second // that a request can ask to be waited for
	defaultWait    = 10 * time.Second
)
