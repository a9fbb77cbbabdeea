package addon

// State is how the API has an object, next to what is wanted of it.
type State struct {
	// Exists is true where there is an object of that name.
	Exists bool
	// Change says what applying it would change; "" is nothing.
	Change string
}

// Seen is what the API was seen to have of the objects that are wanted.
type Seen struct {
	States map[Ref]State
	// Remembered are those that were applied and not pruned yet.
	Remembered []Ref
}
