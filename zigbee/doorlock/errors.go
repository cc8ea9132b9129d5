package doorlock

import (
	"context"
	"errors"
	"fmt"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// Errors that only this package's own workings see.
var (
	errNoEndpoint = errors.New("the interview is not complete yet")
	errForgotten  = errors.New("the lock was forgotten")
	errOvertaken  = errors.New("a person's command goes first")
)

// consequence puts a radio's error into the domain's words, keeping the radio's.
func consequence(err error) error {
	var kind error
	switch {
	case err == nil:
		return nil
	case errors.Is(err, zigbee.ErrDown): // whatever had become of it before
		kind = bridge.ErrDown
	case errors.Is(err, zigbee.ErrAsleep):
		kind = bridge.ErrAsleep
	case errors.Is(err, zigbee.ErrUnsupported):
		kind = bridge.ErrUnsupported
	case errors.Is(err, zigbee.ErrRefused):
		kind = bridge.ErrRejected
	default:
		kind = bridge.ErrUnreachable
	}
	return fmt.Errorf("%w: %w", kind, err)
}

// refusal puts a status of the lock into the domain's words.
func refusal(s zcl.Status) error {
	var kind error
	switch {
	case s.OK():
		return nil
	case s == zcl.StatusDuplicateExists:
		kind = bridge.ErrDuplicate
	case s == zcl.StatusInsufficientSpace:
		kind = bridge.ErrMemoryFull
	case s == zcl.StatusNotAuthorized:
		kind = bridge.ErrNeedsPIN
	case s.Unsupported():
		kind = bridge.ErrUnsupported
	default:
		kind = bridge.ErrRejected
	}
	return fmt.Errorf("%w: %w", kind, zcl.StatusError{Status: s})
}

// ended says that a context ended before anything arrived at the lock: nothing was carried out, and nothing will be. The context's own error is left out,
// because it says less.
func ended(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), bridge.ErrSuperseded) {
		return bridge.ErrSuperseded
	}
	return bridge.ErrAsleep
}

// unanswered says that a context ended after something was sent.
func unanswered(ctx context.Context) error {
	return fmt.Errorf("%w: %w", bridge.ErrUnreachable, ctx.Err())
}
