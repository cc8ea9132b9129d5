package metrics

import (
	"log/slog"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// Bridge is what metrics need of the bridge.
type Bridge interface {
	Snapshot() bridge.Snapshot
	Follow(after uint64) bridge.Reader
}

// Config of an Exporter. Only Bridge is needed.
type Config struct {
	Bridge  Bridge
	Sources Sources
	Version string
	Commit  string
	Runtime bool         // the Go runtime's and the process's own metrics too
	Logger  *slog.Logger // nil: discard
}

// Sources are the numbers that other parts keep for themselves; each is asked at every scrape and may be nil.
type Sources struct {
	Radio   func() Radio
	HomeKit func() HomeKit
	Store   func() Store
}

// Radio is what went over the dongle's line since the start.
type Radio struct {
	Sent, Received map[string]uint64 // frames by type: sreq, srsp, areq
	Errors         map[string]uint64 // by reason: fcs, length, timeout, unexpected
	Reconnects     uint64            // times that the dongle came back
}

// HomeKit is the HomeKit face.
type HomeKit struct {
	Sessions     int
	Pairings     int
	Advertised   bool // every accessory is seen on the network
	PairFailures uint64
}

// Store is the durable state.
type Store struct {
	Size       int64 // bytes
	Errors     uint64
	LastBackup time.Time // zero: never
}
