package bridge

import "fmt"

// The enumerations are written as words in JSON, so that the journal and the API read the same and numbers can be added.

func textOf[T ~uint8](v T, words []string, what string) ([]byte, error) {
	if int(v) >= len(words) {
		return nil, fmt.Errorf("bridge: %s %d is not known", what, uint8(v))
	}
	return []byte(words[v]), nil
}

func textTo[T ~uint8](v *T, b []byte, words []string, what string) error {
	for i, w := range words {
		if w == string(b) {
			*v = T(i)
			return nil
		}
	}
	return fmt.Errorf("bridge: %s %.32q is not known", what, b)
}

var (
	boltWords       = []string{"unknown", "locked", "unlocked", "partial", "jammed"}
	doorWords       = []string{"unknown", "closed", "open", "jammed", "forced open", "error"}
	stageWords      = []string{"none", "queued", "sent", "written", "delivered", "accepted", "moved"}
	actionWords     = []string{"unknown", "lock", "unlock"}
	credentialWords = []string{"unknown", "empty", "unreadable", "known"}
	remoteWords     = []string{"full", "unlock only", "none"}
	readBackWords   = []string{"unknown", "full", "status", "none"}
)

// MarshalText gives the word of String.
func (b Bolt) MarshalText() ([]byte, error) { return textOf(b, boltWords, "bolt position") }

// UnmarshalText reads the word of String.
func (b *Bolt) UnmarshalText(t []byte) error { return textTo(b, t, boltWords, "bolt position") }

// MarshalText gives the word of String.
func (d Door) MarshalText() ([]byte, error) { return textOf(d, doorWords, "door position") }

// UnmarshalText reads the word of String.
func (d *Door) UnmarshalText(t []byte) error { return textTo(d, t, doorWords, "door position") }

// MarshalText gives the word of String.
func (s Stage) MarshalText() ([]byte, error) { return textOf(s, stageWords, "stage") }

// UnmarshalText reads the word of String.
func (s *Stage) UnmarshalText(t []byte) error { return textTo(s, t, stageWords, "stage") }

// MarshalText gives the word of String.
func (k ActionKind) MarshalText() ([]byte, error) { return textOf(k, actionWords, "action") }

// UnmarshalText reads the word of String.
func (k *ActionKind) UnmarshalText(t []byte) error { return textTo(k, t, actionWords, "action") }

// MarshalText gives the word of String.
func (s CredentialState) MarshalText() ([]byte, error) {
	return textOf(s, credentialWords, "slot state")
}

// UnmarshalText reads the word of String.
func (s *CredentialState) UnmarshalText(t []byte) error {
	return textTo(s, t, credentialWords, "slot state")
}

func (r RemoteControl) String() string { return remoteWords[min(int(r), 2)] }

// MarshalText gives the word of String.
func (r RemoteControl) MarshalText() ([]byte, error) { return textOf(r, remoteWords, "remote control") }

// UnmarshalText reads the word of String.
func (r *RemoteControl) UnmarshalText(t []byte) error {
	return textTo(r, t, remoteWords, "remote control")
}

func (r ReadBack) String() string { return readBackWords[min(int(r), 3)] }

// MarshalText gives the word of String.
func (r ReadBack) MarshalText() ([]byte, error) { return textOf(r, readBackWords, "read-back") }

// UnmarshalText reads the word of String.
func (r *ReadBack) UnmarshalText(t []byte) error { return textTo(r, t, readBackWords, "read-back") }
