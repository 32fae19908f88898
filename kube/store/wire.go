package store

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"google.golang.org/protobuf/encoding/protowire"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The wire format of Kubernetes' protobuf encoding: an object is the magic
// prefix and a runtime.Unknown {1: TypeMeta, 2: raw}; a list's message is
// {1: ListMeta, 2: repeated item}; a watch is a sequence of frames, each a
// big-endian uint32 of length and a WatchEvent {1: type, 2: RawExtension
// {1: raw}}. See k8s.io/apimachinery/pkg/runtime/serializer/protobuf.
//
// Reading it field by field, instead of decoding a whole list, lets the next
// page be asked for before this one is decoded, keeps one decoded object alive
// at a time, and leaves out what no column shows before it is ever allocated.

var magic = []byte{'k', '8', 's', 0}

var errWire = errors.New("malformed protobuf")

// isProtobuf reports whether body is in Kubernetes' protobuf encoding.
func isProtobuf(body []byte) bool { return bytes.HasPrefix(body, magic) }

// unwrap returns the message in a runtime.Unknown.
func unwrap(body []byte) ([]byte, error) {
	if !isProtobuf(body) {
		return nil, fmt.Errorf("%w: no %q prefix", errWire, magic)
	}
	return field(body[len(magic):], 2)
}

// field returns the last value of the length-delimited field num in msg, nil
// if it is not there.
func field(msg []byte, num protowire.Number) ([]byte, error) {
	var found []byte
	err := eachField(msg, func(n protowire.Number, _, value []byte) error {
		if n == num {
			found = value
		}
		return nil
	})
	return found, err
}

// eachField calls yield with every field of msg: its number, its whole
// encoding, and its value if it is length-delimited (nil otherwise).
func eachField(msg []byte, yield func(num protowire.Number, whole, value []byte) error) error {
	for len(msg) > 0 {
		num, typ, tag := protowire.ConsumeTag(msg)
		if tag < 0 {
			return errWire
		}
		size := protowire.ConsumeFieldValue(num, typ, msg[tag:])
		if size < 0 {
			return errWire
		}
		var value []byte
		if typ == protowire.BytesType {
			value, _ = protowire.ConsumeBytes(msg[tag:])
		}
		if err := yield(num, msg[:tag+size], value); err != nil {
			return err
		}
		msg = msg[tag+size:]
	}
	return nil
}

// listMeta returns the ListMeta of a list's message.
func listMeta(list []byte) (metav1.ListMeta, error) {
	var m metav1.ListMeta
	raw, err := field(list, 1)
	if err == nil {
		err = m.Unmarshal(raw)
	}
	return m, err
}

// pruner leaves fields out of a message. Its keys are field numbers; a nil
// value drops the field, another pruner goes into it.
type pruner map[protowire.Number]pruner

// prunePaths returns the pruner that drops the fields at the given paths of
// field numbers.
func prunePaths(paths ...[]protowire.Number) pruner {
	root := pruner{}
	for _, path := range paths {
		p := root
		for _, num := range path[:len(path)-1] {
			if p[num] == nil {
				p[num] = pruner{}
			}
			p = p[num]
		}
		p[path[len(path)-1]] = nil
	}
	return root
}

// appendPruned appends msg to dst without the fields that p drops.
func (p pruner) appendPruned(dst, msg []byte) ([]byte, error) {
	err := eachField(msg, func(num protowire.Number, whole, value []byte) error {
		inner, named := p[num]
		switch {
		case !named:
			dst = append(dst, whole...)
		case inner != nil:
			// The length of the pruned value is known only afterwards: write it
			// behind room for the longest length that it can have, then close up.
			dst = protowire.AppendTag(dst, num, protowire.BytesType)
			start := len(dst)
			room := protowire.SizeVarint(uint64(len(value)))
			for range room {
				dst = append(dst, 0)
			}
			var err error
			if dst, err = inner.appendPruned(dst, value); err != nil {
				return err
			}
			length := uint64(len(dst) - start - room)
			if used := protowire.SizeVarint(length); used < room {
				copy(dst[start+used:], dst[start+room:])
				dst = dst[:len(dst)-room+used]
			}
			protowire.AppendVarint(dst[:start], length)
		}
		return nil
	})
	return dst, err
}

// frames reads the frames of a protobuf watch.
type frames struct {
	r   *bufio.Reader
	buf []byte
}

// frameLimit is the largest frame taken: etcd's objects are at most a few MiB.
const frameLimit = 64 << 20

// next returns the type and the encoded object of the next event. The object
// is valid until the following call.
func (f *frames) next() (typ string, object []byte, err error) {
	var head [4]byte
	if _, err := io.ReadFull(f.r, head[:]); err != nil {
		return "", nil, err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > frameLimit {
		return "", nil, fmt.Errorf("%w: frame of %d bytes", errWire, size)
	}
	if cap(f.buf) < int(size) {
		f.buf = make([]byte, size)
	}
	f.buf = f.buf[:size]
	if _, err := io.ReadFull(f.r, f.buf); err != nil {
		return "", nil, err
	}
	err = eachField(f.buf, func(num protowire.Number, _, value []byte) error {
		switch num {
		case 1:
			typ = string(value)
		case 2:
			var err error
			object, err = field(value, 1)
			return err
		}
		return nil
	})
	return typ, object, err
}
