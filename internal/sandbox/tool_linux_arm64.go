package sandbox

// toolRefusedHere is empty: this architecture never had the older forms.
func toolRefusedHere() []uint32 { return nil }

// toolPretendedHere is empty for the same reason.
func toolPretendedHere() []uint32 { return nil }
