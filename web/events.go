package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/latchkeyd/latchkey/bridge"
)

const (
	eventPage    = 1000             // events in one JSON answer
	keepAlive    = 15 * time.Second // between comments on a silent stream
	streamStall  = 10 * time.Second // a reader that takes nothing for that long is let go
	historyBatch = 256
)

// events answers with a list if JSON is asked for, else with a stream that goes on (HTML Living Standard, 9.2).
func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	since := q.Get("since")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		since = last
	}
	after, from, err := s.sinceWhen(since)
	if err != nil {
		return err
	}
	keep := func(ev bridge.Event) bool {
		if _, heard := ev.Body.(bridge.Heard); heard {
			return false // signs of life are no news
		}
		return !ev.At.Before(from)
	}
	if lock := q.Get("lock"); lock != "" {
		v, err := s.cfg.Bridge.Find(lock)
		if err != nil {
			return err
		}
		all := keep
		keep = func(ev bridge.Event) bool { return all(ev) && ev.Lock == v.ID }
	}
	if strings.Contains(r.Header.Get("Accept"), "application/json") {
		limit := 0
		if l := q.Get("limit"); l != "" {
			if limit, err = strconv.Atoi(l); err != nil || limit < 1 || limit > eventPage {
				return badRequest("The limit is out of range.", "Use 1 to 1000.")
			}
		}
		return s.eventList(w, after, since == "", limit, keep)
	}
	return s.eventStream(w, r, after, keep)
}

// sinceWhen reads ?since= or Last-Event-ID: a number of an event, or a time. Nothing means: from now on.
func (s *Server) sinceWhen(since string) (after uint64, from time.Time, err error) {
	if since == "" {
		return s.cfg.Bridge.Snapshot().Seq, time.Time{}, nil
	}
	if n, err := strconv.ParseUint(since, 10, 64); err == nil {
		return n, time.Time{}, nil
	}
	if t, err := time.Parse(time.RFC3339, since); err == nil {
		return 0, t, nil
	}
	if d, err := time.ParseDuration(since); err == nil && d >= 0 {
		return 0, time.Now().Add(-d), nil
	}
	return 0, time.Time{}, badRequest("since is neither a number, a time, nor a duration.", "Use an event's number, a time like 2026-01-31T08:00:00Z, or a duration like 24h.")
}

// eventList answers with a page of events after a place in the journal, or with the last ones.
func (s *Server) eventList(w http.ResponseWriter, after uint64, last bool, limit int, keep func(bridge.Event) bool) error {
	if limit == 0 {
		limit = 100
		if !last {
			limit = eventPage
		}
	}
	end := s.cfg.Bridge.Snapshot().Seq
	if last { // far enough back to find limit of them, in most homes
		after = end - min(end, uint64(limit)*20)
	}
	out := []bridge.Event{}
	for after < end && (last || len(out) < limit) {
		evs, err := s.cfg.Bridge.History(after, historyBatch)
		if err != nil {
			return err
		}
		if len(evs) == 0 {
			break
		}
		for _, ev := range evs {
			after = max(after, ev.Seq)
			if keep(ev) && (last || len(out) < limit) {
				out = append(out, ev)
			}
		}
	}
	if last && len(out) > limit {
		out = out[len(out)-limit:]
	}
	return reply(w, http.StatusOK, out)
}

func (s *Server) eventStream(w http.ResponseWriter, r *http.Request, after uint64, keep func(bridge.Event) bool) error {
	select {
	case s.streams <- struct{}{}:
		defer func() { <-s.streams }()
	default:
		return problem(http.StatusServiceUnavailable, "too-many-streams", "Too many event streams are open", "", "Close one, or ask for a list with Accept: application/json.")
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() { // ends with this request
		select {
		case <-s.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	rd := s.cfg.Bridge.Follow(after)
	defer rd.Close()
	rc := http.NewResponseController(w)
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	if err := rc.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	write := func(format string, args ...any) bool {
		if rc.SetWriteDeadline(time.Now().Add(streamStall)) != nil {
			return false
		}
		if _, err := fmt.Fprintf(w, format, args...); err != nil {
			return false
		}
		return rc.Flush() == nil
	}
	if !write("retry: 2000\n\n") {
		return nil
	}
	for {
		wait, stop := context.WithTimeout(ctx, keepAlive)
		ev, err := rd.Next(wait)
		stop()
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil && wait.Err() != nil:
			if !write(": alive\n\n") {
				return nil
			}
		case err != nil:
			s.log.Warn("web: the journal cannot be followed", "err", err)
			return nil
		default:
			if _, lagged := ev.Body.(bridge.Lagged); !lagged && !keep(ev) {
				continue
			}
			b, err := json.Marshal(ev)
			if err != nil {
				s.log.Error("web: an event cannot be written", "err", err)
				continue
			}
			if !write("id: %d\nevent: %s\ndata: %s\n\n", ev.Seq, ev.Body.Kind(), b) {
				return nil
			}
		}
	}
}
