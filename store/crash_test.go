package store

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// child is this test binary run again: it writes codes and says which of them it was promised.
func child(dir, mode string) {
	k, err := NewKey([]byte(strings.Repeat("\a", keySize)))
	if err != nil {
		panic(err)
	}
	s, err := Open(Config{Dir: dir, Key: k})
	if err != nil {
		fmt.Println("open:", err)
		os.Exit(3)
	}
	if mode == "full" {
		childFull(s)
		return
	}
	saved, err := s.Load()
	if err != nil {
		fmt.Println("load:", err)
		os.Exit(3)
	}
	n := saved.LastSeq
	for {
		n++
		p, err := bridge.NewPIN(fmt.Appendf(nil, "%08d", n))
		if err != nil {
			panic(err)
		}
		// One commit, several records: all or nothing.
		ch := bridge.Change{
			PutUsers: []bridge.User{{ID: bridge.UserID(n%50 + 1), Name: fmt.Sprint(n), PIN: p, Locks: []bridge.LockID{}}},
			PutSlots: []bridge.SavedSlot{{SlotKey: bridge.SlotKey{Lock: front, Slot: bridge.Slot(n % 50)}, Wanted: p, Since: time.Unix(int64(n), 0)}},
			Counters: map[string]uint64{"n": n},
			Append:   []bridge.Event{{Seq: n, At: time.Unix(int64(n), 0), Body: bridge.UserChanged{User: bridge.UserID(n%50 + 1), Name: fmt.Sprint(n), Change: "changed"}}},
		}
		if err := s.Commit(ch); err != nil {
			fmt.Println("commit:", err)
			os.Exit(3)
		}
		fmt.Println("ok", n)
	}
}

// childFull runs into a full disk: the limit on a file's size stands for it.
func childFull(s *Store) {
	signal.Ignore(syscall.SIGXFSZ)
	kv := s.KV("big")
	if err := kv.Put("before", []byte("kept")); err != nil {
		panic(err)
	}
	limit := syscall.Rlimit{Cur: uint64(s.Stats().Size), Max: syscall.RLIM_INFINITY & (1<<63 - 1)}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		panic(err)
	}
	limit.Max = old.Max
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		panic(err)
	}
	failed := 0
	for i := range 40 {
		if err := kv.Put("big"+strconv.Itoa(i), make([]byte, 1<<20)); err != nil {
			failed++
		} else if _, ok, err := kv.Get("big" + strconv.Itoa(i)); !ok || err != nil {
			fmt.Println("false success", i, err)
			os.Exit(3)
		}
	}
	if v, ok, err := kv.Get("before"); !ok || err != nil || string(v) != "kept" {
		fmt.Println("lost what was there before:", err)
		os.Exit(3)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		panic(err)
	}
	if err := kv.Put("after", []byte("works")); err != nil {
		fmt.Println("does not recover:", err)
		os.Exit(3)
	}
	fmt.Println("failed", failed, "errors", s.Stats().Errors)
	_ = s.Close()
}

func childCommand(t *testing.T, dir, mode string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^$")
	c.Env = append(os.Environ(), "STORE_TEST_CHILD="+dir, "STORE_TEST_MODE="+mode)
	return c
}

// TestStoreSurvivesKill kills the writer again and again: what was acknowledged is there, and no commit is half there.
// STORE_KILLS sets how often.
func TestStoreSurvivesKill(t *testing.T) {
	kills := 8
	if v, err := strconv.Atoi(os.Getenv("STORE_KILLS")); err == nil {
		kills = v
	}
	dir := t.TempDir()
	rnd := rand.New(rand.NewPCG(1, 2))
	acknowledged := uint64(0)
	for range kills {
		c := childCommand(t, dir, "")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		after := time.Duration(rnd.IntN(40)) * time.Millisecond
		lines := bufio.NewScanner(out)
		started := false
		for lines.Scan() {
			var n uint64
			if _, err := fmt.Sscanf(lines.Text(), "ok %d", &n); err != nil {
				t.Errorf("child: %s", lines.Text())
				continue
			}
			acknowledged = max(acknowledged, n)
			if !started {
				started = true
				time.AfterFunc(after, func() { _ = c.Process.Kill() })
			}
		}
		_ = c.Wait()
		s, err := Open(Config{Dir: dir, Key: testKey(t)})
		if err != nil {
			t.Fatal(err)
		}
		saved, err := s.Load()
		if err != nil || len(s.Quarantined()) > 0 || s.Stats().Restored {
			t.Fatal(err, s.Quarantined(), s.Stats())
		}
		n := saved.Counter["n"]
		if n < acknowledged || saved.LastSeq != n {
			t.Fatalf("acknowledged %d, stored %d, journal %d", acknowledged, n, saved.LastSeq)
		}
		newest := uint64(0)
		for i, u := range saved.Users {
			newest = max(newest, uint64(mustNumber(t, u.Name)))
			if !u.PIN.Equal(mustPIN(t, fmt.Sprintf("%08d", mustNumber(t, u.Name)))) {
				t.Errorf("user %d: another code than its name says", i)
			}
		}
		if newest != n {
			t.Errorf("newest user %d, counter %d: half a commit", newest, n)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if acknowledged == 0 {
		t.Error("nothing was ever written")
	}
}

func mustNumber(t *testing.T, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestStoreFullDisk(t *testing.T) {
	out, err := childCommand(t, t.TempDir(), "full").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var failed, counted int
	if _, err := fmt.Sscanf(string(out), "failed %d errors %d", &failed, &counted); err != nil || failed == 0 || counted != failed {
		t.Errorf("%v: %s", err, out)
	}
}

func TestStoreDirectoryThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir() + "/file"
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Config{Dir: dir, Key: testKey(t)}); err == nil {
		t.Error("opened in a file")
	}
	if _, err := LoadKey(dir, ""); err == nil || errors.Is(err, ErrKey) {
		t.Error(err)
	}
}
