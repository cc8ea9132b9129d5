package znp

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"os"
	"testing"
)

// mtVector is a line of the vectors that the subpackage mt keeps, with their provenance.
type mtVector struct {
	Name   string `json:"name"`
	Fields struct {
		Value struct {
			Hex string `json:"$hex"`
		} `json:"value"`
	} `json:"fields"`
}

func mtVectors(t *testing.T) (l []mtVector) {
	t.Helper()
	b, err := os.ReadFile("mt/testdata/znp-mt.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		var v mtVector
		if json.Unmarshal(line, &v) == nil { // other lines have a number for a value
			l = append(l, v)
		}
	}
	if len(l) < 200 {
		t.Fatalf("%d vectors", len(l))
	}
	return l
}

func (v mtVector) value(t *testing.T) []byte {
	t.Helper()
	b, err := hex.DecodeString(v.Fields.Value.Hex)
	if err != nil {
		t.Fatal(err)
	}
	return b
}
