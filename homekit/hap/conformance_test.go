package hap

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

// What Apple's public reference accessory answers, case by case.

func TestUnverifiedIsRefused(t *testing.T) {
	r := newRig(t, Config{})
	r.implant(true)
	tests := []struct {
		method, target string
		code           int
		body           string
	}{
		{"GET", "/accessories", 470, `{"status":-70411}`},
		{"GET", "/characteristics?id=1.2", 470, `{"status":-70411}`},
		{"PUT", "/characteristics", 470, `{"status":-70411}`},
		{"PUT", "/prepare", 470, `{"status":-70411}`},
		{"POST", "/pairings", 470, ""},
		{"GET", "/nothing", 470, ""},
		{"POST", "/identify", 400, `{"status":-70401}`},
		{"GET", "/identify", 405, ""},
		{"GET", "/pair-setup", 405, ""},
		{"POST", "/pair-setup", 400, ""},
		{"POST", "/pair-verify", 400, ""},
	}
	c := r.dial()
	for _, tt := range tests {
		if got := ask(t, c, tt.code, tt.method, tt.target, "{}"); got != tt.body {
			t.Errorf("%s %s: body %q, want %q", tt.method, tt.target, got, tt.body)
		}
	}
}

func TestIdentifyWhileUnpaired(t *testing.T) {
	r := newRig(t, Config{})
	seen := make(chan uint64, 2)
	r.s.OnIdentify(func(aid uint64) { seen <- aid })
	c := r.dial()
	resp, err := c.Do(testContext(t), "POST", "/identify", "", nil)
	if err != nil || resp.Code != 204 || len(resp.Header) != 0 {
		t.Fatalf("%+v, %v", resp, err)
	}
	if aid := <-seen; aid != 1 {
		t.Errorf("identified %d", aid)
	}
	v := r.connect(r.implant(true))
	ask(t, v, 204, "PUT", "/characteristics", fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":true}]}`, r.g.a.Info.Identify.Id))
	if aid := <-seen; aid != 1 {
		t.Errorf("identified %d by characteristic", aid)
	}
}

func TestVerifiedPaths(t *testing.T) {
	r := newRig(t, Config{})
	c := r.connect(r.implant(true))
	tests := []struct {
		method, target, body string
		code                 int
	}{
		{"GET", "/nothing", "", 404},
		{"POST", "/accessories", "{}", 405},
		{"POST", "/characteristics", "{}", 405},
		{"GET", "/prepare", "", 405},
		{"PUT", "/pairings", "{}", 405},
		{"POST", "/pair-setup", "\x06\x01\x01\x00\x01\x00", 400},
		{"POST", "/pair-verify", "\x06\x01\x01", 400},
		{"POST", "/identify", "", 400},
	}
	for _, tt := range tests {
		ask(t, c, tt.code, tt.method, tt.target, tt.body)
	}
}

func TestMalformedBodies(t *testing.T) {
	r := newRig(t, Config{})
	c := r.connect(r.implant(true))
	on := r.g.on.Id
	for _, body := range []string{
		``, `{`, `[]`, `{"characteristics":{}}`, `{"characteristics":[{}]}`, `{"characteristics":[1]}`,
		fmt.Sprintf(`{"characteristics":[{"iid":%d,"value":1}]}`, on),
		`{"characteristics":[{"aid":1,"value":1}]}`,
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":{}}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":[]}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":null}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":1}]} x`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":1}]`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":1,"value":0}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":-1,"iid":%d,"value":1}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1.5,"iid":%d,"value":1}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":"1","iid":%d,"value":1}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"ev":"yes"}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":01}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":tru}]}`, on),
		fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":1}],"pid":"x"}`, on),
		strings.Repeat(`{"a":`, 100) + `1` + strings.Repeat(`}`, 100),
	} {
		if got := ask(t, c, 400, "PUT", "/characteristics", body); got != "" {
			t.Errorf("%s: body %q", body, got)
		}
	}
	for _, body := range []string{``, `{}`, `{"ttl":1}`, `{"pid":1}`, `{"ttl":-1,"pid":1}`, `{"ttl":9007199254740992,"pid":1}`, `{"ttl":1,"pid":1.5}`, `{"ttl":1,"pid":1}x`} {
		ask(t, c, 400, "PUT", "/prepare", body)
	}
	for _, q := range []string{"", "?", "?id=", "?id=1", "?id=1.x", "?id=1.2,", "?id=,1.2", "?id=1.2&meta=x", "?id=1.2&id=1.3", "?id=-1.2", "?id=+1.2"} {
		ask(t, c, 400, "GET", "/characteristics"+q, "")
	}
	if r.s.Get(r.g.on) != false {
		t.Error("something was written")
	}
}

func TestStatuses(t *testing.T) {
	r := newRig(t, Config{})
	admin := r.connect(r.implant(true))
	user := r.connect(r.implant(false))
	g := r.g
	r.s.AdminOnly(g.big)
	status := func(s Status) WriteFunc {
		return func(context.Context, Request, any) (any, Status) { return nil, s }
	}
	tests := []struct {
		name, entry string
		as          *controller.Conn
		handler     WriteFunc
		want        Status
	}{
		{"wrong type", `"value":"abc"`, admin, nil, StatusInvalidValue},
		{"empty text for a number", `"value":""`, admin, nil, StatusInvalidValue},
		{"two", `"value":2`, admin, nil, StatusInvalidValue},
		{"neither value nor ev", `"r":false`, admin, nil, StatusInvalidValue},
		{"unable to communicate", `"value":1`, admin, status(StatusUnreachable), StatusUnreachable},
		{"a status the standard lacks", `"value":1`, admin, status(-1), StatusUnreachable},
		{"busy", `"value":1`, admin, status(StatusBusy), StatusBusy},
		{"out of resources", `"value":1`, admin, status(StatusOutOfResources), StatusOutOfResources},
		{"not authorised", `"value":1`, admin, status(StatusNotAuthorized), StatusNotAuthorized},
		{"timed out", `"value":1`, admin, status(StatusTimedOut), StatusTimedOut},
		{"write response not offered", `"value":1,"r":true`, admin, nil, StatusWriteOnly},
	}
	for _, tt := range tests {
		r.s.OnWrite(g.on, tt.handler)
		body := ask(t, tt.as, 207, "PUT", "/characteristics", fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,%s}]}`, g.on.Id, tt.entry))
		sameJSON(t, body, fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"status":%d}]}`, g.on.Id, int(tt.want)))
	}
	r.s.OnWrite(g.on, nil)
	if r.s.Get(g.on) != true {
		t.Error("r:true without wr was not executed")
	}
	put := func(c *controller.Conn, iid uint64, entry string, want Status) {
		t.Helper()
		body := ask(t, c, 207, "PUT", "/characteristics", fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,%s}]}`, iid, entry))
		sameJSON(t, body, fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"status":%d}]}`, iid, int(want)))
	}
	put(admin, g.state.Id, `"value":1`, StatusReadOnly)
	put(admin, 999, `"value":1`, StatusNotFound)
	put(admin, g.label.Id, `"ev":true`, StatusNotificationsUnsupported)
	put(admin, g.target.Id, `"value":1`, StatusInvalidValue)
	put(admin, g.label.Id, `"value":"123456789"`, StatusInvalidValue)
	put(admin, g.label.Id, `"value":5`, StatusInvalidValue)
	put(admin, g.level.Id, `"value":100.5`, StatusInvalidValue)
	put(admin, g.level.Id, `"value":0.3`, StatusInvalidValue)
	put(admin, g.level.Id, `"value":true`, StatusInvalidValue)
	put(admin, g.control.Id, `"value":"not base64"`, StatusInvalidValue)
	put(admin, g.blob.Id, `"value":"AAAAAAAAAAAAAAAAAAAAAAAAAAA="`, StatusInvalidValue)
	put(user, g.big.Id, `"value":8`, StatusInsufficientPrivileges)

	body := ask(t, user, 207, "GET", fmt.Sprintf("/characteristics?id=%s,%s,1.999,7.1,%s", g.ref(g.secret), g.ref(g.big), g.ref(g.state)), "")
	sameJSON(t, body, fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"status":-70405},{"aid":1,"iid":%d,"status":-70401},
		{"aid":1,"iid":999,"status":-70409},{"aid":7,"iid":1,"status":-70409},{"aid":1,"iid":%d,"value":1,"status":0}]}`, g.secret.Id, g.big.Id, g.state.Id))
	ids := strings.Repeat("1.2,", len(r.s.db.Load().attrs)) + "1.2"
	sameJSON(t, ask(t, admin, 500, "GET", "/characteristics?id="+ids, ""), `{"status":-70407}`)
	many := strings.Repeat(`{"aid":1,"iid":2,"ev":true},`, len(r.s.db.Load().attrs)) + `{"aid":1,"iid":2,"ev":true}`
	sameJSON(t, ask(t, admin, 500, "PUT", "/characteristics", `{"characteristics":[`+many+`]}`), `{"status":-70407}`)
}

func TestValuesAsTheReferenceTakesThem(t *testing.T) {
	r := newRig(t, Config{TimedWrites: AcceptPlainWrites})
	c := r.connect(r.implant(true))
	g := r.g
	put := func(code int, iid uint64, value string) {
		t.Helper()
		ask(t, c, code, "PUT", "/characteristics", fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":%s}]}`, iid, value))
	}
	for _, tt := range []struct {
		value string
		code  int
	}{{"0", 204}, {"true", 204}, {"1", 204}, {"false", 204}, {"1.5", 207}, {`"abc"`, 207}, {"2", 207}, {"-1", 207}, {"99999999999999999999", 207}} {
		put(tt.code, g.target.Id, tt.value)
	}
	put(204, g.target.Id, "true")
	if got := r.s.Get(g.target); got != 1 {
		t.Errorf("true became %v (%T)", got, got)
	}
	put(204, g.big.Id, "18446744073709551615")
	put(204, g.label.Id, `"a\"\u00e4"`)
	put(204, g.level.Id, "99.5")
	put(204, g.blob.Id, `"AAECAw=="`)
	put(204, g.control.Id, `""`)
	body := ask(t, c, 200, "GET", "/characteristics?id="+g.ref(g.big)+","+g.ref(g.label)+","+g.ref(g.level)+","+g.ref(g.blob)+","+g.ref(g.press), "")
	if !strings.Contains(body, `"value":18446744073709551615}`) || !strings.Contains(body, `"value":"a\"ä"}`) ||
		!strings.Contains(body, `"value":99.5}`) || !strings.Contains(body, `"value":"AAECAw=="}`) || !strings.Contains(body, `"value":null}`) {
		t.Error(body)
	}
}

func TestMixedWriteNamesEveryEntry(t *testing.T) {
	r := newRig(t, Config{})
	c := r.connect(r.implant(true))
	g := r.g
	body := ask(t, c, 207, "PUT", "/characteristics", fmt.Sprintf(
		`{"characteristics":[{"aid":1,"iid":%d,"value":1},{"aid":1,"iid":%d,"value":1},{"aid":1,"iid":%d,"ev":true}]}`, g.on.Id, g.state.Id, g.state.Id))
	sameJSON(t, body, fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"status":0},{"aid":1,"iid":%d,"status":-70404},{"aid":1,"iid":%d,"status":0}]}`,
		g.on.Id, g.state.Id, g.state.Id))
	if r.s.Get(g.on) != true {
		t.Error("the good entry was not executed")
	}
}

func TestTimedWrites(t *testing.T) {
	r := newRig(t, Config{})
	c := r.connect(r.implant(true))
	ctx := testContext(t)
	g := r.g
	var calls []any
	r.s.OnWrite(g.target, func(_ context.Context, who Request, v any) (any, Status) {
		calls = append(calls, v)
		if !who.Timed || !who.Admin || who.Controller == "" {
			return nil, StatusInvalidValue
		}
		return nil, StatusOK
	})
	target := controller.Write{ID: g.id(g.target), Value: 0}
	on := controller.Write{ID: g.id(g.on), Value: true}
	refused := func(what string, n int, rs []controller.Result, err error) {
		t.Helper()
		if err != nil || len(rs) != n {
			t.Errorf("%s: %v, %v", what, rs, err)
			return
		}
		for _, x := range rs {
			if x.Status != int(StatusInvalidValue) {
				t.Errorf("%s: %v", what, x)
			}
		}
	}
	rs, err := c.Put(ctx, target)
	refused("plain", 1, rs, err)
	rs, err = c.PutPID(ctx, 5, target, on)
	refused("never prepared", 2, rs, err)
	prepare := func(ttl time.Duration, pid uint64) {
		t.Helper()
		if err := c.Prepare(ctx, ttl, pid); err != nil {
			t.Fatal(err)
		}
	}
	prepare(0, 6)
	rs, err = c.PutPID(ctx, 6, target, on)
	refused("expired", 2, rs, err)
	prepare(5*time.Second, 7)
	rs, err = c.PutPID(ctx, 8, target, on)
	refused("another pid", 2, rs, err)
	rs, err = c.PutPID(ctx, 7, target, on)
	refused("after another pid the transaction is over", 2, rs, err)
	prepare(5*time.Second, 9)
	prepare(5*time.Second, 10)
	rs, err = c.PutPID(ctx, 9, target)
	refused("replaced", 1, rs, err)
	if len(calls) != 0 || r.s.Get(g.on) != false {
		t.Fatalf("executed: %v", calls)
	}
	prepare(5*time.Second, 11)
	if rs, err = c.PutPID(ctx, 11, target, on); err != nil || rs != nil {
		t.Errorf("good: %v, %v", rs, err)
	}
	rs, err = c.PutPID(ctx, 11, target)
	refused("used twice", 1, rs, err)
	if len(calls) != 1 || calls[0] != 0 {
		t.Errorf("handler saw %v", calls)
	}
	if err := c.Subscribe(ctx, g.id(g.target)); err != nil {
		t.Errorf("subscribing needs no preparation: %v", err)
	}
	sameJSON(t, ask(t, c, 200, "PUT", "/prepare", `{"ttl":9007199254740991,"pid":18446744073709551615}`), `{"status":0}`)
	if rs, err = c.PutPID(ctx, 1<<64-1, target); err != nil || rs != nil {
		t.Errorf("longest ttl: %v, %v", rs, err)
	}
}

func TestPreparationIsTheConnections(t *testing.T) {
	r := newRig(t, Config{})
	p := r.implant(true)
	a, b := r.connect(p), r.connect(p)
	ctx := testContext(t)
	if err := a.Prepare(ctx, time.Minute, 1); err != nil {
		t.Fatal(err)
	}
	rs, err := b.PutPID(ctx, 1, controller.Write{ID: r.g.id(r.g.target), Value: 0})
	if err != nil || len(rs) != 1 || rs[0].Status != int(StatusInvalidValue) {
		t.Errorf("another connection's pid: %v, %v", rs, err)
	}
}

func TestReadOptions(t *testing.T) {
	r := newRig(t, Config{})
	c := r.connect(r.implant(true))
	if err := c.Subscribe(testContext(t), r.g.id(r.g.level)); err != nil {
		t.Fatal(err)
	}
	body := ask(t, c, 200, "GET", "/characteristics?id="+r.g.ref(r.g.level)+"&meta=1&perms=1&type=1&ev=1", "")
	sameJSON(t, body, fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"type":"8","format":"float","unit":"percentage","minValue":0,"maxValue":100,
		"minStep":0.5,"perms":["pr","pw","ev"],"ev":true,"value":20}]}`, r.g.level.Id))
}

func TestWriteResponse(t *testing.T) {
	r := newRig(t, Config{})
	c := r.connect(r.implant(true))
	calls := 0
	r.s.OnWrite(r.g.control, func(_ context.Context, who Request, v any) (any, Status) {
		calls++
		return append([]byte{9}, v.([]byte)...), StatusOK
	})
	for range 2 {
		body := ask(t, c, 207, "PUT", "/characteristics", fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":"AQEB","r":true}]}`, r.g.control.Id))
		sameJSON(t, body, fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"status":0,"value":"CQEBAQ=="}]}`, r.g.control.Id))
	}
	if calls != 2 {
		t.Errorf("an identical second write was not delivered: %d calls", calls)
	}
}

func TestReadHandlers(t *testing.T) {
	r := newRig(t, Config{Limits: Limits{Patience: 50 * time.Millisecond}})
	c := r.connect(r.implant(true))
	g := r.g
	release := make(chan struct{})
	r.s.OnRead(g.on, func(context.Context, Request) (any, Status) { return true, StatusOK })
	r.s.OnRead(g.state, func(context.Context, Request) (any, Status) { return nil, StatusBusy })
	r.s.OnRead(g.level, func(context.Context, Request) (any, Status) { <-release; return 1.0, StatusOK })
	r.s.OnRead(g.label, func(context.Context, Request) (any, Status) { panic("boom") })
	r.s.OnRead(g.big, func(context.Context, Request) (any, Status) { return "seven", StatusOK })
	body := ask(t, c, 207, "GET", "/characteristics?id="+strings.Join([]string{g.ref(g.on), g.ref(g.state), g.ref(g.level), g.ref(g.label), g.ref(g.big)}, ","), "")
	close(release)
	sameJSON(t, body, fmt.Sprintf(`{"characteristics":[{"aid":1,"iid":%d,"value":1,"status":0},{"aid":1,"iid":%d,"status":-70403},
		{"aid":1,"iid":%d,"status":-70408},{"aid":1,"iid":%d,"status":-70402},{"aid":1,"iid":%d,"status":-70402}]}`,
		g.on.Id, g.state.Id, g.level.Id, g.label.Id, g.big.Id))
	if db := ask(t, c, 200, "GET", "/accessories", ""); !strings.Contains(db, `"format":"bool","value":1}`) {
		t.Errorf("/accessories has not the handler's value: %s", db)
	}
}
