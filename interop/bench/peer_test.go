package bench

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	bhap "github.com/brutella/hap"
	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
	"github.com/brutella/hap/service"

	"github.com/latchkeyd/latchkey/homekit/hap"
)

// The peers run in processes of their own, so that none shares the client's scheduler, heap or collector.
const (
	peerEnv   = "LATCHKEY_BENCH_PEER"
	setupCode = "031-45-154"
)

// stops end the peers.
var stops []func()

func TestMain(m *testing.M) {
	if spec := os.Getenv(peerEnv); spec != "" {
		kind, port, _ := strings.Cut(spec, " ")
		if err := servePeer(kind, port); err != nil {
			log.Fatal(err)
		}
		return
	}
	code := m.Run()
	for _, stop := range stops {
		stop()
	}
	os.Exit(code)
}

// lockAccessory is the same lock for both Go peers.
func lockAccessory() (*accessory.A, *characteristic.LockCurrentState, *characteristic.LockTargetState) {
	a := accessory.New(accessory.Info{Name: "Bench Lock", SerialNumber: "1", Manufacturer: "Latchkey", Model: "Bench", Firmware: "1.0"}, accessory.TypeDoorLock)
	s := service.NewLockMechanism()
	a.AddS(s.S)
	_ = s.LockCurrentState.SetValue(characteristic.LockCurrentStateSecured)
	_ = s.LockTargetState.SetValue(characteristic.LockTargetStateSecured)
	return a, s.LockCurrentState, s.LockTargetState
}

func servePeer(kind, port string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	// The parent holds our standard input: when it goes, we go.
	go func() { _, _ = bufio.NewReader(os.Stdin).ReadString(0); stop() }()
	a, current, target := lockAccessory()
	switch kind {
	case "brutella":
		dir, err := os.MkdirTemp("", "brutella-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(dir)
		srv, err := bhap.NewServer(bhap.NewFsStore(dir), a)
		if err != nil {
			return err
		}
		srv.Pin = strings.ReplaceAll(setupCode, "-", "")
		srv.Addr = "127.0.0.1:" + port
		target.OnValueRemoteUpdate(func(v int) { _ = current.SetValue(v) })
		go announce(srv.Addr)
		return srv.ListenAndServe(ctx)
	case "latchkey":
		host := hap.NewHost(hap.Config{Address: "127.0.0.1", Advertiser: hap.Off, TimedWrites: hap.AcceptPlainWrites})
		n, err := strconv.Atoi(port)
		if err != nil {
			return err
		}
		a.Id = 1
		number(a)
		srv, err := host.Open(hap.ServerConfig{Key: "bench", Name: "Bench Lock", Model: "Bench", Category: 6, Port: n, Store: hap.Memory(), Accessories: []*accessory.A{a}})
		if err != nil {
			return err
		}
		srv.OnWrite(target.C, func(_ context.Context, _ hap.Request, v any) (any, hap.Status) {
			if err := srv.Set(current.C, v); err != nil {
				return nil, hap.StatusUnreachable
			}
			return nil, hap.StatusOK
		})
		fmt.Println("code", srv.SetupCode())
		go announce("127.0.0.1:" + port)
		return host.Run(ctx)
	}
	return fmt.Errorf("no peer %q", kind)
}

// number assigns instance ids in order, as a program that keeps no table of them would.
func number(a *accessory.A) {
	iid := uint64(0)
	for _, s := range a.Ss {
		iid++
		s.Id = iid
		for _, c := range s.Cs {
			iid++
			c.Id = iid
		}
	}
}

func announce(addr string) {
	for {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			fmt.Println("ready")
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// peer is a running accessory server.
type peer struct {
	name, addr, code string
	cmd              *exec.Cmd
}

func freePort(tb testing.TB) int {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startPeer starts a peer that lives until the run ends, so that one pairing serves all rows.
func startPeer(tb testing.TB, name string) *peer {
	tb.Helper()
	port := freePort(tb)
	p := &peer{name: name, addr: fmt.Sprintf("127.0.0.1:%d", port), code: setupCode}
	if name == "hap-nodejs" {
		if _, err := os.Stat("node_modules/hap-nodejs"); err != nil {
			tb.Fatal("hap-nodejs is not installed: run make bench, which installs it, or npm ci in interop/bench")
		}
		p.cmd = exec.Command("node", "hapnodejs.mjs", strconv.Itoa(port), setupCode)
	} else {
		p.cmd = exec.Command(os.Args[0])
		p.cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", peerEnv, name, port))
	}
	p.cmd.Stderr = os.Stderr
	in, err := p.cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := p.cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	stops = append(stops, func() { in.Close(); _ = p.cmd.Process.Signal(syscall.SIGTERM); _ = p.cmd.Wait() })
	sc := bufio.NewScanner(out)
	for sc.Scan() {
		switch word, rest, _ := strings.Cut(sc.Text(), " "); word {
		case "code":
			p.code = rest
		case "ready":
			go func() {
				for sc.Scan() {
				}
			}()
			return p
		}
	}
	tb.Fatalf("%s ended before it was ready", name)
	return nil
}
