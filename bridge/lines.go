package bridge

import (
	"slices"
	"strings"
)

// counterTold and a lock's id name the counter of the reset's entries that stand in the journal.
const counterTold = "reset.told."

// resetLines are a workflow's entries for the journal on their way there. An entry is durable in the workflow's record first, together with what it tells of, and
// goes into the journal with the next flush, which counts it in the same commit: whenever the process dies, the entry stands in the journal once. The bridge's
// mu guards it.
type resetLines struct {
	no   uint64  // of the last one ever told
	open []Event // told, and not durable in the journal
}

// with gives what a record has to keep when evs are told too.
func (l resetLines) with(evs []Event) (open []Event, no uint64) {
	return append(slices.Clip(l.open), evs...), l.no + uint64(len(evs))
}

// loadLines tells what the last run made durable with a workflow and had no time to tell. The caller is New.
func (b *Bridge) loadLines(saved []SavedReset) {
	for name, no := range b.counters {
		if id, ok := strings.CutPrefix(name, counterTold); ok {
			b.lines[LockID(id)] = resetLines{no: no}
		}
	}
	for _, s := range saved {
		told := b.lines[s.Lock].no
		if s.LineNo <= told {
			continue
		}
		evs := s.Lines[max(len(s.Lines)-int(s.LineNo-told), 0):]
		b.lines[s.Lock] = resetLines{no: s.LineNo, open: slices.Clone(evs)}
		b.publish(evs...)
	}
}

// countLines counts, in the commit that makes the journal durable, the entries that are in it. The caller holds b.mu.
func (b *Bridge) countLines(ch *Change) {
	for id, l := range b.lines {
		if len(l.open) > 0 {
			ch.Counters[counterTold+string(id)] = l.no
		}
	}
}

// linesDone forgets the entries that stand in the journal. The caller holds b.mu.
func (b *Bridge) linesDone(counted map[string]uint64) {
	for id, l := range b.lines {
		if n, ok := counted[counterTold+string(id)]; ok {
			l.open = slices.Clone(l.open[len(l.open)-int(l.no-n):])
			b.lines[id] = l
		}
	}
}
