package doorlock

import (
	"slices"
	"testing"

	"github.com/latchkeyd/latchkey/bridge"
)

// TestProfiles holds the table together: every field is known, every model has one profile, and the traits are sound.
func TestProfiles(t *testing.T) {
	ps, err := parseProfiles(profilesJSON)
	if err != nil {
		t.Fatal(err)
	}
	families, models := map[string]bool{}, map[string]string{}
	for _, p := range ps {
		families[p.Family] = true
		for _, m := range p.Models {
			if f, ok := models[m]; ok && f != p.Family {
				t.Errorf("%q is in %s and %s", m, f, p.Family)
			}
			models[m] = p.Family
		}
		tr := p.traits()
		if p.Title == "" || len(p.Resets) == 0 || !slices.Contains(p.Resets, bridge.ResetLeave) {
			t.Errorf("%s: title %q, resets %v", p.Family, p.Title, p.Resets)
		}
		if p.Slots > 0 && (tr.LastSlot < tr.FirstSlot || slices.Contains(tr.MasterSlots, tr.FirstSlot) || tr.PINMax < tr.PINMin || tr.PINMin == 0) {
			t.Errorf("%s: %+v", p.Family, tr)
		}
		if p.Slots == 0 && slices.Contains(p.Resets, bridge.ResetClearCodes) {
			t.Errorf("%s clears codes that it does not have", p.Family)
		}
		if !slices.Contains([]string{"yes", "no", "probe"}, p.GetPIN) {
			t.Errorf("%s: get_pin %q", p.Family, p.GetPIN)
		}
	}
	if len(families) != 23 {
		t.Errorf("%d families, want 23", len(families))
	}
}

func TestProfileOf(t *testing.T) {
	for _, c := range []struct {
		manufacturer, model string
		code                uint16
		family              string
	}{
		{"Yale", "YRD256 TSDB", 0, "yale_assure"}, {"Yale", "YRD256-TSDB", 0, "yale_assure_noreport"}, {"SAMSUNG SDS", "", 0, "samsung_sds"},
		{"", "", 0xAAAA, "yale_c4"}, {"x", "TOTEM 5", 0, "st_generic"}, {"", "", 0, "st_generic"}, {"Acme", "Lock 9", 0, "st_generic"},
		{"LUMI", "lumi.lock.acn02", 0, "aqara_legacy"},
	} {
		if p := profileOf(c.manufacturer, c.model, c.code); p.Family != c.family {
			t.Errorf("%q %q %#x: %s, want %s", c.manufacturer, c.model, c.code, p.Family, c.family)
		}
	}
	if p := profileOf("ASSA ABLOY iRevo", "06e0152204", 0); p.Slots != 100 || p.Battery != batteryHalf {
		t.Errorf("variant: %d slots, battery %q", p.Slots, p.Battery)
	}
	if p := profileOf("LUMI", "lumi.lock.aq1", 0); p.Battery != batteryNone || !p.Silent {
		t.Error("a variant leaked into its family")
	}
}
