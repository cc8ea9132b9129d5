package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// task is a part of the daemon. Run works until ctx ends and joins its goroutines; Ready is closed once it does what it is for.
type task interface {
	Run(ctx context.Context) error
	Ready() <-chan struct{}
	String() string
}

// runTasks runs all until ctx ends or one fails; then the others are told to end, and all are waited for. ready is called once, when every task is ready.
func runTasks(ctx context.Context, log *slog.Logger, tasks []task, ready func()) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, t := range tasks {
		g.Go(func() error {
			start := time.Now()
			err := t.Run(ctx)
			switch {
			case err != nil && ctx.Err() == nil:
				return fmt.Errorf("%v: %w", t, err)
			case err == nil && ctx.Err() == nil:
				return fmt.Errorf("%v: %w", t, errEnded)
			}
			log.Debug("task ended", "task", t.String(), "ran", time.Since(start).Round(time.Millisecond))
			return nil
		})
	}
	g.Go(func() error {
		for _, t := range tasks {
			select {
			case <-t.Ready():
			case <-ctx.Done():
				return nil
			}
		}
		ready()
		return nil
	})
	return g.Wait()
}

// worker makes a task of a function that is ready at once.
type worker struct {
	name string
	run  func(ctx context.Context) error
	once sync.Once
	ch   chan struct{}
}

func newWorker(name string, run func(ctx context.Context) error) *worker {
	return &worker{name: name, run: run, ch: make(chan struct{})}
}

func (w *worker) String() string         { return w.name }
func (w *worker) Ready() <-chan struct{} { return w.ch }

func (w *worker) Run(ctx context.Context) error {
	w.once.Do(func() { close(w.ch) })
	return w.run(ctx)
}

var errEnded = errors.New("ended by itself")
