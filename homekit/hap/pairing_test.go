package hap

import (
	"bytes"
	"log/slog"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/homekit/hap/frame"
	"github.com/latchkeyd/latchkey/homekit/hap/srp"
	"github.com/latchkeyd/latchkey/homekit/hap/tlv8"
)

func wrong(code string) string {
	if code[0] == '9' {
		return "1" + code[1:]
	}
	return "9" + code[1:]
}

func TestWrongCodeIsCountedAcrossRestarts(t *testing.T) {
	kv := Memory()
	limits := Limits{Tries: 3}
	open := func(sc *ServerConfig) { sc.Store = kv }
	r := newRig(t, Config{Limits: limits}, open)
	for range 2 {
		_, err := controller.Pair(testContext(t), r.addr, wrong(r.s.SetupCode()))
		wantPairingError(t, err, codeAuthentication)
	}
	r.stop()
	r = newRig(t, Config{Limits: limits}, open)
	_, err := controller.Pair(testContext(t), r.addr, wrong(r.s.SetupCode()))
	wantPairingError(t, err, codeAuthentication)
	_, err = controller.Pair(testContext(t), r.addr, r.s.SetupCode())
	wantPairingError(t, err, codeMaxTries)
	r.stop()
	r = newRig(t, Config{Limits: limits}, open)
	_, err = controller.Pair(testContext(t), r.addr, r.s.SetupCode())
	wantPairingError(t, err, codeMaxTries)
	if got := r.s.Stats().PairFailures; got != 0 {
		t.Errorf("%d failures since start", got)
	}
	if err := r.s.Unpair(); err != nil {
		t.Fatal(err)
	}
	r.pair()
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// TestTriesUsedUpAreTold: whoever then cannot pair even with the right code finds out why, once.
func TestTriesUsedUpAreTold(t *testing.T) {
	var log lockedBuffer
	r := newRig(t, Config{Limits: Limits{Tries: 2}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	told := func(want int) {
		t.Helper()
		if n := strings.Count(log.String(), "unpair the accessory"); n != want {
			t.Errorf("told %d times, want %d:\n%s", n, want, log.String())
		}
	}
	for i := range 2 {
		for range 2 {
			_, err := controller.Pair(testContext(t), r.addr, wrong(r.s.SetupCode()))
			wantPairingError(t, err, codeAuthentication)
		}
		told(i)
		for range 3 {
			_, err := controller.Pair(testContext(t), r.addr, r.s.SetupCode())
			wantPairingError(t, err, codeMaxTries)
		}
		told(i + 1)
		if err := r.s.Unpair(); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(log.String(), r.s.SetupCode()) {
		t.Error("the setup code is in the log")
	}
	r.pair()
}

func TestGoodProofClearsTheCount(t *testing.T) {
	r := newRig(t, Config{Limits: Limits{Tries: 2}})
	_, err := controller.Pair(testContext(t), r.addr, wrong(r.s.SetupCode()))
	wantPairingError(t, err, codeAuthentication)
	r.pair()
	if n, err := r.s.rec.tries(); n != 0 || err != nil {
		t.Errorf("tries %d, %v", n, err)
	}
}

func TestOnePairingAtATime(t *testing.T) {
	r := newRig(t, Config{Limits: Limits{SetupTime: 300 * time.Millisecond}})
	ctx := testContext(t)
	m1 := []byte{tlvMethod, 1, 0, tlvState, 1, 1}
	first, second := r.dial(), r.dial()
	if _, err := first.Exchange(ctx, "/pair-setup", m1); err != nil {
		t.Fatal(err)
	}
	_, err := second.Exchange(ctx, "/pair-setup", m1)
	wantPairingError(t, err, codeBusy)
	if _, err := first.Exchange(ctx, "/pair-setup", m1); err != nil {
		t.Errorf("M1 again on the same connection: %v", err)
	}
	// One stalled pairing does not make everyone Busy.
	eventually(t, "the first's time is over", func() bool {
		_, err := second.Exchange(ctx, "/pair-setup", m1)
		return err == nil
	})
	_, err = first.Exchange(ctx, "/pair-setup", tlv8.Append(tlv8.Append([]byte{tlvState, 1, 3}, tlvPublicKey, []byte{2}), tlvProof, []byte{1}))
	wantHTTP(t, err, 400)
	second.Close()
	eventually(t, "the second's connection ended", func() bool {
		_, err := first.Exchange(ctx, "/pair-setup", m1)
		return err == nil
	})
	first.Close()
	eventually(t, "free", func() bool {
		_, err := controller.Pair(ctx, r.addr, r.s.SetupCode())
		return err == nil
	})
	_, err = controller.Pair(ctx, r.addr, r.s.SetupCode())
	wantPairingError(t, err, codeUnavailable)
}

func TestM5WithoutM3(t *testing.T) {
	r := newRig(t, Config{})
	ctx := testContext(t)
	c := r.dial()
	m1 := []byte{tlvMethod, 1, 0, tlvState, 1, 1}
	if _, err := c.Exchange(ctx, "/pair-setup", m1); err != nil {
		t.Fatal(err)
	}
	for _, key := range [][]byte{nil, make([]byte, 32), make([]byte, 64)} {
		_, err := c.Exchange(ctx, "/pair-setup", tlv8.Append([]byte{tlvState, 1, 5}, tlvEncrypted, forgeM5(t, key)))
		wantHTTP(t, err, 400)
	}
	if r.s.Paired() {
		t.Fatal("paired without the code")
	}
}

// forgeM5 makes an M5 under a guessed session key.
func forgeM5(t testing.TB, key []byte) []byte {
	t.Helper()
	enc, err := frame.Derive(key, "Pair-Setup-Encrypt-Salt", "Pair-Setup-Encrypt-Info")
	if err != nil {
		t.Fatal(err)
	}
	id := controller.NewIdentity()
	plain := tlv8.Append(tlv8.AppendString(nil, tlvIdentifier, id.ID), tlvPublicKey, id.LTPK())
	sealed, err := frame.SealMessage(enc, "PS-Msg05", tlv8.Append(plain, tlvSignature, make([]byte, 64)))
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestDegeneratePublicKeys(t *testing.T) {
	r := newRig(t, Config{Limits: Limits{Tries: 1000}})
	ctx := testContext(t)
	n := bytes.Repeat([]byte{0xff}, 385)
	for _, a := range [][]byte{nil, {0}, make([]byte, 384), n} {
		c := r.dial()
		if _, err := c.Exchange(ctx, "/pair-setup", []byte{tlvMethod, 1, 0, tlvState, 1, 1}); err != nil {
			t.Fatal(err)
		}
		m3 := tlv8.Append(tlv8.Append([]byte{tlvState, 1, 3}, tlvPublicKey, a), tlvProof, make([]byte, 64))
		_, err := c.Exchange(ctx, "/pair-setup", m3)
		wantPairingError(t, err, codeAuthentication)
		c.Close()
		eventually(t, "free", func() bool { r.s.pairMu.Lock(); defer r.s.pairMu.Unlock(); return r.s.setup == nil })
	}
}

// TestNoOrderOfMessagesPairsWithoutTheCode plays random sequences of well
// formed, ill timed and forged messages, some with a true M3 of a wrong code.
func TestNoOrderOfMessagesPairsWithoutTheCode(t *testing.T) {
	r := newRig(t, Config{Limits: Limits{Tries: 1 << 30, SetupTime: time.Nanosecond}})
	rounds := 400
	if testing.Short() {
		rounds = 40
	}
	rng := rand.New(rand.NewPCG(1, 2))
	conns := []*controller.Conn{r.dial(), r.dial()}
	last := make([]tlv8.Items, len(conns))
	ctx := testContext(t)
	for range rounds {
		i := rng.IntN(len(conns))
		c := conns[i]
		var body []byte
		switch rng.IntN(6) {
		case 0, 1:
			body = []byte{tlvMethod, 1, 0, tlvState, 1, 1}
		case 2: // wrong code
			salt, _ := last[i].Get(tlvSalt)
			pub, _ := last[i].Get(tlvPublicKey)
			if pub == nil {
				continue
			}
			client := srp.NewClient(wrong(r.s.SetupCode()))
			proof, err := client.Proof(salt, pub)
			if err != nil {
				t.Fatal(err)
			}
			body = tlv8.Append(tlv8.Append([]byte{tlvState, 1, 3}, tlvPublicKey, client.PublicKey()), tlvProof, proof)
		case 3:
			body = tlv8.Append([]byte{tlvState, 1, 5}, tlvEncrypted, forgeM5(t, make([]byte, 64)))
		case 4:
			body = []byte{tlvState, 1, byte(rng.IntN(8))}
		case 5:
			body = make([]byte, rng.IntN(40))
			for j := range body {
				body[j] = byte(rng.IntN(8))
			}
		}
		is, err := c.Exchange(ctx, "/pair-setup", body)
		if err == nil {
			last[i] = is
		}
		if state, _ := is.Byte(tlvState); err == nil && state != 2 {
			t.Fatalf("state %d reached without the code", state)
		}
		if r.s.Paired() {
			t.Fatal("paired without the code")
		}
	}
	for _, c := range conns {
		c.Close()
	}
	eventually(t, "pairing by the code still works", func() bool {
		_, err := controller.Pair(ctx, r.addr, r.s.SetupCode())
		return err == nil
	})
}

func TestPairVerifyOrder(t *testing.T) {
	r := newRig(t, Config{})
	p := r.implant(true)
	ctx := testContext(t)
	c := r.dial()
	m3 := tlv8.Append([]byte{tlvState, 1, 3}, tlvEncrypted, make([]byte, 60))
	_, err := c.Exchange(ctx, "/pair-verify", m3)
	wantHTTP(t, err, 400)
	m1 := tlv8.Append([]byte{tlvState, 1, 1}, tlvPublicKey, bytes.Repeat([]byte{9}, 32))
	if _, err := c.Exchange(ctx, "/pair-verify", m1); err != nil {
		t.Fatal(err)
	}
	_, err = c.Exchange(ctx, "/pair-verify", m3)
	wantPairingError(t, err, codeAuthentication)
	_, err = c.Exchange(ctx, "/pair-verify", m3)
	wantHTTP(t, err, 400)
	_, err = c.Exchange(ctx, "/pair-verify", tlv8.Append([]byte{tlvState, 1, 1}, tlvPublicKey, make([]byte, 32)))
	wantPairingError(t, err, codeAuthentication) // a point of low order
	stranger := *p
	stranger.Controller = controller.NewIdentity()
	wantPairingError(t, c.Verify(ctx, &stranger), codeAuthentication)
	imposter := *p
	imposter.Controller.Seed = controller.NewIdentity().Seed
	wantPairingError(t, c.Verify(ctx, &imposter), codeAuthentication)
	if err := c.Verify(ctx, p); err != nil {
		t.Fatal(err)
	}
	if n := r.s.Stats().PairFailures; n != 3 {
		t.Errorf("%d failures counted, want 3", n)
	}
}

func TestPairVerifyRacesNothing(t *testing.T) {
	r := newRig(t, Config{})
	p := r.implant(true)
	ctx := testContext(t)
	for i := range 300 {
		c, err := p.Connect(ctx)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		if _, err := c.Get(ctx, r.g.id(r.g.on)); err != nil {
			t.Fatalf("first request of connection %d: %v", i, err)
		}
		c.Close()
	}
}

func TestPairingsAdministration(t *testing.T) {
	changes := make(chan struct{}, 100)
	r := newRig(t, Config{Limits: Limits{Pairings: 3}})
	r.s.OnPairingChange(func() { changes <- struct{}{} })
	ctx := testContext(t)
	p := r.pair()
	admin := r.connect(p)
	user := controller.NewIdentity()
	if err := admin.AddPairing(ctx, user.ID, user.LTPK(), false); err != nil {
		t.Fatal(err)
	}
	list, err := admin.ListPairings(ctx)
	if err != nil || len(list) != 2 {
		t.Fatalf("list %v, %v", list, err)
	}
	for _, e := range list {
		if e.Admin != (e.ID == p.Controller.ID) || len(e.LTPK) != 32 {
			t.Errorf("entry %+v", e)
		}
	}
	other := controller.NewIdentity()
	wantPairingError(t, admin.AddPairing(ctx, user.ID, other.LTPK(), false), codeUnknown)
	if err := admin.AddPairing(ctx, other.ID, other.LTPK(), true); err != nil {
		t.Fatal(err)
	}
	fourth := controller.NewIdentity()
	wantPairingError(t, admin.AddPairing(ctx, fourth.ID, fourth.LTPK(), false), codeMaxPeers)
	if err := admin.RemovePairing(ctx, other.ID); err != nil {
		t.Fatal(err)
	}
	if err := admin.RemovePairing(ctx, "nobody"); err != nil {
		t.Errorf("removing an unknown pairing: %v", err)
	}
	wantPairingError(t, admin.AddPairing(ctx, p.Controller.ID, p.Controller.LTPK(), false), codeUnknown) // no admin left

	up := &controller.Pairing{Controller: user, AccessoryID: p.AccessoryID, AccessoryLTPK: p.AccessoryLTPK, Address: r.addr}
	uc := r.connect(up)
	wantPairingError(t, uc.AddPairing(ctx, fourth.ID, fourth.LTPK(), false), codeAuthentication)
	wantPairingError(t, uc.RemovePairing(ctx, p.Controller.ID), codeAuthentication)
	_, err = uc.ListPairings(ctx)
	wantPairingError(t, err, codeAuthentication)
	if err := admin.AddPairing(ctx, user.ID, user.LTPK(), true); err != nil { // rights change on live sessions
		t.Fatal(err)
	}
	if _, err := uc.ListPairings(ctx); err != nil {
		t.Errorf("made an administrator: %v", err)
	}
	if len(changes) < 4 {
		t.Errorf("%d changes told", len(changes))
	}
}

func TestRemovalClosesThatControllersSessions(t *testing.T) {
	r := newRig(t, Config{})
	ctx := testContext(t)
	p, q := r.implant(true), r.implant(false)
	admin, u1, u2 := r.connect(p), r.connect(q), r.connect(q)
	if err := admin.RemovePairing(ctx, q.Controller.ID); err != nil {
		t.Fatal(err)
	}
	<-u1.Done()
	<-u2.Done()
	if _, err := admin.Get(ctx, r.g.id(r.g.on)); err != nil {
		t.Errorf("the administrator's session: %v", err)
	}
	_, err := q.Connect(ctx)
	wantPairingError(t, err, codeAuthentication)
}

func TestLastAdminsRemovalIsAnsweredAndResets(t *testing.T) {
	r := newRig(t, Config{})
	ctx := testContext(t)
	p, q := r.implant(true), r.implant(false)
	admin, admin2, user := r.connect(p), r.connect(p), r.connect(q)
	if err := admin.RemovePairing(ctx, p.Controller.ID); err != nil {
		t.Fatalf("the answer: %v", err)
	}
	<-admin.Done()
	<-admin2.Done()
	<-user.Done()
	if r.s.Paired() {
		t.Error("still paired")
	}
	eventually(t, "sf=1", func() bool { return strings.Contains(strings.Join(r.adv.get("one").TXT, " "), "sf=1") })
	r.pair()
}

func TestUnpairClosesSessions(t *testing.T) {
	r := newRig(t, Config{})
	c := r.connect(r.implant(true))
	if err := r.s.Unpair(); err != nil {
		t.Fatal(err)
	}
	<-c.Done()
	if r.s.Paired() {
		t.Error("still paired")
	}
	eventually(t, "no session", func() bool { return r.s.Stats().Sessions == 0 })
}
