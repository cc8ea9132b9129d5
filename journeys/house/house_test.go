package house

import (
	"context"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/homekit/hap/controller"
	"github.com/latchkeyd/latchkey/lockfw"
)

// TestMainJob walks the whole path once: join, pair, unlock by the controller, a keypad entry at the door.
func TestMainJob(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	h, err := New(Config{Dir: t.TempDir(), Models: []string{"YRD226 TSDB"}, Air: lockfw.Config{Speed: 10}})
	if err != nil {
		t.Fatal(err)
	}
	running := make(chan error, 1)
	hctx, stop := context.WithCancel(ctx)
	go func() { running <- h.Run(hctx) }()
	t.Cleanup(func() { stop(); <-running })
	r, err := h.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Stop(); err != nil {
			t.Error(err)
		}
	})
	lock := h.Locks[0]
	v, err := r.Join(ctx, lock)
	if err != nil {
		t.Fatal(err)
	}
	if v.Bolt != bridge.Locked {
		t.Errorf("bolt %v after the interview", v.Bolt)
	}
	p, err := r.Pair(ctx, lock)
	if err != nil {
		t.Fatal(err)
	}
	c, err := p.Connect(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ids, err := FindLock(ctx, c)
	if err != nil {
		t.Fatal(err)
	}
	if bad, err := c.PutTimed(ctx, 5*time.Second, controller.Write{ID: ids.Target, Value: 0}); err != nil || len(bad) > 0 && bad[0].Status != 0 {
		t.Fatal(bad, err)
	}
	if _, err := r.Await(ctx, 0, func(e bridge.Event) bool { m, ok := e.Body.(bridge.BoltMoved); return ok && m.To == bridge.Unlocked }); err != nil {
		t.Fatal(err)
	}
	if lock.Bolt() != lockfw.Unlocked {
		t.Errorf("the bolt is %v", lock.Bolt())
	}
}
