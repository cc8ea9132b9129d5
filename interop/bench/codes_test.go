package bench

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/lockfw"
)

// perLock is how many codes a lock is filled with.
const perLock = 250

// keypads are homes of locks with room for that many codes.
var keypads = map[int]*home{}

func withCodes(b *testing.B, n int) *home {
	b.Helper()
	if keypads[n] == nil {
		adjust := func(f *lockfw.Behaviour) { prompt(f); f.LiesMains = true }
		air := lockfw.Config{MoveLog: 16} // one lock has the air's usual times
		if n > 1 {
			air.Delay, air.Speed = -1, 20
		}
		keypads[n] = newHome(b, homeConfig{locks: n, slots: perLock, model: "E261-KR0B0Z0-HA", pair: true, adjust: adjust, air: air})
	}
	return keypads[n]
}

// exchanges are Set and Get PIN Code with their responses, as the dongle's end of the line saw them.
type exchanges struct {
	mu     sync.Mutex
	sent   map[byte]time.Time // by transaction: the command's first byte
	own    time.Duration      // from each command's first byte to its response's last: line, dongle, radio and lock
	free   time.Time          // own time does not count twice
	sets   int
	gets   int
	began  time.Time
	latest time.Time
}

func (e *exchanges) see(cmd int, p []byte, toDongle bool, first, last time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	const setPIN, getPIN = 5, 6 // ZCL 7.3.2.17
	switch {
	case toDongle && cmd == cmdDataRequest:
		if _, cluster, z := dataRequest(p); cluster == doorLock && len(z) > 2 && z[0]&3 == 1 && (z[2] == setPIN || z[2] == getPIN) {
			e.sent[z[1]] = first
			if e.began.IsZero() && z[2] == setPIN {
				e.began = first
			}
		}
	case !toDongle && cmd == cmdIncoming:
		_, cluster, z := incoming(p)
		if cluster != doorLock || len(z) < 3 || z[0]&0xB != 0x9 || (z[2] != setPIN && z[2] != getPIN) {
			return
		}
		at, ok := e.sent[z[1]]
		if !ok || e.began.IsZero() {
			return
		}
		delete(e.sent, z[1])
		if at.Before(e.free) {
			at = e.free
		}
		e.own += last.Sub(at)
		e.free, e.latest = last, last
		if z[2] == setPIN {
			e.sets++
		} else {
			e.gets++
		}
	}
}

// BenchmarkCodes is how long it takes until 250 people's codes are on one lock and read back, on a line at 115200 baud: from the first Set PIN Code to the
// last Get PIN Code Response, against the time that commands and responses took for themselves on the line and in the air, 8 ms a hop. The lock answers at once.
func BenchmarkCodes(b *testing.B) {
	b.Run("codes=250", func(b *testing.B) {
		m := withCodes(b, 1)
		p := m.exec(b, m.tcp)
		m.connect(b, p)
		api := m.api()
		m.pace(b)
		defer m.seen.watch(nil)
		var took, own []float64
		for range samples(b, 3) {
			api.await(b, 0)
			m.quiet(b.Context())
			e := &exchanges{sent: map[byte]time.Time{}}
			m.seen.watch(e.see)
			for i := range perLock {
				api.must(b, "POST", "users", fmt.Sprintf(`{"name":"Person %d","pin":"%08d","all_locks":true}`, i, 20481357+i*7919))
			}
			api.await(b, perLock)
			e.mu.Lock()
			if e.sets != perLock || e.gets < perLock {
				b.Errorf("%d codes written and %d read", e.sets, e.gets)
			}
			took, own = append(took, e.latest.Sub(e.began).Seconds()*1e3), append(own, e.own.Seconds()*1e3)
			e.mu.Unlock()
			m.seen.watch(nil)
			api.clear(b)
		}
		b.ReportMetric(median(took), "codes-ms")
		b.ReportMetric(median(own), "own-ms")
		b.ReportMetric((median(took)/median(own)-1)*100, "over-%")
		b.ReportMetric(0, "ns/op")
	})
}

// BenchmarkIdleWithCodes is the resident memory with 50 locks and 250 codes on each.
func BenchmarkIdleWithCodes(b *testing.B) {
	b.Run("locks=50/codes=250", func(b *testing.B) {
		m := withCodes(b, 50)
		p := m.exec(b, m.tcp)
		api := m.api()
		api.await(b, 0)
		for i := range perLock {
			api.must(b, "POST", "users", fmt.Sprintf(`{"name":"Person %d","pin":"%08d","all_locks":true}`, i, 20481357+i*7919))
		}
		api.await(b, perLock)
		p.end()
		p = m.exec(b, m.tcp)
		m.connect(b, p)
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		m.quiet(ctx)
		api.await(b, perLock)
		time.Sleep(20 * time.Second) // until what the reading of all slots needed is given back
		b.ReportMetric(p.rss(b), "RSS-MB")
		b.ReportMetric(0, "ns/op")
	})
}

// api is the daemon's HTTP API on its socket.
type api struct{ http.Client }

func (m *home) api() *api {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", filepath.Join(m.dir, "l.sock"))
	}
	return &api{http.Client{Transport: &http.Transport{DialContext: dial}}}
}

func (a *api) ask(method, path, body string) ([]byte, error) {
	req, err := http.NewRequest(method, "http://latchkey/api/v1/"+path, bytes.NewBufferString(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := a.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %s: %s", method, path, res.Status, text)
	}
	return text, err
}

func (a *api) must(b *testing.B, method, path, body string) []byte {
	b.Helper()
	text, err := a.ask(method, path, body)
	if err != nil {
		b.Fatal(err)
	}
	return text
}

// clear removes all people, and waits until their codes are gone.
func (a *api) clear(b *testing.B) {
	b.Helper()
	var users []struct {
		ID int `json:"id"`
	}
	if err := json.Unmarshal(a.must(b, "GET", "users", ""), &users); err != nil {
		b.Fatal(err)
	}
	for _, u := range users {
		a.must(b, "DELETE", fmt.Sprintf("users/%d", u.ID), "")
	}
	a.await(b, 0)
}

// await waits until every lock has so many codes, each in sync.
func (a *api) await(b *testing.B, each int) {
	b.Helper()
	const patience = 5 * time.Minute
	var last string
	for began := time.Now(); time.Since(began) < patience; time.Sleep(50 * time.Millisecond) {
		text, err := a.ask("GET", "locks", "")
		if err != nil { // not up yet
			last = err.Error()
			continue
		}
		var locks []struct {
			ID string `json:"id"`
		}
		if err := json.Unmarshal(text, &locks); err != nil || len(locks) == 0 {
			b.Fatal(err, string(text))
		}
		ok := true
		for _, l := range locks {
			var codes []struct {
				State string `json:"state"`
			}
			if text, err = a.ask("GET", "locks/"+l.ID+"/codes", ""); err == nil {
				err = json.Unmarshal(text, &codes)
			}
			if err != nil {
				b.Fatal(err)
			}
			in := 0
			for _, c := range codes {
				if c.State == string(bridge.CodeInSync) {
					in++
				}
			}
			if in != each || len(codes) != each {
				ok, last = false, fmt.Sprintf("%s: %d codes, %d in sync", l.ID, len(codes), in)
				break
			}
		}
		if ok {
			return
		}
	}
	b.Fatalf("waited in vain for %d codes a lock: %s", each, last)
}
