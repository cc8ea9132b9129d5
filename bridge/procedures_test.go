package bridge

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var families = []string{
	"yale_assure", "yale_assure_noreport", "yale_real_living_rawpct", "irevo", "yale_ymc_ydm60", "yale_solis", "yale_c4", "kwikset", "kwikset_nopin", "schlage",
	"danalock", "onesti", "easyaccess_g2", "idlock", "heimgard", "sihas", "samsung_sds", "aqara_legacy", "aqara_enc", "wyze", "javis", "easyiot", "st_generic",
}

// found are the families for which a procedure by hands was found in public sources. A new one needs a source in the data.
var found = []string{"yale_assure", "yale_assure_noreport", "yale_real_living_rawpct", "kwikset", "schlage", "danalock"}

func TestProceduresCoverEveryFamily(t *testing.T) {
	p := Procedures()
	if len(p) != len(families)+1 || p["generic"] == nil {
		t.Errorf("%d procedures", len(p))
	}
	for _, f := range families {
		if p[f] == nil {
			t.Errorf("%s: no procedure", f)
		}
	}
}

// TestProcedureLinesHaveSources walks the raw data: every object that has a text also says where it is from and how far it can be trusted.
func TestProcedureLinesHaveSources(t *testing.T) {
	var list []any
	if err := json.Unmarshal(proceduresJSON, &list); err != nil {
		t.Fatal(err)
	}
	lines := 0
	var walk func(at string, v any)
	walk = func(at string, v any) {
		switch v := v.(type) {
		case []any:
			for i, x := range v {
				walk(fmt.Sprintf("%s[%d]", at, i), x)
			}
		case map[string]any:
			_, text := v["text"]
			_, may := v["may"]
			if text || may {
				lines++
				src, _ := v["source"].(string)
				conf, _ := v["confidence"].(string)
				if src == "" || !slices.Contains([]string{"high", "medium", "low"}, conf) {
					t.Errorf("%s: source %q, confidence %q", at, src, conf)
				}
				if s, _ := v["text"].(string); text && s == "" {
					t.Errorf("%s: empty line", at)
				}
			}
			for k, x := range v {
				walk(at+"."+k, x)
			}
		}
	}
	for _, p := range list {
		walk(p.(map[string]any)["family"].(string), p)
	}
	if lines < 200 {
		t.Errorf("only %d lines were seen", lines)
	}
	if link := regexp.MustCompile(`https?:|www\.|\.com\b`).Find(proceduresJSON); link != nil {
		t.Errorf("an address stands in the data: %q; makers' pages move, their names do not", link)
	}
}

// TestProceduresDoNotGuess: where nothing was found there are no steps, no seconds, no button and no default code, and the maker's manual is named.
func TestProceduresDoNotGuess(t *testing.T) {
	for _, f := range append(slices.Clone(families), "generic", "a family of tomorrow") {
		p := procedureFor(f, "Maker & Co", "Model 7")
		steps := p.handSteps()
		if slices.Contains(found, f) {
			if !p.Found || len(p.Steps) == 0 {
				t.Errorf("%s: a procedure was found, but has no steps", f)
			}
			continue
		}
		if p.Found || len(p.Steps) != 0 || p.Default.Kind != "unknown" || len(p.Default.Codes) != 0 || p.Early != "" {
			t.Errorf("%s: guesses: %+v", f, p)
		}
		if len(steps) != 1 || steps[0].Seconds != 0 || !strings.Contains(steps[0].Text, "not known") || !strings.Contains(steps[0].Text, "manual of") ||
			!strings.Contains(steps[0].Text, "Model 7") {
			t.Errorf("%s: %+v", f, steps)
		}
		if len(p.Button) != 1 || !strings.Contains(p.Button[0].Text, "Not known") {
			t.Errorf("%s: button %+v", f, p.Button)
		}
	}
}

// TestProceduresAreComplete: what the workflow relies on is there for every family.
func TestProceduresAreComplete(t *testing.T) {
	for f, p := range Procedures() {
		var signs []string
		for _, s := range p.Signs {
			signs = append(signs, s.Sign)
			if s.Within <= 0 {
				t.Errorf("%s: sign %s has no bound", f, s.Sign)
			}
		}
		if !slices.Equal(signs, []string{"alarm", "leave", "silence", "announce", "join"}) {
			t.Errorf("%s: signs %q", f, signs)
		}
		var ways []ResetWay
		for _, r := range p.Remote {
			ways = append(ways, r.Way)
		}
		if !slices.Equal(ways, []ResetWay{ResetClearCodes, ResetBasic, ResetLeave}) {
			t.Errorf("%s: remote ways %q", f, ways)
		}
		if len(p.AtHand) == 0 || len(p.Button) == 0 || len(p.Erases) == 0 || len(p.Join) == 0 || p.Default.Text == "" || p.Page == "" || len(p.Expect) == 0 {
			t.Errorf("%s: something is missing: %+v", f, p)
		}
		if p.Default.Kind == "fixed" && len(p.Default.Codes) == 0 || p.Default.Kind != "fixed" && len(p.Default.Codes) != 0 {
			t.Errorf("%s: default codes %d of kind %s", f, len(p.Default.Codes), p.Default.Kind)
		}
		if w := p.within(ResetHands); w.Seconds() < 60 || w.Minutes() > 5 {
			t.Errorf("%s: waits %v for signs", f, w)
		}
	}
}
