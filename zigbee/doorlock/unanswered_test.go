package doorlock

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// TestAnswerThatNobodyWaitsFor: who asked may learn what he wanted in another way, and take his question back. That the lock had not answered by then says
// nothing of the lock; that it did not answer in time does.
func TestAnswerThatNobodyWaitsFor(t *testing.T) {
	question := func(ctx context.Context, l *lock) error {
		_, err := l.ReadSlot(ctx, 3)
		return err
	}
	command := func(ctx context.Context, l *lock) error {
		return l.Actuate(ctx, bridge.Action{Kind: bridge.ActUnlock})
	}
	withdrawn := func(ctx context.Context) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithCancel(ctx)
		time.AfterFunc(time.Second, cancel)
		return ctx, cancel
	}
	late := func(ctx context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeout(ctx, time.Second)
	}
	for _, tt := range []struct {
		name   string
		asleep bool
		do     func(context.Context, *lock) error
		until  func(context.Context) (context.Context, context.CancelFunc)
		lost   bool // the lock is told to be out of reach
		again  bool // the bolt's state is read after that
	}{
		{"a question that is taken back", false, question, withdrawn, false, false},
		{"a question that its parent still holds", true, question, withdrawn, false, false},
		{"a question whose time is over", false, question, late, true, false},
		{"a command that is taken back", false, command, withdrawn, false, true},
		{"a command whose time is over", false, command, late, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, l := w.joined("Yale", "YRD256 TSDB", 1)
				time.Sleep(time.Minute)
				w.clear()
				fl.set(func() { fl.silent, fl.asleep = !tt.asleep, tt.asleep })
				n := w.r.count()
				ctx, cancel := tt.until(w.t.Context())
				defer cancel()
				if err := tt.do(ctx, l); !errors.Is(err, bridge.ErrUnreachable) {
					t.Errorf("%v", err)
				}
				synctest.Wait()
				if got := of[bridge.Reached](w); (len(got) > 0) != tt.lost {
					t.Errorf("told %+v", got)
				}
				fl.set(func() { fl.silent, fl.asleep = false, false })
				fl.tells(zcl.ClusterPowerConfig, &zcl.ReportAttributes{Attributes: []zcl.Attribute{{ID: zcl.PowerBatteryPercentageRemaining, Value: zcl.Uint8(100)}}})
				time.Sleep(30 * time.Second)
				read := false
				for _, m := range w.r.since(n) {
					if m, ok := m.(*zcl.ReadAttributes); ok && len(m.Attributes) > 0 && m.Attributes[0] == zcl.LockAttrLockState {
						read = true
					}
				}
				if read != tt.again {
					t.Errorf("the bolt was read afterwards: %v", read)
				}
			})
		})
	}
}
