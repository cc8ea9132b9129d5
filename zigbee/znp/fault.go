package znp

import "errors"

// Fault is an error that a person can do something about. Its text is a sentence that says what is wrong and what to do.
type Fault struct {
	Sentence string
	Fatal    bool // waiting and trying again cannot mend it
	Err      error
}

// Error returns the sentence.
func (f *Fault) Error() string { return f.Sentence }

// Unwrap returns the cause, which may be nil.
func (f *Fault) Unwrap() error { return f.Err }

// fatal says whether err carries a Fault that waiting cannot mend.
func fatal(err error) bool {
	var f *Fault
	return errors.As(err, &f) && f.Fatal
}

// sentence returns what to show a person about err.
func sentence(err error) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Sentence
	}
	return "The Zigbee dongle stopped working (" + err.Error() + "). It is being opened again; if this goes on, unplug it and plug it in again."
}
