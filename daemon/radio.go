package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/latchkeyd/latchkey/configs"
	"github.com/latchkeyd/latchkey/daemon/dongles"
	"github.com/latchkeyd/latchkey/store"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/znp"
)

// patient is a radio whose Run does not end with a fault: a dongle that is wrong now may be put right, and HomeKit goes on showing the fault meanwhile.
type patient struct {
	zigbee.Radio
	log *slog.Logger
}

// retryFault is how long a fault that waiting does not mend is left alone before the dongle is looked at again, in case somebody mended it.
const retryFault = 15 * time.Second

func (p patient) Run(ctx context.Context, h zigbee.Handler) error {
	for {
		err := p.Radio.Run(ctx, h)
		if ctx.Err() != nil {
			return nil
		}
		p.log.Debug("the radio gave up", "err", err, "again_in", retryFault)
		t := time.NewTimer(retryFault)
		select {
		case <-ctx.Done():
			t.Stop()
			return nil
		case <-t.C:
		}
	}
}

// Keys of the radio's records.
const (
	radioSpace   = "radio"
	networkKey   = "network"
	portKey      = "port"    // by-id path of the dongle that worked last
	adoptKey     = "adopt"   // what was saved of the network cannot be read: the dongle's own is taken
	restoreKey   = "restore" // the network was taken from a backup, and may be put on a new dongle
	recordsSpace = "doorlock"
)

// vault keeps the network in the store, sealed.
type vault struct{ kv *store.KV }

func (v vault) Load() (znp.Saved, error) {
	var s znp.Saved
	b, found, err := v.kv.Get(networkKey)
	if err != nil || !found {
		return s, err
	}
	defer clear(b)
	if err := s.UnmarshalJSON(b); err != nil {
		return znp.Saved{}, fmt.Errorf("daemon: the saved network: %w", err)
	}
	return s, nil
}

func (v vault) Save(s znp.Saved) error {
	b, err := s.MarshalJSON()
	if err != nil {
		return fmt.Errorf("daemon: save the network: %w", err)
	}
	defer clear(b)
	if err := v.kv.Put(networkKey, b); err != nil {
		return err
	}
	// A network that was read from a working dongle is on it: nothing is left to be restored or adopted.
	return errors.Join(v.kv.Delete(restoreKey), v.kv.Delete(adoptKey))
}

// records are the driver's, by address.
type records struct {
	kv    *store.KV
	known []string // further locks, of which nothing but the address is known
}

// Records gives an empty record for a lock whose own cannot be read: its address is still known.
func (r records) Records() (map[zigbee.EUI64][]byte, error) {
	keys, err := r.kv.Keys()
	if err != nil {
		return nil, err
	}
	out := map[zigbee.EUI64][]byte{}
	for _, key := range append(keys, r.known...) {
		if id, err := zigbee.ParseEUI64(key); err == nil {
			out[id] = nil
		}
	}
	err = r.kv.Each(func(key string, value []byte) error {
		id, err := zigbee.ParseEUI64(key)
		if err != nil {
			return err
		}
		out[id] = value
		return nil
	})
	return out, err
}

func (r records) Put(id zigbee.EUI64, record []byte) error { return r.kv.Put(id.String(), record) }
func (r records) Delete(id zigbee.EUI64) error             { return r.kv.Delete(id.String()) }

// form translates the configuration's word.
func (d *Daemon) form() znp.Form {
	if d.sealed != nil {
		return znp.FormAdopt
	}
	if _, _, err := d.radioKV.Get(networkKey); err != nil {
		d.log.Error("what was saved of the Zigbee network cannot be read; the dongle's own network is taken as it is", "err", err)
		if err := d.radioKV.Put(adoptKey, []byte{1}); err != nil {
			d.log.Error("this is not kept for the next start", "err", err)
		}
		return znp.FormAdopt
	}
	if _, adopt, err := d.radioKV.Get(adoptKey); err == nil && adopt {
		return znp.FormAdopt
	}
	if _, restore, err := d.radioKV.Get(restoreKey); err == nil && restore {
		return znp.FormRestore
	}
	switch d.opts.Config.Radio.Form {
	case configs.FormNever:
		return znp.FormNever
	case configs.FormRestore:
		return znp.FormRestore
	case configs.FormForce:
		return znp.FormForce
	}
	return znp.FormAuto
}

// dial opens the dongle that the configuration names, or the one that is found.
func (d *Daemon) dial(ctx context.Context) (znp.Port, error) {
	if d.opts.Config.Radio.Port != configs.Auto {
		return znp.OpenAt(ctx, d.opts.Config.Radio.Port, d.opts.Config.Radio.Baud)
	}
	saved := ""
	if b, found, err := d.radioKV.Get(portKey); err == nil && found {
		saved = string(b)
	}
	found, err := dongles.Find("/")
	if err != nil {
		return nil, err
	}
	path, err := dongles.Choose(found, saved)
	if err != nil {
		return nil, &znp.Fault{Sentence: sentenceOf(err)}
	}
	port, err := znp.OpenAt(ctx, path, d.opts.Config.Radio.Baud)
	if err == nil {
		d.tried.Store(&path)
	}
	return port, err
}

// keepPort remembers the path of a dongle that works, so that "auto" never takes up another one by itself.
func (d *Daemon) keepPort() {
	path := d.tried.Load()
	if path == nil {
		return
	}
	if b, found, err := d.radioKV.Get(portKey); err != nil || (found && string(b) == *path) {
		return
	}
	if err := d.radioKV.Put(portKey, []byte(*path)); err != nil {
		d.log.Warn("the dongle's path is not kept", "err", err)
	}
}

// sentenceOf makes an error text a sentence.
func sentenceOf(err error) string {
	s := err.Error()
	if s == "" {
		return s
	}
	return string(s[0]-'a'+'A') + s[1:] + "."
}
