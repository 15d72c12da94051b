package ingest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"sync"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// unpacker decompresses record batches for the Kafka client. It reads LZ4 frames
// itself, each block straight to its place: the client's own way copies them
// more often, and computes a checksum of what Kafka has covered with one
// already. Every other codec, and every frame out of the ordinary, is left to
// the client.
//
// The texts come back when the last record of a batch is recycled, and are used
// again: what is fetched is nothing that the garbage collector has to collect. A
// frame does not tell how long its text is, so that is guessed from the batches
// before, and the room that fits best is taken.
type unpacker struct {
	other kgo.Decompressor
	rooms sync.Pool // of *[]byte: for the text of a batch that was guessed wrong

	mu    sync.Mutex
	texts [][]byte // unpacked batches whose records are all in blocks
	idle  int      // bytes of texts
	// ratio is that of a text to its frame: the highest, lately.
	ratio float64
}

// idleText is how many bytes of unpacked batches are kept to be used again. (A
// sync.Pool forgets them at each collection, and there are many: memory is
// bounded.)
const idleText = 16 << 20

// The guess of a text's size. Short texts have lower ratios than long ones, so
// the ratio follows what is higher at once, and what is lower by a slow part of
// the difference. (With an average a fifth of all guesses were too low.)
const (
	firstRatio = 5
	slow       = 1. / 64
	spare      = 1.05
)

func newUnpacker() *unpacker {
	return &unpacker{other: kgo.DefaultDecompressor(), ratio: firstRatio, rooms: sync.Pool{New: func() any { return new([]byte) }}}
}

// Decompress implements [kgo.Decompressor].
func (u *unpacker) Decompress(packed []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if codec != kgo.CodecLz4 {
		return u.other.Decompress(packed, codec)
	}
	frame, ok := openFrame(packed)
	if !ok {
		return u.other.Decompress(packed, codec)
	}
	room := u.take(min(u.guess(packed), frame.bound))
	text, err := frame.unpack(room[:min(cap(room), frame.bound)])
	if err == nil && fits(cap(room), len(text)) {
		u.learn(text, packed)
		return text, nil
	}
	u.PutDecompressBytes(room)
	return u.unpackUnknown(frame, packed)
}

// unpackUnknown unpacks a frame whose text has another size than the batches
// before let guess.
func (u *unpacker) unpackUnknown(frame lz4Frame, packed []byte) ([]byte, error) {
	room := u.rooms.Get().(*[]byte)
	defer u.rooms.Put(room)
	if len(*room) < frame.bound {
		*room = make([]byte, frame.bound)
	}
	text, err := frame.unpack((*room)[:frame.bound])
	if err != nil {
		return nil, err
	}
	u.learn(text, packed)
	return append(u.take(len(text)), text...), nil
}

// guess is how many bytes the text of a frame has, probably, with some to spare.
func (u *unpacker) guess(packed []byte) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return int(u.ratio * spare * float64(len(packed)))
}

// learn lets the next guess know of a text.
func (u *unpacker) learn(text, packed []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	seen := float64(len(text)) / float64(len(packed))
	u.ratio = max(seen, u.ratio+slow*(seen-u.ratio))
}

// take returns room for n bytes, empty: the smallest that was used before, if it
// is not much too large, or else new.
func (u *unpacker) take(n int) []byte {
	if used := u.used(n); used != nil {
		return used
	}
	return make([]byte, 0, (n+textGrain-1)/textGrain*textGrain)
}

// used is take where there is something to use again, nil otherwise.
func (u *unpacker) used(n int) []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	best := -1
	for i, text := range u.texts {
		if fits(cap(text), n) && (best < 0 || cap(text) < cap(u.texts[best])) {
			best = i
		}
	}
	if best < 0 {
		return nil
	}
	text := u.texts[best]
	u.texts, u.idle = slices.Delete(u.texts, best, best+1), u.idle-cap(text)
	return text[:0]
}

// textGrain is what the room for a text is a multiple of, so that batches of
// about the same size fit into each other's room.
const textGrain = 32 << 10

// fits reports whether a text may have so much room.
func fits(room, text int) bool { return text <= room && room <= 2*text+2*textGrain }

// GetDecompressBytes implements [kgo.PoolDecompressBytes]. The client asks for it
// where it unpacks other codecs, whose texts may have any size.
func (u *unpacker) GetDecompressBytes(packed []byte, _ kgo.CompressionCodecType) []byte {
	return u.take(u.guess(packed))
}

// PutDecompressBytes implements [kgo.PoolDecompressBytes]. What has been idle for
// longest makes way: batches may be of other sizes now.
func (u *unpacker) PutDecompressBytes(text []byte) {
	if cap(text) == 0 || cap(text) > idleText {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	for u.idle+cap(text) > idleText {
		u.idle -= cap(u.texts[0])
		u.texts = slices.Delete(u.texts, 0, 1)
	}
	u.texts, u.idle = append(u.texts, text), u.idle+cap(text)
}

// lz4Frame is a frame of the LZ4 frame format, version 1.6.
type lz4Frame struct {
	blocks     []byte // with the size of each before it
	afterBlock int    // bytes of checksum behind each block
	blockBytes int    // the most that a block unpacks to
	bound      int    // the most that all of them unpack to
}

// The parts of a frame's header.
const (
	frameMagic     = 0x184D2204
	frameHead      = 7    // magic, two bytes of flags, a checksum of them
	flagVersion    = 0x40 // of the bits 0xc0
	flagAlone      = 0x20 // no block refers to another
	flagBlockSum   = 0x10
	flagSize       = 0x08
	flagContentSum = 0x04
	flagDictionary = 0x01
	blockAsIs      = 1 << 31
	mostRatio      = 255      // of a block's text to the block
	mostUnpacked   = 32 << 20 // of a frame that is read here
)

// openFrame reads the header and the sizes of the blocks. It reports false for
// what it does not know, and for what is not whole.
func openFrame(packed []byte) (f lz4Frame, ok bool) {
	if len(packed) < frameHead || binary.LittleEndian.Uint32(packed) != frameMagic {
		return f, false
	}
	flags, head := packed[4], frameHead
	if flags&0xc0 != flagVersion || flags&flagAlone == 0 || flags&flagDictionary != 0 {
		return f, false
	}
	if flags&flagSize != 0 {
		head += 8
	}
	if flags&flagBlockSum != 0 {
		f.afterBlock = 4
	}
	code := packed[5] >> 4 & 7
	if code < 4 || len(packed) < head {
		return f, false
	}
	f.blockBytes = 1 << (8 + 2*code)
	f.blocks = packed[head:]
	end, ok := f.measure()
	if flags&flagContentSum != 0 {
		end += 4
	}
	return f, ok && end == len(f.blocks) && f.bound <= mostUnpacked
}

// measure finds the end of the blocks, and how much they may unpack to.
func (f *lz4Frame) measure() (end int, ok bool) {
	for len(f.blocks)-end >= 4 {
		size := binary.LittleEndian.Uint32(f.blocks[end:])
		end += 4
		if size == 0 {
			return end, true
		}
		if size &^= blockAsIs; int(size) > len(f.blocks)-end-f.afterBlock {
			return 0, false
		}
		f.bound += min(f.blockBytes, mostRatio*int(size))
		end += int(size) + f.afterBlock
	}
	return 0, false
}

// unpack writes the text of all blocks to dst. It fails where dst is too short,
// which one of bound bytes never is for a sound frame.
func (f *lz4Frame) unpack(dst []byte) ([]byte, error) {
	n := 0
	for at := 0; ; {
		size := binary.LittleEndian.Uint32(f.blocks[at:])
		at += 4
		if size == 0 {
			return dst[:n], nil
		}
		block := f.blocks[at : at+int(size&^blockAsIs)]
		room := dst[n:min(n+f.blockBytes, len(dst))]
		if size&blockAsIs != 0 {
			if len(block) > len(room) {
				return nil, fmt.Errorf("lz4: a block of %d bytes, there is room for %d", len(block), len(room))
			}
			n += copy(room, block)
		} else {
			unpacked, err := lz4.UncompressBlock(block, room)
			if err != nil {
				return nil, fmt.Errorf("lz4: %w", err)
			}
			n += unpacked
		}
		at += len(block) + f.afterBlock
	}
}
