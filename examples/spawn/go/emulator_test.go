package spawn

import (
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"testing"
)

// Ready is what the emulator prints when it listens.
type Ready struct {
	URL     string `json:"url"`
	Control string `json:"control"`
}

var emulator Ready

// TestMain starts one emulator for all tests of the package.
func TestMain(m *testing.M) {
	program := os.Getenv("WFI_EMULATOR")
	if program == "" {
		program = "wfi-emulator"
	}
	command := exec.Command(program, "--port", "0", "--ready", "json", "--exit-with-parent", "--log", "off")
	command.Stderr = os.Stderr
	// The pipe to its standard input is what ties its life to ours.
	input, _ := command.StdinPipe()
	output, _ := command.StdoutPipe()
	if err := command.Start(); err != nil {
		panic(err)
	}
	if err := json.NewDecoder(output).Decode(&emulator); err != nil {
		panic(program + " has not become ready: " + err.Error())
	}
	status := m.Run()
	input.Close()
	command.Wait()
	os.Exit(status)
}

var noName = regexp.MustCompile(`[^A-Za-z0-9._~-]`)

// baseURL returns the base URL of a test's own tenant.
func baseURL(t *testing.T) string {
	return emulator.URL + "/_world/" + noName.ReplaceAllString(t.Name(), "-")
}
