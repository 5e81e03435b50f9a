//go:build !race

package surface

import "time"

// patience is how long reading one hostile document may take.
const patience = 5 * time.Second
