package metrics

import (
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

// take counts one event of the journal.
func (e *Exporter) take(ev bridge.Event) {
	switch b := ev.Body.(type) {
	case bridge.StrangerRefused:
		e.joins.WithLabelValues("refused").Inc()
		return
	case bridge.InterviewFailed:
		e.joins.WithLabelValues("interview_failed").Inc()
		return
	case bridge.LockForgotten:
		delete(e.open, ev.Lock)
		e.mu.Lock()
		e.drop(ev.Lock)
		e.mu.Unlock()
		return
	case bridge.Lagged:
		e.log.Warn("metrics: fell behind the journal, counters lack events", "missed", b.Missed)
		e.sync()
		return
	}
	if ev.Lock == "" {
		return
	}
	slug := e.slug(ev.Lock)
	if slug == "" {
		return
	}
	switch b := ev.Body.(type) {
	case bridge.LockJoined:
		e.joins.WithLabelValues("joined").Inc()
	case bridge.LockReady:
		e.joins.WithLabelValues("ready").Inc()
	case bridge.BoltMoved:
		e.moved(ev, slug, b.To)
	case bridge.BoltRead:
		e.explained(ev, b.Bolt)
	case bridge.EntryRefused:
		e.invalid.WithLabelValues(slug).Inc()
	case bridge.Alarmed:
		if a := alarmLabel(b.Alarm); a != "" {
			e.alarms.WithLabelValues(slug, a).Inc()
		}
	case bridge.ResetNoticed:
		if !containsAlarm(b.Signs) {
			e.alarms.WithLabelValues(slug, "factory_reset").Inc()
		}
	case bridge.CommandFinished:
		e.finished(slug, b)
	case bridge.CodeMoved:
		if b.State == bridge.CodeInSync {
			e.mu.Lock()
			e.synced[slug] = ev.At
			e.mu.Unlock()
		}
	case bridge.ResetMoved:
		e.resetMoved(ev, slug, b)
	}
}

// containsAlarm: a reset that the lock's own alarm told of is counted with that alarm.
func containsAlarm(signs []string) bool {
	for _, s := range signs {
		if s == "alarm" {
			return true
		}
	}
	return false
}

// slug is the label of a lock, "" if it is not of this home.
func (e *Exporter) slug(id bridge.LockID) string {
	e.mu.Lock()
	s := e.slugs[id]
	e.mu.Unlock()
	if s != "" {
		return s
	}
	e.sync()
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.slugs[id]
}

func (e *Exporter) finished(slug string, f bridge.CommandFinished) {
	command, result := commandLabels(f)
	e.commands.WithLabelValues(slug, command, result).Inc()
	if f.Retries > 0 {
		e.retries.WithLabelValues(slug, "no_answer").Add(float64(f.Retries))
	}
	if command != "lock" && command != "unlock" {
		return
	}
	before := time.Duration(0)
	for _, s := range []struct {
		at    bridge.Stage
		label string
	}{{bridge.StageSent, "queue"}, {bridge.StageWritten, "serial"}, {bridge.StageDelivered, "radio"}, {bridge.StageAccepted, "ack"}, {bridge.StageMoved, "report"}} {
		if d, ok := f.Durations[s.at]; ok {
			e.stage.WithLabelValues(command, s.label).Observe(max(d-before, 0).Seconds())
			before = d
		}
	}
	if d, ok := f.Durations[bridge.StageMoved]; ok {
		e.stage.WithLabelValues(command, "total").Observe(d.Seconds())
	}
}

func (e *Exporter) resetMoved(ev bridge.Event, slug string, b bridge.ResetMoved) {
	label := resetLabel(b.Stage)
	e.mu.Lock()
	last, ok := e.steps[ev.Lock]
	e.steps[ev.Lock] = resetStep{label, ev.At}
	e.mu.Unlock()
	if ok && last.label != label && last.label != "idle" {
		e.step.WithLabelValues(last.label).Observe(max(ev.At.Sub(last.since), 0).Seconds())
	}
	switch bridge.ResetStage(b.Stage) {
	case bridge.ResetDone:
		e.resets.WithLabelValues(slug, "done").Inc()
	case bridge.ResetCancelled:
		e.resets.WithLabelValues(slug, "cancelled").Inc()
	}
}
