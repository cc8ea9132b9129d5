package configs

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// walker goes through a parsed file and notes every problem instead of stopping at the first.
type walker struct {
	file     string
	problems Problems
}

// key names one key of a mapping and takes its value.
type key struct {
	name string
	take func(path string, n *yaml.Node)
}

const maxProblems = 50 // more would help nobody

func (w *walker) say(n *yaml.Node, path, what, instead string) {
	if len(w.problems) < maxProblems {
		w.problems = append(w.problems, Problem{w.file, n.Line, path, what, instead})
	}
}

// mapping hands the values of n to keys and reports unknown and repeated keys.
func (w *walker) mapping(path string, n *yaml.Node, keys []key) {
	if isNull(n) {
		return
	}
	if n.Kind != yaml.MappingNode {
		w.say(n, path, kindName(n)+" stands where keys and values belong", "write "+example(keys))
		return
	}
	w.pairs(path, n, func(p string, k, v *yaml.Node) {
		i := slices.IndexFunc(keys, func(f key) bool { return f.name == k.Value })
		if i < 0 {
			w.say(k, p, "unknown key", w.instead(k.Value, keys))
			return
		}
		keys[i].take(p, v)
	})
}

// pairs calls f for each key and value of a mapping; a key that comes twice is reported and its second value ignored.
func (w *walker) pairs(path string, n *yaml.Node, f func(path string, k, v *yaml.Node)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		p := clip(k.Value)
		if path != "" {
			p = path + "." + p
		}
		switch {
		case k.Kind != yaml.ScalarNode:
			w.say(k, path, "a key is not a plain word", "write key: value")
		case k.Tag == "!!merge":
			w.say(k, path, "merge keys (<<) are not read", "write the keys out")
		case seen[k.Value] > 0:
			w.say(k, p, fmt.Sprintf("set before in line %d", seen[k.Value]), "remove one of the two")
		default:
			seen[k.Value] = k.Line
			if w.plain(p, v) {
				f(p, k, v)
			}
		}
	}
}

// plain refuses aliases and anchors: nothing here needs them, and a few lines of them can stand for gigabytes.
func (w *walker) plain(path string, n *yaml.Node) bool {
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		w.say(n, path, "anchors and aliases (& and *) are not read", "write the value out")
		return false
	}
	return true
}

func (w *walker) instead(got string, keys []key) string {
	names := make([]string, len(keys))
	for i := range keys {
		names[i] = keys[i].name
	}
	if near := nearest(got, names); near != "" {
		return fmt.Sprintf("did you mean %q?", near)
	}
	return "use one of " + strings.Join(names, ", ")
}

func example(keys []key) string {
	if len(keys) == 0 {
		return "key: value"
	}
	return keys[0].name + ": …"
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

func kindName(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.ScalarNode:
		return quote(n.Value)
	}
	return "something else"
}

func clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:61], "") + "…"
	}
	return s
}

func quote(s string) string { return fmt.Sprintf("%q", clip(s)) }
