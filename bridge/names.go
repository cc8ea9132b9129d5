package bridge

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// nameLimit is the most bytes of a name: HomeKit's names stop at 64.
const nameLimit = 64

// slugLimit bounds a metric label.
const slugLimit = 40

// checkName says what is wrong with a name for a lock or a person.
func checkName(name string) (string, error) {
	name = strings.TrimSpace(name)
	switch {
	case name == "":
		return "", fmt.Errorf("bridge: a name is needed: %w", ErrConflict)
	case len(name) > nameLimit:
		return "", fmt.Errorf("bridge: a name has at most %d bytes: %w", nameLimit, ErrConflict)
	case !utf8.ValidString(name):
		return "", fmt.Errorf("bridge: a name is UTF-8 text: %w", ErrConflict)
	}
	for _, r := range name {
		if unicode.IsControl(r) {
			return "", fmt.Errorf("bridge: a name has no control characters: %w", ErrConflict)
		}
	}
	return name, nil
}

// folds are the letters that a slug spells out.
var folds = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ß", "ss", "æ", "ae", "ø", "oe", "å", "aa", "é", "e", "è", "e", "ê", "e", "à", "a", "á", "a",
	"â", "a", "ç", "c", "í", "i", "î", "i", "ñ", "n", "ó", "o", "ô", "o", "ú", "u", "û", "u", "ł", "l", "š", "s", "ž", "z", "č", "c")

// slugOf makes a label of a name: a–z, 0–9 and single hyphens. Empty if nothing of the name can be kept.
func slugOf(name string) string {
	var sb strings.Builder
	gap := false
	for _, r := range folds.Replace(strings.ToLower(name)) {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			if gap && sb.Len() > 0 {
				sb.WriteByte('-')
			}
			gap = false
			sb.WriteRune(r)
			if sb.Len() >= slugLimit {
				break
			}
			continue
		}
		gap = true
	}
	return sb.String()
}

// unique appends the lowest number that makes s new.
func unique(s, sep string, taken func(string) bool) string {
	if !taken(s) {
		return s
	}
	for n := 2; ; n++ {
		if t := fmt.Sprintf("%s%s%d", s, sep, n); !taken(t) {
			return t
		}
	}
}

// nameTaken tells whether another lock of this home has the name. The caller holds b.mu.
func (b *Bridge) nameTaken(name string, but LockID) bool {
	for id, l := range b.locks {
		if id != but && l.here() && strings.EqualFold(l.saved.Name, name) {
			return true
		}
	}
	return false
}

// slugTaken counts forgotten locks too: a label never comes to mean another lock. The caller holds b.mu.
func (b *Bridge) slugTaken(slug string, but LockID) bool {
	for id, l := range b.locks {
		if id != but && (l.saved.Slug == slug || provisional(id) == slug) {
			return true
		}
	}
	return false
}

// provisional is a lock's slug until it has been interviewed and has a name of its own.
func provisional(id LockID) string {
	s := strings.ReplaceAll(string(id), ":", "")
	return "lock-" + s[max(0, len(s)-4):]
}

// christen gives a lock its first name and its slug, once something is known of it. The caller holds b.mu.
func (b *Bridge) christen(l *lockState) {
	if l.saved.Slug != "" {
		return
	}
	name := b.cfg.Locks[l.id].Name
	if name == "" && l.saved.Info.Ready {
		if name = l.saved.Info.FamilyTitle; name == "" {
			name = "Lock"
		}
		name = unique(name, " ", func(s string) bool { return b.nameTaken(s, l.id) })
	}
	if name == "" {
		return
	}
	l.saved.Name = name
	b.label(l)
}

// label makes the slug from the name. The caller holds b.mu.
func (b *Bridge) label(l *lockState) {
	slug := slugOf(l.saved.Name)
	if slug == "" {
		slug = "lock"
	}
	l.saved.Slug = unique(slug, "-", func(s string) bool { return b.slugTaken(s, l.id) })
	b.dirty[l.id] = true
}

// applyConfigNames: a name in the configuration wins.
func (b *Bridge) applyConfigNames() {
	for id, s := range b.cfg.Locks {
		if l := b.locks[id]; l != nil && s.Name != "" && l.saved.Name != s.Name {
			l.saved.Name = s.Name
			b.dirty[id] = true
		}
	}
}
