package metrics

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/latchkeyd/latchkey/bridge"
)

// Exporter keeps the metrics. Make it with New, and let Run follow the journal.
type Exporter struct {
	cfg Config
	log *slog.Logger
	reg *prometheus.Registry

	operations, invalid, alarms, commands, retries, resets *prometheus.CounterVec // by lock
	joins, authFailures, requests                          *prometheus.CounterVec
	stage, step                                            *prometheus.HistogramVec
	commit                                                 prometheus.Histogram

	mu     sync.Mutex
	slugs  map[bridge.LockID]string    // locks whose series exist
	synced map[string]time.Time        // by slug: last code seen in sync
	steps  map[bridge.LockID]resetStep // the stage under way
	ready  chan struct{}

	open map[bridge.LockID]movement // Run's own
}

type resetStep struct {
	label string
	since time.Time
}

// New registers every metric and nothing else.
func New(cfg Config) *Exporter {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	e := &Exporter{
		cfg: cfg, log: cfg.Logger, reg: prometheus.NewRegistry(),
		slugs: map[bridge.LockID]string{}, synced: map[string]time.Time{}, steps: map[bridge.LockID]resetStep{},
		ready: make(chan struct{}), open: map[bridge.LockID]movement{},
	}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		v := prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
		e.reg.MustRegister(v)
		return v
	}
	e.operations = counter("lock_operations_total", "Movements that the lock reported, by what moved it.", "lock", "action", "source")
	e.invalid = counter("lock_invalid_code_total", "Entries that the lock refused: wrong code, outside its schedule, disabled.", "lock")
	e.alarms = counter("lock_alarms_total", "Alarms that the lock raised.", "lock", "alarm")
	e.commands = counter("commands_total", "Commands of people that ended, by result.", "lock", "command", "result")
	e.retries = counter("command_retries_total", "Further attempts to deliver a command before it was answered.", "lock", "reason")
	e.resets = counter("resets_total", "Factory resets that ended, by result.", "lock", "result")
	e.joins = counter("joins_total", "Devices that joined or tried to.", "result")
	e.authFailures = counter("api_auth_failures_total", "API requests refused for lack of rights.", "reason")
	e.requests = counter("api_requests_total", "API requests by route and class of status.", "route", "code")
	e.stage = prometheus.NewHistogramVec(native(prometheus.HistogramOpts{
		Name: prefix + "command_stage_duration_seconds", Buckets: boltBuckets,
		Help: "Time that a bolt command spent in each stage: queue until handed to the radio, serial until its bytes were written to the dongle, radio until delivered, ack until the lock's answer, report until its bolt's report, total.",
	}), []string{"command", "stage"})
	e.step = prometheus.NewHistogramVec(native(prometheus.HistogramOpts{
		Name: prefix + "reset_step_duration_seconds", Buckets: stepBuckets, Help: "Time that a factory reset spent in each step.",
	}), []string{"step"})
	e.commit = prometheus.NewHistogram(native(prometheus.HistogramOpts{
		Name: prefix + "store_commit_duration_seconds", Buckets: commitBuckets, Help: "Time until a change of the state was durable.",
	}))
	e.reg.MustRegister(e.stage, e.step, e.commit, e)
	if cfg.Runtime {
		e.reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	}
	e.initFixed()
	return e
}

// native adds native histogram buckets of about 10 % to the classic ones; scrapers that know them negotiate them.
func native(o prometheus.HistogramOpts) prometheus.HistogramOpts {
	o.NativeHistogramBucketFactor = 1.1
	o.NativeHistogramMaxBucketNumber = 100
	o.NativeHistogramMinResetDuration = time.Hour
	return o
}

func (e *Exporter) initFixed() {
	for _, c := range actions {
		for _, s := range stages {
			e.stage.WithLabelValues(c, s)
		}
	}
	for _, s := range resetSteps[1:] {
		e.step.WithLabelValues(s)
	}
	for _, r := range joinEnds {
		e.joins.WithLabelValues(r)
	}
	for _, r := range authWoes {
		e.authFailures.WithLabelValues(r)
	}
}

// adopt makes a lock's series. The caller holds e.mu.
func (e *Exporter) adopt(id bridge.LockID, slug string) {
	if e.slugs[id] != "" || slug == "" {
		return
	}
	e.slugs[id] = slug
	for _, a := range actions {
		for _, s := range sources {
			e.operations.WithLabelValues(slug, a, s)
		}
		for _, r := range results {
			e.commands.WithLabelValues(slug, a, r)
		}
	}
	for _, c := range []string{"code", "reset"} {
		for _, r := range ends {
			e.commands.WithLabelValues(slug, c, r)
		}
	}
	for _, a := range alarms {
		e.alarms.WithLabelValues(slug, a)
	}
	for _, r := range resetEnds {
		e.resets.WithLabelValues(slug, r)
	}
	e.invalid.WithLabelValues(slug)
	e.retries.WithLabelValues(slug, "no_answer")
}

// drop removes a forgotten lock's series. The caller holds e.mu.
func (e *Exporter) drop(id bridge.LockID) {
	slug := e.slugs[id]
	if slug == "" {
		return
	}
	delete(e.slugs, id)
	delete(e.synced, slug)
	delete(e.steps, id)
	of := prometheus.Labels{"lock": slug}
	for _, v := range []*prometheus.CounterVec{e.operations, e.invalid, e.alarms, e.commands, e.retries, e.resets} {
		v.DeletePartialMatch(of)
	}
}

// Ready is closed once the journal is being followed.
func (e *Exporter) Ready() <-chan struct{} { return e.ready }

func (e *Exporter) String() string { return "metrics" }

// Run follows the journal until ctx ends.
func (e *Exporter) Run(ctx context.Context) error {
	snap := e.sync()
	r := e.cfg.Bridge.Follow(snap.Seq)
	defer r.Close()
	close(e.ready)
	defer func() {
		for id := range e.open {
			e.count(id, bridge.SourceUnknown)
		}
	}()
	for {
		ev, err := e.next(ctx, r)
		switch {
		case err == nil:
			e.take(ev)
		case ctx.Err() != nil:
			return nil
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		}
	}
}

// next gives the next event, or context.DeadlineExceeded when a movement is to be counted without one.
func (e *Exporter) next(ctx context.Context, r bridge.Reader) (bridge.Event, error) {
	if due := e.countDue(time.Now()); !due.IsZero() {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, due)
		defer cancel()
	}
	return r.Next(ctx)
}

// sync takes the locks from a snapshot.
func (e *Exporter) sync() bridge.Snapshot {
	snap := e.cfg.Bridge.Snapshot()
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range snap.Locks {
		e.adopt(snap.Locks[i].ID, snap.Locks[i].Slug)
	}
	return snap
}

// Registry gathers the metrics.
func (e *Exporter) Registry() prometheus.Gatherer { return e.reg }

// Handler serves the metrics, in the format that the scraper asks for.
func (e *Exporter) Handler() http.Handler {
	return promhttp.HandlerFor(e.reg, promhttp.HandlerOpts{
		EnableOpenMetrics: true, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(e.log.Handler(), slog.LevelWarn), ErrorHandling: promhttp.ContinueOnError,
	})
}

// Request counts one API request. route is a pattern, never a path.
func (e *Exporter) Request(route string, status int) {
	e.requests.WithLabelValues(route, codeLabel(status)).Inc()
}

// AuthFailure counts a request refused for lack of rights.
func (e *Exporter) AuthFailure(reason string) {
	for _, known := range authWoes {
		if reason == known {
			e.authFailures.WithLabelValues(reason).Inc()
			return
		}
	}
	e.authFailures.WithLabelValues("bad_token").Inc()
}

// Committed observes how long a change of the state took to be durable.
func (e *Exporter) Committed(d time.Duration) { e.commit.Observe(d.Seconds()) }

// Routes makes the series of the API's routes.
func (e *Exporter) Routes(patterns []string) {
	for _, p := range patterns {
		for _, c := range codeKinds {
			if c != "3xx" {
				e.requests.WithLabelValues(p, c)
			}
		}
	}
}
