package canary

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/journeys/house"
	"github.com/latchkeyd/latchkey/lockfw"
)

// resets: one by hands over the API, one by radio on the command line, at the same time; people's codes and a stranger's come back.
func (w *world) resets() {
	w.t.Helper()
	var plan bridge.ResetPlan
	if err := json.Unmarshal(w.api(200, "POST", "/api/v1/locks/Door%206/reset", `{"method":"hands"}`), &plan); err != nil {
		w.t.Fatal(err)
	}
	w.api(202, "POST", "/api/v1/locks/Door%206/reset/confirm", fmt.Sprintf(`{"plan":%q,"name":"Door 6"}`, plan.Hash))
	w.cli(0, "", "reset", "Door 1", "--method", "clear-codes", "--plan")
	var watched sync.WaitGroup
	watched.Go(func() { w.cli(0, "", "reset", "Door 1", "--method", "clear-codes", "--confirm", "Door 1", "--json") })
	at := map[*lockfw.Lock]*visitor{w.yale: {w: w, lock: w.yale}, w.kwikset: {w: w, lock: w.kwikset}}
	w.eventually("both resets to be done", func() bool {
		done := 0
		for _, v := range at {
			if v.act() {
				done++
			}
		}
		return done == len(at)
	})
	watched.Wait()
	w.synced("Anna", w.yale, w.kwikset)
	w.enters("Anna", w.kwikset)
}

// visitor is the person at the door during a reset, who answers by the API.
type visitor struct {
	w    *world
	lock *lockfw.Lock
	done map[string]bool
}

// act does what the present step asks. It tells whether the reset is done.
func (v *visitor) act() bool {
	t := v.w.t
	t.Helper()
	st, err := v.w.home.Bridge().ResetStatus(house.ID(v.lock))
	if err != nil {
		t.Fatal(err)
	}
	switch st.Stage {
	case bridge.ResetDone:
		return true
	case bridge.ResetStuck, bridge.ResetCancelled:
		t.Fatalf("%s: the reset is %s: %s; %s", v.lock.Name(), st.Stage, st.Why, st.Next)
	case bridge.ResetRejoining:
		if !v.lock.Joined() && v.once("join") {
			v.lock.PressJoin()
		}
	}
	if st.Step == nil || !v.once(st.Step.ID+st.Since.String()) {
		return false
	}
	answer := "done"
	switch id := st.Step.ID; {
	case strings.HasPrefix(id, "hand-"):
		if st.StepNo == st.Steps {
			<-v.lock.ResetByHand()
		}
	case id == "master":
		v.w.disk() // while the codes that were captured are kept
		if v.lock.SetMaster(v.lock.Family().Defaults.Master, v.w.next(8)) == nil {
			time.Sleep(100 * time.Millisecond) // the lock speaks before the person does
		}
	case id == "others":
		answer = "restore"
	case id == "default-tried":
		answer = "refused"
	case id == "test-motor":
		answer = "go"
	case id == "test-keypad":
		answer = "worked"
		if v.lock == v.w.kwikset && v.once("mistyped") {
			_ = v.lock.Keypad(v.w.next(8)) // mistyped first
		}
		for _, u := range v.w.home.Bridge().Users() {
			if strings.Contains(st.Step.Text, u.Name) {
				_ = v.lock.Keypad(v.w.code(u.Name, v.lock))
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	body := fmt.Sprintf(`{"step":%q,"answer":{"answer":%q}}`, st.Step.ID, answer)
	v.w.api(0, "POST", "/api/v1/locks/"+string(house.ID(v.lock))+"/reset/ack", body)
	v.w.api(200, "GET", "/api/v1/locks/"+string(house.ID(v.lock))+"/reset", "")
	return false
}

func (v *visitor) once(what string) bool {
	if v.done == nil {
		v.done = map[string]bool{}
	}
	before := v.done[what]
	v.done[what] = true
	return !before
}
