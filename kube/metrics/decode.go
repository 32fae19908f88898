package metrics

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

// decode reads a list of PodMetrics or NodeMetrics, one item at a time. The
// generated types would cost some fifty allocations a pod. prev, the answer
// before, says how much to expect.
func decode(r *bufio.Reader, nodes bool, prev *usage) (*usage, error) {
	b := &builder{nodes: nodes, names: make(map[string]uint32), namespaces: make(map[string]string)}
	b.out.items = make(map[key]span, prev.Len())
	if prev != nil {
		b.out.containers = make([]container, 0, len(prev.containers)+len(prev.containers)/16)
	}
	magic, err := r.Peek(len(protobufMagic))
	switch {
	case err != nil && !errors.Is(err, io.EOF):
		return nil, err
	case string(magic) == protobufMagic:
		err = decodeProtobuf(r, b)
	default:
		err = decodeJSON(r, b)
	}
	if err != nil {
		return nil, err
	}
	return &b.out, nil
}

// builder collects items.
type builder struct {
	out        usage
	nodes      bool
	names      map[string]uint32 // numbers of the names of containers
	namespaces map[string]string
	found      []container // of the item being read
}

// add ends the item being read.
func (b *builder) add(namespace, name []byte, window time.Duration) {
	ns, ok := b.namespaces[string(namespace)]
	if !ok {
		ns = string(namespace)
		b.namespaces[ns] = ns
	}
	s := span{uint32(len(b.out.containers)), uint32(len(b.found))} // a cluster has fewer
	b.out.containers = append(b.out.containers, b.found...)
	b.out.items[key{ns, string(name)}] = s
	b.out.window = window
	b.found = b.found[:0]
}

// addContainer adds to the item being read; a node is its only container.
func (b *builder) addContainer(name []byte, u Usage) {
	i, ok := b.names[string(name)]
	if !ok {
		i = uint32(len(b.out.names)) // there are few names
		b.out.names = append(b.out.names, string(name))
		b.names[string(name)] = i
	}
	milli := uint32(min(max(u.MilliCPU, 0), math.MaxUint32)) // clamped
	b.found = append(b.found, container{name: i, milli: milli, bytes: u.Bytes})
}

const protobufMagic = "k8s\x00"

// Field numbers of runtime.Unknown, the lists, PodMetrics and NodeMetrics,
// ContainerMetrics, ObjectMeta, Duration, Quantity and entries of maps.
const (
	unknownRaw           = 2
	listItems            = 2
	itemMetadata         = 1
	itemWindow           = 3
	itemUsage            = 4 // of a node; a pod's containers
	containerName        = 1
	containerUsage       = 2
	metadataName         = 1
	metadataNamespace    = 3
	durationNanos        = 1
	quantityString       = 1
	entryKey, entryValue = 1, 2
)

// maxItem is far above any real item; a longer one is a broken answer.
const maxItem = 4 << 20

func decodeProtobuf(r *bufio.Reader, b *builder) error {
	if _, err := r.Discard(len(protobufMagic)); err != nil {
		return err
	}
	in := &stream{r: r, left: math.MaxInt64}
	for {
		num, typ, size, err := in.field()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if num != unknownRaw || typ != protowire.BytesType {
			if err := in.skip(size); err != nil {
				return err
			}
			continue
		}
		if err := decodeList(&stream{r: r, left: size}, b); err != nil {
			return err
		}
	}
}

func decodeList(in *stream, b *builder) error {
	var buf []byte
	for in.left > 0 {
		num, typ, size, err := in.field()
		if err != nil {
			return noEOF(err)
		}
		if num != listItems || typ != protowire.BytesType {
			if err := in.skip(size); err != nil {
				return noEOF(err)
			}
			continue
		}
		if size > maxItem {
			return fmt.Errorf("an item of %d bytes", size)
		}
		if int64(cap(buf)) < size {
			buf = make([]byte, size, 2*size)
		}
		buf = buf[:size]
		if err := in.full(buf); err != nil {
			return noEOF(err)
		}
		if err := decodeItem(buf, b); err != nil {
			return err
		}
	}
	return nil
}

// noEOF turns an end amid a message into the error that it is.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// stream reads the fields of a message that is too long to be held.
type stream struct {
	r    *bufio.Reader
	left int64 // bytes until the message ends
}

// field reads a tag. size is the number of bytes of the value that follow.
func (s *stream) field() (num protowire.Number, typ protowire.Type, size int64, err error) {
	tag, err := s.varint()
	if err != nil {
		return 0, 0, 0, err
	}
	num, typ = protowire.DecodeTag(tag)
	switch typ {
	case protowire.BytesType:
		n, err := s.varint()
		if err != nil || n > math.MaxInt64 || int64(n) > s.left {
			return 0, 0, 0, errBroken
		}
		return num, typ, int64(n), nil
	case protowire.VarintType:
		_, err := s.varint()
		return num, typ, 0, noEOF(err)
	case protowire.Fixed32Type:
		return num, typ, 4, nil
	case protowire.Fixed64Type:
		return num, typ, 8, nil
	default: // groups, which no message here has, and what is no type
		return 0, 0, 0, errBroken
	}
}

var errBroken = errors.New("not a list of metrics")

func (s *stream) varint() (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		c, err := s.r.ReadByte()
		if err != nil {
			if shift > 0 {
				err = noEOF(err)
			}
			return 0, err
		}
		s.left--
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v, nil
		}
	}
	return 0, errBroken
}

func (s *stream) skip(n int64) error {
	s.left -= n
	_, err := io.CopyN(io.Discard, s.r, n)
	return err
}

func (s *stream) full(buf []byte) error {
	s.left -= int64(len(buf))
	_, err := io.ReadFull(s.r, buf)
	return err
}

// fields calls f with the fields of msg whose values are bytes, and with the
// numbers of those that are varints.
func fields(msg []byte, f func(num protowire.Number, value []byte, number uint64) error) error {
	for len(msg) > 0 {
		num, typ, n := protowire.ConsumeTag(msg)
		if n < 0 {
			return errBroken
		}
		msg = msg[n:]
		var value []byte
		var number uint64
		switch typ {
		case protowire.BytesType:
			value, n = protowire.ConsumeBytes(msg)
		case protowire.VarintType:
			number, n = protowire.ConsumeVarint(msg)
		default:
			n = protowire.ConsumeFieldValue(num, typ, msg)
		}
		if n < 0 {
			return errBroken
		}
		msg = msg[n:]
		if err := f(num, value, number); err != nil {
			return err
		}
	}
	return nil
}

func decodeItem(msg []byte, b *builder) error {
	var namespace, name []byte
	var window time.Duration
	var node Usage
	b.found = b.found[:0]
	err := fields(msg, func(num protowire.Number, value []byte, _ uint64) error {
		switch num {
		case itemMetadata:
			return fields(value, func(num protowire.Number, value []byte, _ uint64) error {
				switch num {
				case metadataName:
					name = value
				case metadataNamespace:
					namespace = value
				}
				return nil
			})
		case itemWindow:
			return fields(value, func(num protowire.Number, _ []byte, number uint64) error {
				if num == durationNanos {
					window = time.Duration(number) // the message's own type is int64
				}
				return nil
			})
		case itemUsage:
			if b.nodes {
				return decodeUsage(value, &node)
			}
			return decodeContainer(value, b)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if b.nodes {
		b.addContainer(nil, node)
	}
	b.add(namespace, name, window)
	return nil
}

func decodeContainer(msg []byte, b *builder) error {
	var name []byte
	var used Usage
	err := fields(msg, func(num protowire.Number, value []byte, _ uint64) error {
		switch num {
		case containerName:
			name = value
		case containerUsage:
			return decodeUsage(value, &used)
		}
		return nil
	})
	b.addContainer(name, used)
	return err
}

// decodeUsage reads one entry of a map from resource to quantity.
func decodeUsage(msg []byte, u *Usage) error {
	var resource, quantity []byte
	err := fields(msg, func(num protowire.Number, value []byte, _ uint64) error {
		switch num {
		case entryKey:
			resource = value
		case entryValue:
			return fields(value, func(num protowire.Number, value []byte, _ uint64) error {
				if num == quantityString {
					quantity = value
				}
				return nil
			})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return u.set(resource, quantity)
}

// decodeJSON is for servers that know no protobuf.
func decodeJSON(r io.Reader, b *builder) error {
	dec := json.NewDecoder(r)
	for depth := 0; ; {
		tok, err := dec.Token()
		if err != nil {
			return fmt.Errorf("%w: %w", errBroken, noEOF(err))
		}
		switch tok {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			if depth--; depth == 0 {
				return nil
			}
		case "items":
			if depth != 1 {
				continue
			}
			if err := decodeJSONItems(dec, b); err != nil {
				return fmt.Errorf("%w: %w", errBroken, noEOF(err))
			}
		}
	}
}

func decodeJSONItems(dec *json.Decoder, b *builder) error {
	if tok, err := dec.Token(); err != nil || tok != json.Delim('[') { // null, if there are none
		return err
	}
	for dec.More() {
		var item struct {
			Metadata   struct{ Namespace, Name string }
			Window     string
			Usage      map[string]string
			Containers []struct {
				Name  string
				Usage map[string]string
			}
		}
		if err := dec.Decode(&item); err != nil {
			return err
		}
		if b.nodes {
			item.Containers = append(item.Containers[:0], struct {
				Name  string
				Usage map[string]string
			}{Usage: item.Usage})
		}
		for _, c := range item.Containers {
			var used Usage
			for resource, quantity := range c.Usage {
				if err := used.set([]byte(resource), []byte(quantity)); err != nil {
					return err
				}
			}
			b.addContainer([]byte(c.Name), used)
		}
		window, _ := time.ParseDuration(item.Window) // of no use if it cannot be read
		b.add([]byte(item.Metadata.Namespace), []byte(item.Metadata.Name), window)
	}
	_, err := dec.Token()
	return err
}
