//go:build race

package surface

import "time"

// patience is longer under the race detector, which takes ten times as long.
const patience = time.Minute
