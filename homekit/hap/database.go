package hap

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"

	"github.com/brutella/hap/accessory"
	"github.com/brutella/hap/characteristic"
)

// segment is a piece of GET /accessories: fixed text, then a value.
type segment struct {
	text  []byte
	value *attribute // nil: none
}

// database is the attribute database (R2 2.3), immutable.
type database struct {
	accessories []*accessory.A
	attrs       map[id]*attribute
	segments    []segment
	size        int    // of all text
	hash        string // of all but the values that may change at run time
}

// maxAccessories is R2 2.5.3.2's limit on a bridge and what it bridges.
const maxAccessories = 150

// newDatabase builds one. attr gives the attribute of a characteristic.
func newDatabase(as []*accessory.A, attr func(*characteristic.C) *attribute) (*database, error) {
	if len(as) > maxAccessories {
		return nil, fmt.Errorf("hap: %d accessories, the standard allows %d", len(as), maxAccessories)
	}
	db := &database{accessories: as, attrs: make(map[id]*attribute)}
	aids := make(map[uint64]bool)
	e := encoder{db: db}
	e.text = append(e.text, `{"accessories":[`...)
	for i, a := range as {
		if a.Id == 0 || aids[a.Id] {
			return nil, fmt.Errorf("hap: accessory %q: aid %d is 0 or taken", a.Name(), a.Id)
		}
		aids[a.Id] = true
		if i > 0 {
			e.text = append(e.text, ',')
		}
		if err := e.accessory(a, attr); err != nil {
			return nil, fmt.Errorf("hap: accessory %d: %w", a.Id, err)
		}
	}
	if !aids[1] {
		return nil, fmt.Errorf("hap: no accessory has aid 1")
	}
	e.text = append(e.text, `]}`...)
	e.cut(nil)
	sum := sha256.New()
	for _, s := range db.segments {
		sum.Write(s.text)
		if s.value != nil && s.value.perms == permRead { // names, versions: they change with the program
			sum.Write(s.value.current())
		}
		db.size += len(s.text)
	}
	db.hash = hex.EncodeToString(sum.Sum(nil)[:16])
	return db, nil
}

type encoder struct {
	db   *database
	text []byte
}

func (e *encoder) cut(value *attribute) {
	e.db.segments = append(e.db.segments, segment{slices.Clip(e.text), value})
	e.text = nil
}

func (e *encoder) accessory(a *accessory.A, attr func(*characteristic.C) *attribute) error {
	iids := make(map[uint64]bool)
	claim := func(iid uint64) error {
		if iid == 0 || iids[iid] {
			return fmt.Errorf("iid %d is 0 or taken", iid)
		}
		iids[iid] = true
		return nil
	}
	e.text = strconv.AppendUint(append(e.text, `{"aid":`...), a.Id, 10)
	e.text = append(e.text, `,"services":[`...)
	for i, s := range a.Ss {
		if err := claim(s.Id); err != nil {
			return fmt.Errorf("service %s: %w", s.Type, err)
		}
		if i > 0 {
			e.text = append(e.text, ',')
		}
		e.text = strconv.AppendUint(append(e.text, `{"iid":`...), s.Id, 10)
		e.text = appendString(append(e.text, `,"type":`...), s.Type)
		if s.Primary {
			e.text = append(e.text, `,"primary":true`...)
		}
		if s.Hidden {
			e.text = append(e.text, `,"hidden":true`...)
		}
		for j, l := range s.Linked {
			sep := byte(',')
			if j == 0 {
				e.text = append(e.text, `,"linked":`...)
				sep = '['
			}
			e.text = strconv.AppendUint(append(e.text, sep), l.Id, 10)
		}
		if len(s.Linked) > 0 {
			e.text = append(e.text, ']')
		}
		e.text = append(e.text, `,"characteristics":[`...)
		for j, c := range s.Cs {
			if err := claim(c.Id); err != nil {
				return fmt.Errorf("characteristic %s: %w", c.Type, err)
			}
			if j > 0 {
				e.text = append(e.text, ',')
			}
			if err := e.characteristic(a.Id, attr(c)); err != nil {
				return fmt.Errorf("characteristic %s: %w", c.Type, err)
			}
		}
		e.text = append(e.text, `]}`...)
	}
	e.text = append(e.text, `]}`...)
	return nil
}

func (e *encoder) characteristic(aid uint64, a *attribute) error {
	a.mu.Lock()
	added := a.added
	a.mu.Unlock()
	if !added {
		if err := a.fill(aid); err != nil {
			return err
		}
	}
	if a.id.aid != aid || a.id.iid != a.c.Id {
		return fmt.Errorf("aid or iid moved from %d.%d to %d.%d", a.id.aid, a.id.iid, aid, a.c.Id)
	}
	e.db.attrs[a.id] = a
	e.text = strconv.AppendUint(append(e.text, `{"iid":`...), a.id.iid, 10)
	e.text = append(e.text, a.typ...)
	e.text = append(e.text, a.perm...)
	e.text = append(e.text, a.meta...)
	e.text = append(e.text, a.about...)
	if a.has(permRead) {
		e.text = append(e.text, `,"value":`...)
		e.cut(a)
	}
	e.text = append(e.text, '}')
	return nil
}

// append writes GET /accessories. value gives the encoding of a value.
func (db *database) append(dst []byte, value func(*attribute) []byte) []byte {
	dst = slices.Grow(dst, db.size+8*len(db.attrs))
	for _, s := range db.segments {
		dst = append(dst, s.text...)
		if s.value != nil {
			dst = append(dst, value(s.value)...)
		}
	}
	return dst
}
