package house

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/latchkeyd/latchkey/homekit/hap/controller"
)

// LockIDs are the characteristics of a lock accessory that a person's phone uses; a zero one is not there.
type LockIDs struct {
	Current, Target, Battery, LastAction, Codes controller.ID
}

// Types of characteristics (HAP R2 chapter 9; the control point of access codes: docs/homekit.md).
const (
	typeCurrent    = "1D"
	typeTarget     = "1E"
	typeBattery    = "68"
	typeLastAction = "1C"
	typeCodes      = "262"
)

// FindLock reads the accessory's attribute database, as a phone does, and finds the first lock in it.
func FindLock(ctx context.Context, c *controller.Conn) (LockIDs, error) {
	body, err := c.Accessories(ctx)
	if err != nil {
		return LockIDs{}, err
	}
	var db struct {
		Accessories []struct {
			AID      uint64 `json:"aid"`
			Services []struct {
				Characteristics []struct {
					IID  uint64 `json:"iid"`
					Type string `json:"type"`
				} `json:"characteristics"`
			} `json:"services"`
		} `json:"accessories"`
	}
	if err := json.Unmarshal(body, &db); err != nil {
		return LockIDs{}, fmt.Errorf("house: attribute database: %w", err)
	}
	var ids LockIDs
	want := map[string]*controller.ID{typeCurrent: &ids.Current, typeTarget: &ids.Target, typeBattery: &ids.Battery, typeLastAction: &ids.LastAction, typeCodes: &ids.Codes}
	for _, a := range db.Accessories {
		for _, s := range a.Services {
			for _, ch := range s.Characteristics {
				if id := want[ch.Type]; id != nil && id.IID == 0 {
					*id = controller.ID{AID: a.AID, IID: ch.IID}
				}
			}
		}
	}
	if ids.Target.IID == 0 {
		return ids, errors.New("house: no lock in the attribute database")
	}
	return ids, nil
}
