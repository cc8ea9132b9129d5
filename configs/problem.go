package configs

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong in a configuration file.
type Problem struct {
	File    string
	Line    int    // from 1; zero: the file as a whole
	Key     string // homekit.ports; empty: no single key
	What    string
	Instead string // what to write instead
}

// Error writes file:line: key: what, what instead.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d", p.Line)
	}
	if p.Key != "" {
		b.WriteString(": " + p.Key)
	}
	b.WriteString(": " + p.What)
	if p.Instead != "" {
		b.WriteString(", " + p.Instead)
	}
	return b.String()
}

// Problems is everything that is wrong in a file, in the order of its lines.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i := range p {
		lines[i] = p[i].Error()
	}
	return strings.Join(lines, "\n")
}

// nearest is the word of words that somebody who wrote got may have meant, or "". Up to two edits are forgiven, one in short words.
func nearest(got string, words []string) string {
	best, bestAt := "", 3
	if len(got) <= 4 {
		bestAt = 2
	}
	for _, w := range words {
		if d := edits(strings.ToLower(got), w); d < bestAt {
			best, bestAt = w, d
		}
	}
	return best
}

// edits is the Levenshtein distance with transpositions of neighbours counted as one (optimal string alignment). Long words are not looked at.
func edits(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 100
	}
	prev2, prev, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], prev2[j-2]+1)
			}
		}
		prev2, prev, row = prev, row, prev2
	}
	return prev[len(b)]
}
