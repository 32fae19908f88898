package shell

import (
	archive "archive/tar"
	"errors"
	"io"
	"os"
	"path"
	"strings"
)

// tar packs to standard output and unpacks from standard input, which is all
// that copying files to and from a container needs.
func tar(c call) error {
	letters, names, dir := "", []string(nil), c.dir
	for args := c.args[1:]; len(args) > 0; args = args[1:] {
		switch word := args[0]; {
		case word == "-C" && len(args) > 1:
			dir = "/" + local(c.dir, args[1])
			if _, err := c.files.stat("/", dir); err != nil {
				return err
			}
			args = args[1:]
		case word == "-" && strings.HasSuffix(letters, "f"):
		case letters == "" || strings.HasPrefix(word, "-"):
			letters += strings.TrimLeft(word, "-")
		default:
			names = append(names, word)
		}
	}
	switch {
	case strings.HasPrefix(letters, "c"):
		return c.pack(dir, names)
	case strings.HasPrefix(letters, "x"):
		return c.unpack(dir)
	}
	return errors.New("give c or x")
}

func (c call) pack(dir string, names []string) error {
	out := archive.NewWriter(c.out)
	for _, name := range names {
		if err := c.packOne(out, dir, name); err != nil {
			return err
		}
	}
	return out.Close()
}

func (c call) packOne(out *archive.Writer, dir, name string) error {
	info, err := c.files.stat(dir, name)
	if err != nil {
		return err
	}
	header, err := archive.FileInfoHeader(info, "")
	if err != nil {
		return err
	}
	header.Name = strings.TrimPrefix(name, "/")
	if err := out.WriteHeader(header); err != nil {
		return err
	}
	if info.IsDir() {
		entries, err := c.files.readDir(dir, name)
		if err != nil {
			return err
		}
		for _, entry := range entries {
			if err := c.packOne(out, dir, path.Join(name, entry.Name())); err != nil {
				return err
			}
		}
		return nil
	}
	file, err := c.files.open(dir, name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // opened for reading only
	_, err = io.Copy(out, file)
	return err
}

func (c call) unpack(dir string) error {
	if c.in == nil {
		return nil
	}
	in := archive.NewReader(c.in)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			// The sender pads its archive; it must not block on that.
			_, err = io.Copy(io.Discard, c.in)
			return err
		}
		if err != nil {
			return err
		}
		target := local(dir, header.Name)
		switch header.Typeflag {
		case archive.TypeDir:
			if err := c.files.root.MkdirAll(target, 0o755); err != nil {
				return err
			}
		case archive.TypeReg:
			if err := c.files.root.MkdirAll(path.Dir(target), 0o755); err != nil {
				return err
			}
			file, err := c.files.root.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, os.FileMode(header.Mode).Perm())
			if err != nil {
				return err
			}
			_, err = io.Copy(file, in)
			if err := errors.Join(err, file.Close()); err != nil {
				return err
			}
		}
	}
}
