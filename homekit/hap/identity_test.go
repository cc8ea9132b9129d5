package hap

import (
	"bytes"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"github.com/brutella/hap/accessory"
)

func TestDamagedRecordsAreToldAndKept(t *testing.T) {
	for _, name := range recordNames {
		kv := Memory()
		r := newRig(t, Config{}, func(sc *ServerConfig) { sc.Store = kv })
		r.implant(true)
		r.stop()
		kv.Put("one/"+name, []byte(`{"code":"canary-`))
		h := NewHost(Config{Advertiser: Off, Address: "127.0.0.1"})
		_, err := h.Open(ServerConfig{Key: "one", Name: "x", Store: kv, Accessories: r.s.cfg.Accessories})
		if err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
		if b, _, _ := kv.Get("one/" + name); !bytes.Contains(b, []byte("canary")) {
			t.Errorf("%s was overwritten", name)
		}
	}
	kv := Memory()
	r := newRig(t, Config{}, func(sc *ServerConfig) { sc.Store = kv })
	r.implant(true)
	r.stop()
	kv.Delete("one/identity")
	if _, err := NewHost(Config{Advertiser: Off}).Open(r.s.cfg); err == nil {
		t.Error("a new identity under old pairings")
	}
	if err := r.h.Forget("one", kv); err != nil {
		t.Fatal(err)
	}
	s, err := NewHost(Config{Advertiser: Off, Address: "127.0.0.1"}).Open(r.s.cfg)
	if err != nil || s.ID() == r.s.ID() {
		t.Errorf("after Forget: %v", err)
	}
	s.ln.Close()
}

func TestSetupCodes(t *testing.T) {
	for code := range knownCodes {
		if validCode(code) {
			t.Errorf("%s is known", code)
		}
	}
	seen := make(map[string]bool)
	for range 1000 {
		c := newCode()
		if !validCode(c) {
			t.Fatalf("%q", c)
		}
		seen[c] = true
	}
	if len(seen) < 990 {
		t.Errorf("only %d codes of 1000 differ", len(seen))
	}
	for _, category := range []byte{1, 2, 6, 255} {
		uri := setupURI("987-65-432", "1QJ8", category)
		payload, ok := strings.CutPrefix(uri, "X-HM://")
		if !ok || len(payload) != 13 || payload[9:] != "1QJ8" {
			t.Fatalf("%q", uri)
		}
		n, err := strconv.ParseUint(payload[:9], 36, 64)
		if err != nil || n>>39 != 0 || byte(n>>31) != category || n>>27&15 != 2 || n&(1<<27-1) != 98765432 {
			t.Errorf("%q: %x, %v", uri, n, err)
		}
	}
}

func TestPortsAreKept(t *testing.T) {
	for range 5 { // another process may take the port meanwhile
		if portIsKept(t) {
			return
		}
	}
	t.Error("the port moved each time")
}

func portIsKept(t *testing.T) bool {
	t.Helper()
	kv := Memory()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	taken := ln.Addr().(*net.TCPAddr).Port
	with := func(sc *ServerConfig) { sc.Store, sc.Port, sc.PortLast = kv, taken, taken+50 }
	r := newRig(t, Config{}, with)
	port := r.s.Port()
	if port <= taken || port > taken+50 {
		t.Errorf("port %d of %d to %d", port, taken, taken+50)
	}
	r.stop()
	ln.Close()
	r = newRig(t, Config{}, with)
	defer r.stop()
	if r.s.Port() != port {
		return false
	}
	_, err = NewHost(Config{Advertiser: Off, Address: "127.0.0.1"}).Open(ServerConfig{Key: "two", Name: "x", Store: Memory(), Port: port, Accessories: newRigless()})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint(port)) {
		t.Errorf("a taken port: %v", err)
	}
	return true
}

func TestNewVersionsRaiseTheConfigNumber(t *testing.T) {
	kv := Memory()
	store := func(sc *ServerConfig) { sc.Store = kv }
	r := newRig(t, Config{}, store)
	r.stop()
	r = newRig(t, Config{}, store, func(sc *ServerConfig) { sc.Accessories[0].Info.FirmwareRevision.Val = "1.1" })
	if n := r.s.config.Load().Number; n != 2 {
		t.Errorf("c# %d after a new firmware", n)
	}
	r.stop()
	r = newRig(t, Config{}, store, func(sc *ServerConfig) { sc.Accessories[0].Info.FirmwareRevision.Val = "1.1" })
	if n := r.s.config.Load().Number; n != 2 {
		t.Errorf("c# %d after nothing", n)
	}
	if err := r.s.Set(r.g.state, 3); err != nil {
		t.Fatal(err)
	}
	r.stop()
	r = newRig(t, Config{}, store, func(sc *ServerConfig) {
		sc.Accessories[0].Info.FirmwareRevision.Val = "1.1"
		sc.Accessories[0].Ss[1].Cs[2].Val = 2 // a state is no configuration
	})
	if n := r.s.config.Load().Number; n != 2 {
		t.Errorf("c# %d after a change of state", n)
	}
}

func TestSetupMayCallTheHost(t *testing.T) {
	called := false
	r := newRig(t, Config{}, func(sc *ServerConfig) {
		sc.Setup = func(s *Server) { called = s.host.Stats().Servers == 0 && !s.Paired() && s.ID() != "" }
	})
	if !called || r.s.Port() == 0 {
		t.Error("Setup was not called before serving")
	}
}

func TestBadModelsAreRefused(t *testing.T) {
	open := func(change func(*gadget)) error {
		g := newGadget(1, "x")
		change(g)
		s, err := NewHost(Config{Advertiser: Off, Address: "127.0.0.1"}).Open(ServerConfig{Key: "k", Name: "x", Store: Memory(), Accessories: []*accessory.A{g.a}})
		if err == nil {
			s.ln.Close()
		}
		return err
	}
	if err := open(func(*gadget) {}); err != nil {
		t.Fatal(err)
	}
	for what, change := range map[string]func(*gadget){
		"no aid 1":           func(g *gadget) { g.a.Id = 2 },
		"aid 0":              func(g *gadget) { g.a.Id = 0 },
		"iid 0":              func(g *gadget) { g.on.Id = 0 },
		"an iid twice":       func(g *gadget) { g.on.Id = g.target.Id },
		"a service's iid":    func(g *gadget) { g.a.Ss[1].Id = g.on.Id },
		"unknown format":     func(g *gadget) { g.on.Format = "int8" },
		"no permission":      func(g *gadget) { g.on.Permissions = nil },
		"value out of range": func(g *gadget) { g.state.Val = 9 },
		"value of no type":   func(g *gadget) { g.on.Val = "yes" },
	} {
		if err := open(change); err == nil {
			t.Errorf("%s was taken", what)
		}
	}
	for _, sc := range []ServerConfig{{Name: "x", Store: Memory()}, {Key: "k", Store: Memory()}, {Key: "k", Name: "x"}} {
		sc.Accessories = newRigless()
		if _, err := NewHost(Config{Advertiser: Off}).Open(sc); err == nil {
			t.Errorf("%+v was taken", sc)
		}
	}
}

// TestNoPortIsInherited: what is opened while the host ends does not note down the port that another one has just let go of.
func TestNoPortIsInherited(t *testing.T) {
	r := newRig(t, Config{})
	port, store := r.s.Port(), r.s.cfg.Store
	r.stop()
	late, err := r.h.Open(ServerConfig{Key: "late", Name: "Late", Port: port, Store: store, Accessories: newRigless()})
	if err == nil {
		late.stop()
		t.Error("a host that has ended opens a server")
	}
	if p := LastPort("late", store); p != 0 {
		t.Errorf("it has the port %d on record, which is the first one's: %d", p, LastPort(r.s.cfg.Key, store))
	}
}
