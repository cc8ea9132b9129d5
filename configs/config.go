package configs

import (
	"net/netip"
	"time"
)

// Config is the whole configuration. Defaults gives the values that stand for keys left out; the zero value is not a working configuration.
type Config struct {
	Radio   Radio
	State   string // directory of the durable state; empty: chosen by the daemon (see Load)
	HomeKit HomeKit
	Matter  Matter
	HTTP    HTTP
	Metrics Metrics
	MQTT    MQTT
	Log     Log
	Locks   map[string]Lock // by IEEE address in the form 00:0d:6f:00:0a:90:69:e7
}

// Radio says where the dongle is and what network it keeps.
type Radio struct {
	Port    string // Auto, a device path, or tcp://host:port
	Baud    int    // bits a second
	Channel int    // 11–26 (IEEE 802.15.4 section 10.1.3), zero: chosen when a network is formed
	Form    string // FormAuto, FormNever, FormRestore or FormForce
}

// Words of Radio.
const (
	Auto        = "auto"
	FormAuto    = "auto"    // form a network only if no lock is known
	FormNever   = "never"   // refuse to work on a dongle without the known network
	FormRestore = "restore" // put the known network on a dongle that has none or another
	FormForce   = "force"   // form a network even if locks are known, which then have to be joined again
)

// HomeKit is the HomeKit face.
type HomeKit struct {
	Enabled       bool
	Mode          string     // ModeAccessories or ModeBridge
	Address       netip.Addr // to listen on; the zero Addr: all
	Ports         PortRange
	Interfaces    []string // to advertise on; none: all that are up and can do multicast
	TimedWrites   string   // TimedRequire or TimedAccept
	CodeState     bool     // ConfigurationState counts changes of codes made outside HomeKit; else it is constantly 0, as on locks that are sold
	ResetSwitches bool     // two switches a lock, with which an administrator's Home app starts a factory reset
}

// Words of HomeKit.
const (
	ModeAccessories = "accessories" // one HAP accessory a lock, as Apple's rules for locks want
	ModeBridge      = "bridge"      // all behind one, on the first port
	TimedRequire    = "require"     // an unlock carries its own deadline
	TimedAccept     = "accept"      // plain writes too, for controllers that cannot prepare
)

// PortRange is an inclusive range of TCP ports.
type PortRange struct{ First, Last uint16 }

// Count is how many ports there are in it.
func (p PortRange) Count() int { return int(p.Last) - int(p.First) + 1 }

// Matter is the Matter face.
type Matter struct {
	Enabled    bool
	Listen     string
	Interfaces []string
}

// HTTP is the listener of API, page and metrics.
type HTTP struct {
	Listen string   // host:port; empty: none, only the Unix socket
	Hosts  []string // further names under which it may be asked for, beside the address itself and localhost
}

// Metrics is a second listener for /metrics alone.
type Metrics struct {
	Listen string // host:port; empty: none
}

// MQTT is the MQTT face.
type MQTT struct {
	Broker string // empty: none
}

// Log says what is logged and how.
type Log struct {
	Level  string // debug, info, warn, error
	Format string // auto, text, json, journald
}

// Lock is what the configuration says of one lock.
type Lock struct {
	Name               string         // empty: the name given when it joined, or by rename
	MinBatteryForReset float64        // percent, 0–100
	Restore            string         // RestoreAsk or RestoreAuto
	Relock             *time.Duration // the lock's own automatic relocking; nil: left as it is, zero: off
}

// Words of Lock.
const (
	RestoreAsk  = "ask"  // codes are written into a lock that was reset unasked only when a person says so
	RestoreAuto = "auto" // they are written at once
)

// Defaults is the configuration of an empty file.
func Defaults() Config {
	return Config{
		Radio:   Radio{Port: Auto, Baud: 115200, Form: FormAuto},
		State:   "/var/lib/latchkey",
		HomeKit: HomeKit{Enabled: true, Mode: ModeAccessories, Ports: PortRange{51826, 51889}, TimedWrites: TimedRequire},
		Matter:  Matter{Enabled: true, Listen: ":5540"},
		HTTP:    HTTP{Listen: "127.0.0.1:8440"},
		Log:     Log{Level: "info", Format: Auto},
	}
}

// LockDefaults is what stands for keys left out of one lock's entry.
func LockDefaults() Lock { return Lock{MinBatteryForReset: 30, Restore: RestoreAsk} }
