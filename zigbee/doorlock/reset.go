package doorlock

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/latchkeyd/latchkey/bridge"
	"github.com/latchkeyd/latchkey/zigbee/zcl"
)

// Reset implements bridge.Lock. Nil means that the lock said yes, no more: some say yes and erase nothing.
func (l *lock) Reset(ctx context.Context, way bridge.ResetWay) error {
	if err := l.reset(ctx, way); err != nil {
		return fmt.Errorf("doorlock: reset by %s: %w", way, err)
	}
	return nil
}

func (l *lock) reset(ctx context.Context, way bridge.ResetWay) error {
	if way == bridge.ResetHands {
		return bridge.ErrNeedsHands
	}
	if !slices.Contains(l.Info().Traits.RemoteResets, way) {
		return fmt.Errorf("%w: no source says what it would do on this model", bridge.ErrUnsupported)
	}
	var err error
	switch way {
	case bridge.ResetClearCodes:
		m := &zcl.ClearAllPINCodes{}
		err = l.passed(l.transact(ctx, &request{cluster: zcl.ClusterDoorLock, prio: command, once: true, msg: m, answers: sameCommand(m)}))
	case bridge.ResetBasic:
		_, err = l.transact(ctx, &request{cluster: zcl.ClusterBasic, prio: command, once: true, wantDefault: true, msg: &zcl.ResetToFactoryDefaults{}})
	case bridge.ResetLeave:
		if e := l.d.radio.Evict(ctx, l.id); e != nil {
			err = consequence(e)
		}
	default:
		err = bridge.ErrUnsupported
	}
	if errors.Is(err, bridge.ErrUnsupported) {
		l.noReset(way)
	}
	return err
}

// noReset forgets a way that the lock does not have after all.
func (l *lock) noReset(way bridge.ResetWay) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ways := slices.DeleteFunc(slices.Clone(l.info.Traits.RemoteResets), func(w bridge.ResetWay) bool { return w == way })
	if len(ways) != len(l.info.Traits.RemoteResets) {
		l.info.Traits.RemoteResets = ways
		l.learned()
	}
}
