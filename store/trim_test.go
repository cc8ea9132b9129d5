package store

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// resident is how much of the file's mapping is in this process's memory, in bytes (proc_pid_smaps(5)).
func resident(t *testing.T, path string) int {
	t.Helper()
	f, err := os.Open("/proc/self/smaps")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	sum, ours, seen := 0, false, false
	for sc := bufio.NewScanner(f); sc.Scan(); {
		l := sc.Text()
		if strings.Contains(strings.Fields(l)[0], "-") {
			ours = strings.HasSuffix(l, path)
			seen = seen || ours
		}
		var kb int
		if n, _ := fmt.Sscanf(l, "Rss: %d kB", &kb); n == 1 && ours {
			sum += kb << 10
		}
	}
	if !seen {
		t.Fatalf("%s is not mapped", path)
	}
	return sum
}

func TestTrimLetsGoOfMemoryAndLosesNothing(t *testing.T) {
	s := open(t, t.TempDir())
	kv := s.KV("trim")
	const records, each = 500, 4000
	value := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, each) }
	for i := range records {
		if err := kv.Put(fmt.Sprint(i), value(i)); err != nil {
			t.Fatal(err)
		}
	}
	look := func() {
		t.Helper()
		for i := range records {
			got, ok, err := kv.Get(fmt.Sprint(i))
			if err != nil || !ok || !bytes.Equal(got, value(i)) {
				t.Fatalf("record %d: %v", i, err)
			}
		}
	}
	look()
	before := resident(t, s.path)
	if before < records*each/2 {
		t.Fatalf("only %d bytes are resident: this test shows nothing", before)
	}
	if err := s.Trim(); err != nil {
		t.Fatal(err)
	}
	if after := resident(t, s.path); after > before/10 {
		t.Errorf("%d bytes are resident, of %d before", after, before)
	}
	look()
	if err := kv.Put("one more", value(1)); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Trim(); err == nil {
		t.Error("a closed store was trimmed")
	}
}

func TestTrimEndsWithItsContext(t *testing.T) {
	s := open(t, t.TempDir())
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := s.Run(ctx); err != nil {
		t.Error(err)
	}
}
