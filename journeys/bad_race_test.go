//go:build race

package journeys

const raced = true
