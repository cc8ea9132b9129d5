package doorlock

import (
	"context"
	"fmt"

	"github.com/latchkeyd/latchkey/bridge"
)

var _ bridge.Reconfigurer = (*lock)(nil)

// Reconfigure implements bridge.Reconfigurer: it binds the lock's clusters and configures its reports anew, which a lock forgets that was reset and stayed
// in the network. The lock takes both again without harm.
func (l *lock) Reconfigure(ctx context.Context) error {
	if err := l.bind(ctx); err != nil {
		return fmt.Errorf("doorlock: bind anew: %w", err)
	}
	if err := l.configure(ctx); err != nil {
		return fmt.Errorf("doorlock: configure reports anew: %w", err)
	}
	return nil
}
