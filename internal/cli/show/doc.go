// Package show prints answers: as text on a [text.Screen], and as JSON. The text and the JSON
// are made from the same document; a terminal changes looks (colour, width), never content.
package show
