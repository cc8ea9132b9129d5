package homekit

import (
	"context"
	"log/slog"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap"
)

// Mode says how locks are put before controllers.
type Mode string

// Modes. The empty string is Accessories.
const (
	Accessories Mode = "accessories" // each lock is an accessory of its own, as R2 2.5.3.2 wants of what opens a home
	BridgeMode  Mode = "bridge"      // all locks behind one bridge and one pairing
)

// Ports that are used where the configuration names none.
const (
	DefaultFirstPort = 51826
	DefaultLastPort  = 51889
)

// Config of an Adapter. The zero value publishes each lock as its own accessory on the default ports and keeps identities in memory only.
type Config struct {
	Mode       Mode
	Address    string   // IP address to listen on; empty: all
	Interfaces []string // network interfaces to advertise on and accept from; empty: all
	FirstPort  int      // both zero: DefaultFirstPort to DefaultLastPort
	LastPort   int
	// AcceptPlainWrites lets controllers move the bolt without a timed write, for those that cannot prepare one.
	AcceptPlainWrites bool
	// ResetSwitches adds the two switches that start a factory reset. They are the administrator's alone.
	ResetSwitches bool
	// CountCodes makes ConfigurationState (263) count changes of codes that were made outside HomeKit. Otherwise it is constantly 0, as on shipped locks.
	CountCodes bool
	// KV keeps identities, pairings, aids and the identifiers of codes; nil: memory, for tests.
	KV hap.KV
	// Version is the program's own, shown for the bridge accessory.
	Version    string
	Advertiser hap.Advertiser // nil: mDNS
	Limits     hap.Limits
	Logger     *slog.Logger // nil: discard
}

func (c Config) withDefaults() Config {
	if c.Mode == "" {
		c.Mode = Accessories
	}
	if c.FirstPort == 0 && c.LastPort == 0 {
		c.FirstPort, c.LastPort = DefaultFirstPort, DefaultLastPort
	}
	c.LastPort = max(c.LastPort, c.FirstPort)
	if c.KV == nil {
		c.KV = hap.Memory()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

var _ Bridge = (*bridge.Bridge)(nil)

// Bridge is what this front-end needs of *bridge.Bridge.
type Bridge interface {
	Snapshot() bridge.Snapshot
	Find(name string) (bridge.LockView, error)
	Follow(after uint64) bridge.Reader
	History(after uint64, limit int) ([]bridge.Event, error)
	Note(ev bridge.Event)

	Actuate(ctx context.Context, id bridge.LockID, a bridge.Action) (bridge.Outcome, error)

	Users() []bridge.User
	User(id bridge.UserID) (bridge.User, error)
	AddUser(ctx context.Context, c bridge.Cause, u bridge.User) (bridge.UserID, error)
	RemoveUser(ctx context.Context, c bridge.Cause, id bridge.UserID) error
	SetCode(ctx context.Context, c bridge.Cause, lock bridge.LockID, user bridge.UserID, p bridge.PIN) error
	ClearCode(ctx context.Context, c bridge.Cause, lock bridge.LockID, user bridge.UserID) error
	Codes(lock bridge.LockID) ([]bridge.Code, error)
	Reveal(lock bridge.LockID, user bridge.UserID) (bridge.PIN, error)
	CodeCounter(lock bridge.LockID) uint64

	ChangeSettings(ctx context.Context, c bridge.Cause, id bridge.LockID, s bridge.Settings) error

	PlanReset(ctx context.Context, id bridge.LockID, way bridge.ResetWay) (bridge.ResetPlan, error)
	ConfirmReset(ctx context.Context, id bridge.LockID, planHash string, c bridge.Cause) error
}

// times of this front-end. Tests shorten them.
type times struct {
	answer      time.Duration
	grace       time.Duration
	edit        time.Duration
	pressAfter  time.Duration
	pressWithin time.Duration
	retry       time.Duration
}

var defaultTimes = times{
	// How long a controller waits for a write at most. Apple Home gives up after about ten seconds; the command dies before that, so that nothing moves
	// after "No Response" was shown.
	answer: 8 * time.Second,
	// How long an accepted command may take to be seen moving before the controller is answered without it. Most locks are done by then, and target and
	// current state reach the other controllers in one event.
	grace: 1500 * time.Millisecond,
	// How soon an added code follows a removed one when Apple Home edits a code. A person cannot remove one guest and type another's code in that time.
	edit: 5 * time.Second,
	// The time from the first reset switch to the second. The lower bound keeps scenes ("everything on") from being a reset.
	pressAfter:  2 * time.Second,
	pressWithin: 60 * time.Second,
	// How often an accessory that could not be published is tried again.
	retry: 30 * time.Second,
}
