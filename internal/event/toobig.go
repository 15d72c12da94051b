package event

import (
	"bytes"
	"fmt"
)

// searchBytes bounds the text in which the largest field is looked for.
const searchBytes = 64 << 20

// rejectTooBig refuses an event by its size, and names what makes it big.
func (d *Decoder) rejectTooBig(value []byte) *Reject {
	const advice = "Shorten it, or keep the content elsewhere and send a link."
	sizes := fmt.Sprintf("the event is %s of JSON and the limit is %s", byteCount(len(value)), byteCount(d.limits.EventBytes))
	if len(value) > searchBytes || !d.scan(append(bytes.Clone(value), make([]byte, padding)...)) {
		return &Reject{ReasonEventTooBig, "", sizes + ". " + advice}
	}
	if d.spans[fieldProperties].size() > d.limits.PropertiesBytes {
		return d.rejectProperties()
	}
	d.of = d.largest()
	if size := d.spans[d.of].size(); size > d.limits.EventBytes/2 {
		return &Reject{ReasonEventTooBig, d.pointer(), fmt.Sprintf("%s; %s alone is %s. %s", sizes, d.path(), byteCount(size), advice)}
	}
	return &Reject{ReasonEventTooBig, "", sizes + ". " + advice}
}

// largest is the field of envelope or context with the longest text.
func (d *Decoder) largest() field {
	largest := fieldProperties
	for f := fieldProperties; f < firstHot; f++ {
		if d.spans[f].size() > d.spans[largest].size() {
			largest = f
		}
	}
	return largest
}

// rejectProperties refuses properties by their size, and names the one that
// matters, if there is one.
func (d *Decoder) rejectProperties() *Reject {
	sizes := fmt.Sprintf("properties are %s of JSON and the limit is %s",
		byteCount(d.spans[fieldProperties].size()), byteCount(d.limits.PropertiesBytes))
	d.listMembers()
	name, size := d.largestMember()
	if size < d.limits.PropertiesBytes/2 {
		return &Reject{ReasonPropertiesTooBig, "/properties", fmt.Sprintf(
			"%s; there are %d of them. Send fewer, or keep the content elsewhere and send a link.", sizes, len(d.members))}
	}
	pointer := joinPointer([]place{{object: true, named: true, name: "properties"}, {object: true, named: true, name: name}})
	return &Reject{ReasonPropertiesTooBig, pointer, fmt.Sprintf(
		"%s; properties.%s alone is %s. Shorten it, or keep the content elsewhere and send a link.", sizes, excerpt([]byte(name)), byteCount(size))}
}

// largestMember is the name of the largest property and the size of its value.
func (d *Decoder) largestMember() (name string, size int) {
	for _, m := range d.members {
		colon := skipSpace(d.buf, int(m.end)+1)
		from := skipSpace(d.buf, colon+1)
		if to := d.value(from, 0); to-from > size {
			name, size = nameText(d.buf[m.start:m.end]), to-from
		}
	}
	return name, size
}
