package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// The program keeps its files where the XDG base directory specification says,
// on macOS too, where terminal programs are expected to; on Windows under
// %AppData% and %LocalAppData%. The XDG variables hold everywhere.

// DefaultPath returns where the configuration file is if nobody says otherwise,
// or "" if the environment does not tell.
func DefaultPath(env []string) string {
	dir := userDir(runtime.GOOS, environment(env), "XDG_CONFIG_HOME", ".config", "APPDATA", "")
	if dir == "" {
		return ""
	}
	return filepath.Join(dir, "config.yaml")
}

// StateDir returns the directory for what should outlive the program: its
// journal. It is created if needed, for the user alone.
func StateDir(env []string) (string, error) {
	dir := userDir(runtime.GOOS, environment(env), "XDG_STATE_HOME", ".local/state", "LOCALAPPDATA", "state")
	if dir == "" {
		return "", errors.New("there is no home directory to keep files in: set HOME or XDG_STATE_HOME")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("create directory: %w", err)
	}
	return dir, nil
}

// userDir returns our directory below that of an XDG variable, or below its
// usual place: home on Unix, a variable of its own on Windows.
func userDir(goos string, env map[string]string, xdg, home, windows, below string) string {
	// The specification says to ignore relative paths.
	if base := env[xdg]; filepath.IsAbs(base) {
		return filepath.Join(base, "quarterdeck")
	}
	switch {
	case goos == "windows" && env[windows] != "":
		return filepath.Join(env[windows], "quarterdeck", below)
	case goos != "windows" && env["HOME"] != "":
		return filepath.Join(env["HOME"], filepath.FromSlash(home), "quarterdeck")
	}
	return ""
}
