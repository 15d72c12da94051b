package ingest

import (
	"encoding/binary"
	"fmt"
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
// again: what is fetched is nothing that the garbage collector has to collect.
type unpacker struct {
	other kgo.Decompressor
	rooms sync.Pool // of *[]byte: where a batch is unpacked before its size is known

	mu    sync.Mutex
	texts [][]byte // unpacked batches whose records are all in blocks
	idle  int      // bytes of texts
}

// idleText is how many bytes of unpacked batches are kept to be used again. (A
// sync.Pool forgets them at each collection, and there are many: memory is
// bounded.)
const idleText = 16 << 20

func newUnpacker() *unpacker {
	return &unpacker{other: kgo.DefaultDecompressor(), rooms: sync.Pool{New: func() any { return new([]byte) }}}
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
	if text, ok := u.intoUsed(frame); ok {
		return text, nil
	}
	room := u.rooms.Get().(*[]byte)
	defer u.rooms.Put(room)
	if len(*room) < frame.bound {
		*room = make([]byte, frame.bound)
	}
	text, err := frame.unpack((*room)[:frame.bound])
	if err != nil {
		return nil, err
	}
	return append(u.GetDecompressBytes(text, codec), text...), nil
}

// intoUsed unpacks a frame straight to where an earlier batch was. A frame does
// not tell how long its text is, but a producer's batches are of about the same
// size: mostly it fits, and is not copied.
func (u *unpacker) intoUsed(frame lz4Frame) (text []byte, ok bool) {
	used := u.used()
	if used == nil {
		return nil, false
	}
	text, err := frame.unpack(used[:min(cap(used), frame.bound)])
	// One that is too short, or of which most would be wasted, is not offered again.
	return text, err == nil && fits(cap(used), len(text))
}

// used is where an earlier batch was, nil where there is none to use again.
func (u *unpacker) used() []byte {
	u.mu.Lock()
	defer u.mu.Unlock()
	last := len(u.texts) - 1
	if last < 0 {
		return nil
	}
	text := u.texts[last]
	u.texts, u.idle = u.texts[:last], u.idle-cap(text)
	return text
}

// textGrain is what the room for a text is a multiple of, with at least half as
// much to spare, so that the texts of batches of about the same size fit into
// each other's room.
const textGrain = 32 << 10

// fits reports whether a text may have so much room.
func fits(room, text int) bool { return text <= room && room <= 2*text+2*textGrain }

// GetDecompressBytes implements [kgo.PoolDecompressBytes]. It has room for
// something of the size of text, and is empty.
func (u *unpacker) GetDecompressBytes(text []byte, _ kgo.CompressionCodecType) []byte {
	if used := u.used(); fits(cap(used), len(text)) {
		return used[:0]
	}
	return make([]byte, 0, (len(text)+textGrain/2+textGrain)/textGrain*textGrain)
}

// PutDecompressBytes implements [kgo.PoolDecompressBytes].
func (u *unpacker) PutDecompressBytes(text []byte) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if cap(text) > 0 && u.idle+cap(text) <= idleText {
		u.texts, u.idle = append(u.texts, text), u.idle+cap(text)
	}
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
