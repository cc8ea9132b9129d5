package doorlock

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// TestNonsenseEndsTheQuestion: an answer that cannot be read, or speaks of another slot, is told at once as that, and holds up nobody.
func TestNonsenseEndsTheQuestion(t *testing.T) {
	for name, spoil := range map[string]func(payload []byte) []byte{
		"cut off":      func(b []byte) []byte { return b[:5] },
		"too long":     func(b []byte) []byte { b[7] += 40; return b },
		"another slot": func(b []byte) []byte { b[3] = 77; return b },
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(w *world) {
				fl, l := w.joined("Yale", "YRD256 TSDB", 1)
				fl.set(func() {
					fl.handle = func(f zigbee.Frame, h zcl.Header, m zcl.Message) (zcl.Message, bool) {
						g, ok := m.(*zcl.GetPINCode)
						if ok {
							b := zcl.Append(nil, h.Reply(), &zcl.GetPINCodeResponse{User: g.User, Status: zcl.UserEnabled, PIN: zcl.PIN("0071")})
							time.AfterFunc(time.Millisecond, func() { fl.say(f.Cluster, spoil(b)) })
						}
						return nil, ok
					}
				})
				began := time.Now()
				if c, err := l.ReadSlot(deadline(w, time.Minute), 5); !errors.Is(err, bridge.ErrNonsense) || !c.PIN.IsZero() {
					t.Errorf("%v %v", c.State, err)
				}
				if took := time.Since(began); took > time.Second {
					t.Errorf("the next one waits for %v", took)
				}
			})
		})
	}
}

// TestACommandOvertakesAnUnansweredQuestion: a lock that leaves a question unanswered still gets a person's command before the question is asked again.
func TestACommandOvertakesAnUnansweredQuestion(t *testing.T) {
	inBubble(t, func(w *world) {
		fl, l := w.joined("Yale", "YRD256 TSDB", 1)
		fl.set(func() {
			fl.handle = func(_ zigbee.Frame, _ zcl.Header, m zcl.Message) (zcl.Message, bool) {
				_, ok := m.(*zcl.GetPINCode)
				return nil, ok
			}
		})
		asked := make(chan error, 1)
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			_, err := l.ReadSlot(ctx, 5)
			asked <- err
		}()
		time.Sleep(time.Second)
		began := time.Now()
		if err := l.Actuate(deadline(w, 10*time.Second), bridge.Action{Kind: bridge.ActUnlock}); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("the door opened after %v", took)
		}
		cancel()
		<-asked
	})
}
