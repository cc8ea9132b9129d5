package bridge

// Note puts a fact of a front-end in the journal, such as PairingChanged. It changes nothing else. What is said of the bolt comes from drivers alone, and
// is not taken here.
func (b *Bridge) Note(ev Event) {
	switch ev.Body.(type) {
	case nil, BoltMoved, BoltRead, Lagged:
		return
	}
	ev.Seq = 0
	b.mu.Lock()
	defer b.mu.Unlock()
	b.publish(ev)
}
