package hap

import (
	"fmt"
	"strings"
	"testing"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

func TestWholePath(t *testing.T) {
	r := newRig(t, Config{})
	ctx := testContext(t)
	if r.s.Paired() {
		t.Fatal("paired before anybody came")
	}
	p := r.pair()
	if p.AccessoryID != r.s.ID() || !r.s.Paired() {
		t.Fatalf("paired %v with %s, is %s", r.s.Paired(), p.AccessoryID, r.s.ID())
	}
	a, b := r.connect(p), r.connect(p)
	sub := r.g.id(r.g.on)
	if err := b.Subscribe(ctx, sub); err != nil {
		t.Fatal(err)
	}
	if rs, err := a.Put(ctx, controller.Write{ID: sub, Value: true}); err != nil || rs != nil {
		t.Fatalf("put: %v, %v", rs, err)
	}
	ev, err := b.NextEvent(ctx)
	if err != nil || len(ev) != 1 || ev[0].ID != sub || ev[0].Value != 1.0 {
		t.Fatalf("event %v, %v", ev, err)
	}
	rs, err := a.Get(ctx, sub)
	if err != nil || len(rs) != 1 || rs[0].Value != 1.0 {
		t.Fatalf("get %v, %v", rs, err)
	}
	if r.s.Get(r.g.on) != true {
		t.Errorf("stored %v", r.s.Get(r.g.on))
	}
	if st := r.h.Stats(); st.Sessions != 2 || st.Pairings != 1 || st.Servers != 1 || st.Advertised != 1 {
		t.Errorf("stats %+v", st)
	}
	db, err := a.Accessories(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"type":"1E","perms":["pr","pw","ev","tw"]`, `"primary":true`, `"linked":[`, `"valid-values":[0,1,2,3]`} {
		if !strings.Contains(string(db), want) {
			t.Errorf("database lacks %s: %s", want, db)
		}
	}
	sameJSON(t, string(db), string(db))
}

func TestAdvert(t *testing.T) {
	r := newRig(t, Config{})
	got := strings.Join(r.adv.get("one").TXT, " ")
	want := fmt.Sprintf("c#=1 ff=0 id=%s md=G pv=1.1 s#=1 sf=1 ci=6 sh=%s", r.s.ID(), setupHash(r.s.SetupID(), r.s.ID()))
	if got != want {
		t.Errorf("TXT %q, want %q", got, want)
	}
	r.pair()
	eventually(t, "sf=0", func() bool { return strings.Contains(strings.Join(r.adv.get("one").TXT, " "), "sf=0") })
}
