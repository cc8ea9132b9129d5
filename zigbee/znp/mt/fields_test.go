package mt

import (
	"encoding/hex"
	"encoding/json"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fieldOf names, for the library's name of a field, the field of our type; of several the first that the type has.
var fieldOf = map[string][]string{
	"addridx": {"AddressIndex"}, "addrmode": {"Mode"}, "apsFlags": {"APSFlags"}, "appdeviceid": {"Device"}, "appdevver": {"Version"},
	"appinclusterlist": {"In"}, "appoutclusterlist": {"Out"}, "appprofid": {"Profile"}, "assocDevList": {"Associated"}, "assocdeviceslist": {"Associated"},
	"availPowerSources": {"Available"}, "backoffduration": {"BackOff"}, "capabilities": {"Capabilities"}, "channel": {"Mask", "Channel"},
	"channelmask": {"ChannelMask"}, "clusterid": {"Cluster"}, "currentPowerMode": {"Mode"}, "currentPowerSource": {"Source"},
	"currentPowerSourceLevel": {"Level"}, "data": {"Data"}, "destendpoint": {"DstEndpoint"}, "deviceId": {"Device"}, "deviceVersion": {"Version"},
	"deviceaddress": {"IEEE"}, "devicestate": {"State"}, "devicetype": {"DeviceType"}, "devstate": {"State"}, "dstAddr": {"Dst"}, "dstaddr": {"Dst"},
	"dstaddress": {"To"}, "dstaddrmode": {"Mode"}, "dstendpoint": {"DstEndpoint", "ToEndpoint"}, "dstpanid": {"DstPAN"}, "duration": {"Duration"},
	"endpoint": {"Endpoint"}, "endpointList": {"Endpoints"}, "endrelation": {"To"}, "errorcode": {"Code"}, "eui64": {"IEEE"}, "extaddr": {"IEEE"},
	"extaddress": {"IEEE"}, "extendedpanid": {"ExtendedPAN"}, "frequencyBand": {"Frequency"}, "groupid": {"Group", "To"}, "hwrev": {"HardwareRev"},
	"id": {"ID"}, "ieeeaddr": {"IEEE"}, "ieeeadr": {"IEEE"}, "inClusterList": {"In"}, "inclusters": {"In"}, "index": {"Index"}, "initvalue": {"Value"},
	"installCode": {"Code"}, "installCodeFormat": {"Format"}, "isPrimary": {"Primary"}, "itemid": {"Item"}, "key": {"Key"}, "keyseqnum": {"Sequence"},
	"ledid": {"LED"}, "level": {"Level"}, "linkquality": {"LQI"}, "logicalType": {"Type"}, "macdstaddr": {"MACDst"}, "maintrel": {"Maintenance"},
	"majorrel": {"Major"}, "manufacturerCode": {"Manufacturer"}, "maxBufSize": {"MaxBuffer"}, "maxIncTxSize": {"MaxIn"}, "maxOutTxSize": {"MaxOut"},
	"minorrel": {"Minor"}, "mode": {"Mode"}, "msgdata": {"Data"}, "neighborTableEntries": {"Total"}, "noderelation": {"Relation"},
	"nwkAddress": {"NWK"}, "nwkaddr": {"NWK"}, "nwkaddrofinterest": {"NWK"}, "nwkmanageraddr": {"NwkUpdater"}, "offset": {"Offset"},
	"operation": {"Operation"}, "options": {"Options"}, "outClusterList": {"Out"}, "outclusters": {"Out"}, "panid": {"PAN"}, "parentaddr": {"Parent"},
	"parentextaddr": {"ParentIEEE"}, "pktCost": {"Cost"}, "product": {"Product"}, "productid": {"Product"}, "profileId": {"Profile"},
	"profileid": {"Profile"}, "radius": {"Radius"}, "reason": {"Reason"}, "rejoin": {"Rejoin", ""}, "relaylist": {"Relays"}, "remaining": {"Remaining"},
	"removechildren": {"RemoveChildren", ""}, "reqtype": {"Kind"}, "request": {"Request"}, "revision": {"Revision"}, "scancount": {"ScanCount"},
	"scanduration": {"ScanDuration", "Scan"}, "securityuse": {"Secure"}, "seqnum": {"Sequence"}, "shortaddr": {"NWK"}, "srcaddr": {"Src"},
	"srcaddrmode": {"Mode"}, "srcendpoint": {"SrcEndpoint"}, "srcpanid": {"SrcPAN"}, "startIndex": {"StartIndex"}, "startdelay": {"Delay"},
	"startindex": {"StartIndex"}, "startrelation": {"From"}, "state": {"State"}, "status": {"Status"}, "subid": {"Sub"}, "subsystemid": {"Subsystem"},
	"action": {"Action"}, "sysid": {"System"}, "tcsignificance": {"TCSignificance"}, "timestamp": {"Timestamp"}, "transid": {"Transaction"},
	"transportrev": {"TransportRev"}, "transseqnumber": {"Transaction"}, "type": {"Kind"}, "value": {"Value", "Set"}, "wasbroadcast": {"Broadcast"},
	"latencyreq": {"Latency"}, "serverMask": {"ServerMask"}, "flags": {"Flags"},
	// Counts of what follows, which our types do not keep, except where they are all there is.
	"len": {"Length", ""}, "length": {"Length", ""}, "initlen": {""}, "appnuminclusters": {""}, "appnumoutclusters": {""}, "numassocdevices": {""},
	"relaycount": {""},
	// Not of the message: remarks, and what the library makes of a table or of bytes that only newer stacks send.
	"note": {""}, "entryList": {""}, "deprecated1": {"DescCaps"}, "tlvs": {""}, "reqcmd0": {""}, "reqcmd1": {"Request"},
}

// unnamed lists fields of ours that the library has no name for.
var unnamed = map[string][]string{
	"NodeDescRsp":         {"Complex", "User"},
	"TableRsp":            {"Count", "Entries"},
	"CommissioningNotify": {"Mode", "Remaining"},
	"BindReq":             {"ToEndpoint"}, // a binding to a group has none
}

// notSent lists what the library names and the message does not have.
var notSent = map[string]string{"EndDeviceAnnceInd": "status"}

// TestVectorFields compares every field that the library names with ours.
func TestVectorFields(t *testing.T) {
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			var p Parser
			p.Feed(time.Time{}, v.bytes(t), func(f Frame) {
				m, err := Parse(f)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, v, reflect.ValueOf(m).Elem())
			})
		})
	}
}

func compare(t *testing.T, v vector, m reflect.Value) {
	failed := false
	if st, ok := v.Fields["status"].(json.Number); ok && st != "0" {
		failed = true
	}
	seen := slices.Clone(unnamed[m.Type().Name()])
	for key, want := range v.Fields {
		if notSent[m.Type().Name()] == key {
			continue
		}
		names, ok := fieldOf[key]
		if !ok {
			t.Errorf("no field for %s", key)
			continue
		}
		i := slices.IndexFunc(names, func(n string) bool { return n == "" || m.FieldByName(n).IsValid() })
		if i < 0 {
			t.Errorf("%s has none of %v", m.Type(), names)
			continue
		}
		if names[i] == "" {
			continue
		}
		seen = append(seen, names[i])
		if got, want := plain(m.FieldByName(names[i]).Interface()), expected(t, key, want, v.Fields); got != want {
			t.Errorf("%s = %v, want %s = %v", names[i], got, key, want)
		}
	}
	for i := range m.NumField() {
		if n := m.Type().Field(i).Name; n != "Cmd" && !failed && !slices.Contains(seen, n) {
			t.Errorf("%s.%s is compared with nothing", m.Type().Name(), n)
		}
	}
}

// plain writes a value of ours so that it can be compared with expected.
func plain(v any) string {
	r := reflect.ValueOf(v)
	switch r.Kind() {
	case reflect.Bool:
		if r.Bool() {
			return "1"
		}
		return "0"
	case reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return strconv.FormatUint(r.Uint(), 10)
	case reflect.Int8:
		return strconv.FormatUint(uint64(uint8(r.Int())), 10)
	case reflect.Array:
		k := v.(Key)
		return hex.EncodeToString(k[:])
	case reflect.Slice:
		if b, ok := v.([]byte); ok {
			return hex.EncodeToString(b)
		}
		var s []string
		for i := range r.Len() {
			s = append(s, strconv.FormatUint(r.Index(i).Uint(), 10))
		}
		return strings.Join(s, " ")
	}
	return "?"
}

// expected writes a value of the library likewise.
func expected(t *testing.T, key string, v any, fields map[string]any) string {
	switch x := v.(type) {
	case bool:
		if x {
			return "1"
		}
		return "0"
	case json.Number:
		n, err := x.Int64()
		if err != nil {
			t.Fatal(err)
		}
		if key == "reqcmd1" {
			high, _ := fields["reqcmd0"].(json.Number).Int64()
			n |= high << 8
		}
		if n < 0 {
			n += 256 // an int8
		}
		return strconv.FormatInt(n, 10)
	case string:
		n, err := strconv.ParseUint(x, 0, 64)
		if err != nil {
			t.Fatal(err)
		}
		return strconv.FormatUint(n, 10)
	case []any:
		var s []string
		var b []byte
		for _, e := range x {
			n, _ := e.(json.Number).Int64()
			s = append(s, strconv.FormatInt(n, 10))
			b = append(b, byte(n))
		}
		if key == "endpointList" {
			return hex.EncodeToString(b)
		}
		return strings.Join(s, " ")
	case map[string]any:
		if h, ok := x["$hex"].(string); ok {
			return h
		}
		n := 0
		for i, name := range bitNames[key] {
			if b, ok := x[name].(json.Number); ok {
				v, _ := b.Int64()
				n |= int(v) << i
			} else if name != "" {
				t.Errorf("%s has no %s", key, name)
			}
		}
		return strconv.Itoa(n)
	}
	t.Fatalf("%s is a %T", key, v)
	return ""
}

// bitNames lists the library's names of bits, or of a field that begins there, from the lowest.
var bitNames = map[string][]string{
	"capabilities": {"alternatePANCoordinator", "deviceType", "powerSource", "rxOnWhenIdle", "reserved1", "reserved2", "securityCapability", "allocateAddress"},
	"serverMask": {"primaryTrustCenter", "backupTrustCenter", "deprecated1", "deprecated2", "deprecated3", "deprecated4", "networkManager", "reserved1", "",
		"stackComplianceRevision"},
}
