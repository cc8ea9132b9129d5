package store

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/bridge/bridgetest"
)

// TestBridgeOnStore runs a bridge on a real file: what it acknowledged is there after a restart, and the file shows no digits.
func TestBridgeOnStore(t *testing.T) {
	const digits = "83527194"
	dir := t.TempDir()
	var log bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l := bridgetest.NewLock(front)
	d := bridgetest.NewDriver(l)
	session := func(f func(ctx context.Context, b *bridge.Bridge)) {
		s, err := Open(Config{Dir: dir, Key: testKey(t), Logger: logger})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		b, err := bridge.New(bridge.Config{Logger: logger}, d, s)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		done := make(chan error, 1)
		go func() { done <- b.Run(ctx) }()
		<-b.Ready()
		f(ctx, b)
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var ada bridge.UserID
	var seq uint64
	session(func(ctx context.Context, b *bridge.Bridge) {
		var err error
		if ada, err = b.AddUser(ctx, bridge.Cause{Source: bridge.SourceAPI}, bridge.User{Name: "Ada", AllLocks: true, PIN: mustPIN(t, digits)}); err != nil {
			t.Fatal(err)
		}
		if c, err := b.WaitSync(ctx, front, ada); err != nil || c.State != bridge.CodeInSync {
			t.Fatalf("%+v %v", c, err)
		}
		seq = b.Snapshot().Seq
	})
	session(func(ctx context.Context, b *bridge.Bridge) {
		if c, err := b.WaitSync(ctx, front, ada); err != nil || c.State != bridge.CodeInSync || c.Name != "Ada" {
			t.Errorf("%+v %v", c, err)
		}
		if p, err := b.Reveal(front, ada); err != nil || !p.Equal(mustPIN(t, digits)) {
			t.Error(err)
		}
		evs, err := b.History(0, 1000)
		if err != nil || len(evs) == 0 || b.Snapshot().Seq < seq {
			t.Error(len(evs), err)
		}
	})
	file, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte(digits)) || bytes.Contains(log.Bytes(), []byte(digits)) {
		t.Error("digits in the file or the log")
	}
}
