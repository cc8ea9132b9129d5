package bridge

// letsRemove tells whether codes that should be gone are removed from a lock although its codes are held. They are while a reset that nobody asked for waits for
// a person's word or for the lock to be heard, and while a workflow that may have erased the lock is stuck: a removal is safe on a lock that was reset and needed on one that was not; as
// evidence such a slot does not count (lookAt). They are not while the workflow itself works on the lock; what should be gone then goes before anything is restored.
func (r *resets) letsRemove(id LockID) bool {
	r.mu.Lock()
	w, looking := r.flows[id], r.looks[id] != nil && !r.looks[id].waiting
	r.mu.Unlock()
	return !looking && (w == nil || w.waitsForPerson())
}

// waitsForPerson tells that nothing happens on the lock until a person says so.
func (w *resetFlow) waitsForPerson() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch w.rec.Stage {
	case ResetSecuring:
		return w.rec.Unasked && !w.rec.Offered
	case ResetStuck:
		switch w.rec.StuckAt {
		case ResetErasing, ResetWaiting, ResetRejoining, ResetSecuring, ResetRestoring, ResetTesting:
			return true
		}
	}
	return false
}
