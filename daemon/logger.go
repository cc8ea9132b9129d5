package daemon

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"strconv"
	"sync"

	"golang.org/x/term"

	"github.com/latchkeyd/latchkey/configs"
)

// NewLogger makes the logger that the configuration asks for. The level can be changed while it is in use.
func NewLogger(w io.Writer, c configs.Log) (*slog.Logger, *slog.LevelVar) {
	level := new(slog.LevelVar)
	level.Set(parseLevel(c.Level))
	format := c.Format
	if format == configs.Auto {
		format = "text"
		if os.Getenv("JOURNAL_STREAM") != "" && !terminal(w) {
			format = "journald"
		}
	}
	opts := &slog.HandlerOptions{Level: level}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, opts)), level
	case "journald":
		return slog.New(newJournald(w, level)), level
	}
	return slog.New(slog.NewTextHandler(w, opts)), level
}

func parseLevel(s string) slog.Level {
	var l slog.Level
	if l.UnmarshalText([]byte(s)) != nil {
		return slog.LevelInfo
	}
	return l
}

func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// journald writes one line a record with the priority before it (sd-daemon(3), SD_ERR and others). Time and level are journald's own.
type journald struct {
	mu  *sync.Mutex
	buf *bytes.Buffer
	in  slog.Handler
	out io.Writer
}

func newJournald(w io.Writer, level slog.Leveler) *journald {
	buf := new(bytes.Buffer)
	in := slog.NewTextHandler(buf, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && (a.Key == slog.TimeKey || a.Key == slog.LevelKey) {
			return slog.Attr{}
		}
		return a
	}})
	return &journald{new(sync.Mutex), buf, in, w}
}

func (j *journald) Enabled(ctx context.Context, l slog.Level) bool { return j.in.Enabled(ctx, l) }

func (j *journald) WithAttrs(a []slog.Attr) slog.Handler {
	return &journald{j.mu, j.buf, j.in.WithAttrs(a), j.out}
}

func (j *journald) WithGroup(name string) slog.Handler {
	return &journald{j.mu, j.buf, j.in.WithGroup(name), j.out}
}

func (j *journald) Handle(ctx context.Context, r slog.Record) error {
	priority := 6
	switch {
	case r.Level >= slog.LevelError:
		priority = 3
	case r.Level >= slog.LevelWarn:
		priority = 4
	case r.Level < slog.LevelInfo:
		priority = 7
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.buf.Reset()
	j.buf.WriteString("<" + strconv.Itoa(priority) + ">")
	if err := j.in.Handle(ctx, r); err != nil {
		return err
	}
	_, err := j.out.Write(j.buf.Bytes())
	return err
}
