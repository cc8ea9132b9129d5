package mdns

import (
	"context"
	"log/slog"
)

// Config says where to announce.
type Config struct {
	Interfaces []string // names, empty for all
	Logger     *slog.Logger
}

// Responder announces services.
type Responder struct{ cfg Config }

// New returns a responder; nothing starts before Run.
func New(cfg Config) *Responder { return &Responder{cfg: cfg} }

func (r *Responder) Run(ctx context.Context) error { <-ctx.Done(); return nil }
func (r *Responder) Publish(s Service)             {}
func (r *Responder) Withdraw(key string)           {}
func (r *Responder) Seen(key string) bool          { return false }
